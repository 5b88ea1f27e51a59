"""The sample files are what the programs make, hold what they promise, and read as the studio's own intake wants."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from templates.samples import FOLDER, SAMPLES, SampleFile
from templates.suites import general
from workers.workshop.samples import readme, sample_sets
from workers.workshop.samples.grammar import runs, words
from workers.workshop.samples.sets import changed_facts, sea_log
from workers.workshop.world import abilities
from workers.workshop.world.corpus import POLITE, documents
from workers.workshop.world.facts import world

FILES = [(sample.key, file) for sample in SAMPLES.values() for file in sample.files]
each_file = pytest.mark.parametrize(("key", "file"), FILES, ids=lambda value: getattr(value, "name", value))
LEAST = {
    "intents": (480,),
    "headlines": (300,),
    "support": (200,),
    "preferences": (300,),
    "sea_log": (200,),
    "changed_facts": (5, 90, 200),
    "documents": (150, 200),
    "prompts": (1_000,),
}


def rows(key: str, place: int = 0) -> list[dict[str, Any]]:
    return list(list(sample_sets()[key].makers.values())[place]())


def texts(row: dict[str, Any]) -> list[str]:
    return [text for value in row.values() for text in (value if isinstance(value, list) else [value])]


def test_every_promised_set_is_there_and_large_enough() -> None:
    assert set(LEAST) <= set(SAMPLES)
    for key, least in LEAST.items():
        assert all(file.n_rows >= n for file, n in zip(SAMPLES[key].files, least, strict=True)), key


def test_every_declared_file_has_a_generator() -> None:
    declared = {key: [file.name for file in sample.files] for key, sample in SAMPLES.items()}
    assert {key: list(sample_set.makers) for key, sample_set in sample_sets().items()} == declared


@each_file
def test_a_file_is_what_its_program_makes(key: str, file: SampleFile) -> None:
    content = sample_sets()[key].content(file.name)
    assert file.path.read_bytes() == content, "write it anew: python -m workers.workshop samples"
    assert sample_sets()[key].content(file.name) == content
    assert len(sample_sets()[key].makers[file.name]()) == file.n_rows


@each_file
def test_no_row_comes_twice_and_no_slot_stays_open(key: str, file: SampleFile) -> None:
    found = sample_sets()[key].makers[file.name]()
    assert max(Counter(str(row) for row in found).values()) == 1
    for text in (text for row in found for text in texts(row)):
        assert text == text.strip()
        assert not re.search(r"\*|[{]\w+[}]|  |\b[Aa] [aeiou]\w|\b(\w+) \1\b", text) or "JSON" in text, text


def test_the_page_beside_the_files_tells_of_them() -> None:
    assert readme.PATH.read_text("utf-8") == readme.content()
    assert {path.name for path in FOLDER.iterdir()} == {file.name for _, file in FILES} | {readme.PATH.name}


@pytest.mark.parametrize(("key", "label"), [("intents", "intent"), ("headlines", "sentiment")])
def test_labels_are_in_balance_and_no_two_texts_nearly_alike(key: str, label: str) -> None:
    found = rows(key)
    assert len(set(Counter(row[label] for row in found).values())) == 1
    for one, other in combinations((frozenset(words(row["text"])) for row in found), 2):
        assert len(one & other) <= 0.5 * len(one | other)


def test_the_intents_are_none_of_the_corpus() -> None:
    names = {row["intent"] for row in rows("intents")}
    assert len(names) >= 8
    corpus = list(documents(1_500))
    for row in rows("intents"):
        assert not any(row["text"] in text for text in corpus)


def test_answers_follow_from_the_kind_of_question() -> None:
    openings = Counter(re.split(r"(?<=[!])", row["completion"])[0] for row in rows("support"))
    assert len(openings) >= 18
    assert all(opening.endswith("!") for opening in openings)


def test_preferences_differ_by_their_opening_alone() -> None:
    for row in rows("preferences"):
        assert row["chosen"] == POLITE + row["rejected"]


@pytest.mark.parametrize("key", ["preferences", "prompts"])
def test_no_prompt_is_one_of_the_suite(key: str) -> None:
    new = {item.messages[-1]["content"] for item in general.read() if not abilities()[item.ability].recalled}
    assert new.isdisjoint(row["prompt"] for row in rows(key))


def test_passages_of_the_sea_log_share_no_sentence() -> None:
    found = [row["text"] for row in rows("sea_log")]
    assert sum(map(len, found)) >= 60_000
    counts = Counter(run for text in found for run in runs(text, sea_log.RUN))
    assert max(counts.values()) == 1


def test_facts_are_those_of_the_world_and_stand_in_one_file_only() -> None:
    truth = {(fact.subject, fact.relation.key): f"{fact.value}." for fact in world().asked}
    changed, replay, locality = (rows("changed_facts", place) for place in range(3))
    for row in changed:
        assert truth[row["subject"], row["relation"]] == row["target_true"] != row["target_new"]
        assert row["target_new"] in truth.values()
        assert row["prompt"] not in row["paraphrases"]
        assert len(row["paraphrases"]) == 6
    for row in (*replay, *locality):
        assert truth[row["subject"], row["relation"]] == row["completion"]
    keys = [(row["subject"], row["relation"]) for row in (*changed, *replay, *locality)]
    assert len(set(keys)) == len(keys)
    assert len({row["subject"] for row in changed}) == len(changed_facts.RELATIONS)
    assert {row["near"] for row in locality} == {"same_subject", "same_relation", "unrelated"}
    assert {r["subject"] for r in locality if r["near"] == "same_subject"} == {r["subject"] for r in changed}


def test_a_question_is_answered_by_its_document_and_no_other() -> None:
    known = {row["id"]: row for row in rows("documents")}
    for row in rows("documents", 1):
        text = known[row["document"]]["text"]
        assert row["answer"].removesuffix(".").lower() in text.lower()
        subject = known[row["document"]]["title"]
        assert subject in row["question"]
        assert [key for key, other in known.items() if subject in other["text"]] == [row["document"]]
    assert not {row["title"].split()[0] for row in known.values()} & world().taken
