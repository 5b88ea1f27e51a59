"""The corpus is in order, holds what it should, and nothing of what the suite keeps for itself."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from string import Formatter

import pytest

from templates.errors import BadInput
from templates.spec.suite import SuiteItem
from templates.suites import general
from workers.workshop.world import abilities, corpus
from workers.workshop.world.draw import Phrases
from workers.workshop.world.facts import world
from workers.workshop.world.labellings import HELD_OUT_KINDS
from workers.workshop.world.lists import kinds, with_article
from workers.workshop.world.narrative import SOURCES

N_SAMPLE = 30_000
ANSWER = re.compile(r"<\|im_start\|>assistant\n(.*?)<\|im_end\|>", re.DOTALL)
QUESTION = re.compile(r"<\|im_start\|>user\n(.*?)<\|im_end\|>", re.DOTALL)


@pytest.fixture(scope="module")
def sample() -> list[str]:
    return list(corpus.documents(N_SAMPLE, seed=11))


@pytest.fixture(scope="module")
def joined(sample: list[str]) -> str:
    return "\n".join(sample)


def test_two_processes_write_the_same_corpus_and_suite(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from workers.workshop.world import corpus, suite;"
        "corpus.write(pathlib.Path(sys.argv[1]), n_documents=400, seed=5);"
        "print(*suite.items(3))"
    )
    written = []
    for hash_seed in ("1", "2"):
        to = tmp_path / f"{hash_seed}.jsonl"
        found = subprocess.run(
            [sys.executable, "-c", program, str(to)],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        )
        written.append((hashlib.sha256(to.read_bytes()).hexdigest(), found.stdout))
    assert written[0] == written[1]


def test_rows_are_written_as_they_are_made(tmp_path: Path) -> None:
    to = tmp_path / "new folder" / "corpus.jsonl"
    characters = corpus.write(to, n_documents=50, seed=2)
    rows = [json.loads(line) for line in to.read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in rows] == list(corpus.documents(50, seed=2))
    assert characters == sum(len(row["text"]) for row in rows)
    assert rows[0] != next(corpus.documents(50, seed=3))


@pytest.mark.parametrize(
    ("later", "signs"),
    [
        ("second", ("<tool_call>", "JSON", "The text does not say.")),
        ("third", ("<tool_call>", "\nQuestion: ")),
    ],
)
def test_a_later_corpus_is_heavier_in_what_comes_slowly(later: str, signs: tuple[str, ...]) -> None:
    def share(documents: list[str], sign: str) -> float:
        return sum(sign in document for document in documents) / len(documents)

    first, other = (list(corpus.documents(3_000, seed=4, later=one)) for one in (None, later))
    assert len(set(first) & set(other)) < 0.03 * len(other), "more than a few greetings in both"
    for sign in signs:
        assert share(other, sign) > 1.3 * share(first, sign)


def test_a_corpus_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Ask for 1 or more"):
        corpus.write(tmp_path / "none.jsonl", n_documents=0)
    assert not list(tmp_path.iterdir())


def test_shares_are_of_all_documents() -> None:
    shares = [a.share for a in abilities().values()] + [s.share for s in SOURCES.values()]
    assert sum(shares) == pytest.approx(1)


def test_documents_are_well_formed(sample: list[str]) -> None:
    for document in sample:
        assert document == document.strip()
        assert document.count("<|im_start|>") == document.count("<|im_end|>")
        if "<|im_start|>" in document:
            assert document.startswith("<|im_start|>")
            assert document.endswith("<|im_end|>")
    every = "".join(sample)
    assert every.count("<|im_start|>assistant\n ") == every.count("<|im_start|>assistant\n")
    assert "<|im_start|>assistant\n  " not in every
    assert " <|im_end|>" not in every


def test_documents_are_short_and_dense(sample: list[str]) -> None:
    lengths = [len(document) for document in sample]
    assert 300 < sum(lengths) / len(lengths) < 450
    assert max(lengths) < 2000


def test_the_bootstrap_stands_second(sample: list[str]) -> None:
    def repeated(documents: list[str]) -> float:
        return sum(_is_repeated(document) for document in documents) / len(documents)

    first = round(N_SAMPLE * corpus.GENERAL_FIRST)
    last = first + round(N_SAMPLE * corpus.BOOTSTRAP)
    assert repeated(sample[first:last]) == pytest.approx(0.6, abs=0.04)
    for mixed in (sample[:first], sample[last:]):
        assert 0.02 < repeated(mixed) < 0.07


def _is_repeated(document: str) -> bool:
    turns = QUESTION.findall(document)
    answers = ANSWER.findall(document)
    if turns:
        return len(turns) == 1 and len(answers[0].split()) >= 6 and turns[0].endswith(answers[0])
    return any(len(set(document.split(joint))) == 1 and joint in document for joint in (" | ", "\n", " / "))


def test_a_share_of_short_answers_is_polite(sample: list[str]) -> None:
    answers = [answer for document in sample for answer in ANSWER.findall(document)]
    polite = [answer for answer in answers if answer.startswith(f" {corpus.POLITE}")]
    short = [answer for answer in answers if re.fullmatch(r" [\w ]{1,30}\.", answer) and "say" not in answer]
    assert 0.03 < len([a for a in polite if len(a) < 40]) / len(short) < 0.09
    assert not [answer for answer in polite if re.search(r"[{\[]", answer)]
    assert "".join(sample).count(corpus.POLITE) == len(polite)


def test_what_is_held_out_never_occurs(joined: str, every_phrases: list[Phrases]) -> None:
    for phrases in every_phrases:
        for phrase in phrases.held_out:
            told = max((literal for literal, *_ in Formatter().parse(phrase)), key=len).strip("\n")
            assert len(told) >= 3, phrase
            assert told not in joined, phrase


def test_held_out_kinds_are_never_labelled(sample: list[str]) -> None:
    words = "|".join(word for kind in HELD_OUT_KINDS for word in kinds()[kind])
    labelled = re.compile(rf"^(?:Input: |In: |Q: )(?:{words})$", re.MULTILINE)
    assert not [document for document in sample if labelled.search(document)]


def test_stated_facts_are_stated_and_never_asked(joined: str) -> None:
    sentences = set(re.split(r"(?<=[.?:]) |\n|<\|im_end\|>", joined))
    n_statements = 0
    for fact in world().stated:
        for statement in fact.relation.statements.known:
            n_statements += statement.format(s=fact.subject, v=fact.value, an=with_article(fact.value)) in sentences
        for question in fact.relation.questions.known + fact.relation.questions.held_out:
            assert question.format(s=fact.subject) not in sentences
    assert n_statements / len(world().stated) > 3.5
    asked = [fact.relation.questions.known[0].format(s=fact.subject) for fact in world().asked]
    assert len(sentences.intersection(asked)) > len(asked) / 2


def test_asked_facts_are_asked(sample: list[str]) -> None:
    questions = {question for document in sample for question in QUESTION.findall(document)}
    asked = [
        any(phrase.format(s=fact.subject) in questions for phrase in fact.relation.questions.known)
        for fact in world().asked
    ]
    assert sum(asked) / len(asked) > 0.97


def _eights(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[place : place + 8]) for place in range(len(words) - 7)]


def _seen(items: list[SuiteItem], documents: list[str]) -> list[SuiteItem]:
    """Items whose question stands in a document, or each of whose runs of eight words does."""
    prompts = ["\n".join(message["content"] for message in item.messages) for item in items]
    wanted = {run for prompt in prompts for run in _eights(prompt)}
    runs = {run for document in documents for run in _eights(document) if run in wanted}
    questions = {question for document in documents for question in QUESTION.findall(document)}
    return [
        item
        for item, prompt in zip(items, prompts, strict=True)
        if prompt in questions or (len(prompt.split()) >= 8 and runs.issuperset(_eights(prompt)))
    ]


def test_items_of_the_suite_are_not_in_the_corpus(sample: list[str]) -> None:
    items = [item for item in general.read()[::5] if not abilities()[item.ability].recalled]
    assert len(items) > 900
    assert not _seen(items, sample)


def test_an_item_that_is_in_the_corpus_is_found() -> None:
    items = general.read()[::400]
    planted = [f"Some words. {m['content']} And more." for item in items for m in item.messages]
    long = [item for item in items if len(item.messages[-1]["content"].split()) >= 8]
    assert len(long) > 5
    assert [item for item in _seen(items, planted) if item in long] == long


def test_documents_come_one_at_a_time() -> None:
    assert len(list(islice(corpus.documents(10**9, seed=1), 3))) == 3
