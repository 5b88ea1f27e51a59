"""The sample files are what the programs make, hold what they promise, and read as the studio's own intake wants."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from storage.data import datasets, uploads
from storage.models import User
from templates import registry, samples
from templates.errors import BadInput
from templates.samples import readme
from templates.samples.phrasebook import runs, words
from templates.samples.sample import FOLDER, Sample, SampleFile
from templates.samples.sets import changed_facts, sea_log
from templates.world import abilities, suite
from templates.world.corpus import POLITE, documents
from templates.world.facts import world

ALL = list(samples.samples().values())
FILES = [file for sample in ALL for file in sample.files]
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
    return list(samples.samples()[key].files[place].make())


def texts(row: dict[str, Any]) -> list[str]:
    return [text for value in row.values() for text in (value if isinstance(value, list) else [value])]


def test_every_promised_set_is_there_and_large_enough() -> None:
    assert set(LEAST) <= set(samples.samples())
    for key, least in LEAST.items():
        assert all(file.n_rows >= n for file, n in zip(samples.samples()[key].files, least, strict=True)), key


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_what_its_program_makes(file: SampleFile) -> None:
    content = file.content()
    assert file.path.read_bytes() == content.encode("utf-8"), "write it anew: python -m templates.samples"
    assert file.content() == content
    assert len(file.make()) == file.n_rows


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_row_comes_twice_and_no_slot_stays_open(file: SampleFile) -> None:
    found = file.make()
    assert max(Counter(str(row) for row in found).values()) == 1
    for text in (text for row in found for text in texts(row)):
        assert text == text.strip()
        assert not re.search(r"\*|[{]\w+[}]|  |\b[Aa] [aeiou]\w|\b(\w+) \1\b", text) or "JSON" in text, text


def test_the_page_beside_the_files_tells_of_them() -> None:
    assert readme.PATH.read_text("utf-8") == readme.content()
    assert {path.name for path in FOLDER.iterdir()} == {file.name for file in FILES} | {readme.PATH.name}


@pytest.mark.parametrize("sample", samples.offered().values(), ids=lambda sample: sample.key)
def test_the_studio_takes_it_as_it_is(studio: User, sample: Sample) -> None:
    with sample.file.path.open("rb") as stream:
        seen = datasets.preview(studio, uploads.save(studio, sample.file.name, stream))
    assert seen.shape == sample.shape
    assert set(seen.mapping) >= {f.name for f in registry.shape(sample.shape).fields if f.required}
    assert seen.problems == []
    assert seen.n_rows == sample.file.n_rows


def test_only_sets_whose_shape_exists_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert next(iter(samples.offered())) == samples.DEFAULT
    monkeypatch.setattr(registry, "shapes", lambda: {"text": object()})
    assert set(samples.offered()) == {"sea_log"}
    with pytest.raises(BadInput, match=r"no sample data.*sea_log"):
        samples.sample("intents")


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
    new = {item.messages[-1]["content"] for item in suite.read() if not abilities()[item.ability].recalled}
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
