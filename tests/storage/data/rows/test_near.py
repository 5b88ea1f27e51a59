"""Near duplicates: in any script, without the words of a template, and in time."""

from __future__ import annotations

import time
from itertools import combinations

import pytest

from storage.data.rows import near as health_near
from storage.data.rows.comparable import normalised
from storage.data.rows.near import Sketches, clusters
from storage.data.rows.rows import Rows
from templates import registry
from tests.storage.data.health.planted import Writer, edited


def near(*texts: str) -> bool:
    """Whether the first two are found alike, among many others."""
    writer = Writer(9)
    all_texts = [normalised(text) for text in (*texts, *(writer.sentence() for _ in range(60)))]
    return (0, 1) in Sketches(all_texts).pairs([0] * len(all_texts))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is the parcel that I ordered last week?", "where is the parcel that i ordered last week"),
        ("Where is the parcel that I ordered last week?", "Where is the parcel I ordered last week?"),
        ("我上周在你们网站订购的包裹现在到哪里了？", "我上周在你们网站订购的包裹现在到哪里了"),
        ("我上周在你们网站订购的包裹现在到哪里了？", "我上周在你们网站订购的包裹现在到哪了？"),
        ("先週注文した荷物はいまどこにありますか。", "先週注文した荷物は今どこにありますか。"),
        ("Где посылка, которую я заказал неделю назад?", "Где посылка, которую заказал неделю назад?"),
    ],
)
def test_alike(one: str, other: str) -> None:
    assert near(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is the parcel that I ordered last week?", "Why was my card charged twice this morning?"),
        ("我上周订购的包裹现在到哪里了？", "我想取消昨天下的订单，请问怎么办？"),
        ("yes", "yes"),
    ],
)
def test_not_alike(one: str, other: str) -> None:
    assert not near(one, other)


def test_the_words_of_a_template_make_no_duplicates() -> None:
    writer = Writer(4)
    wrap = "Classify the sentiment of the following text as positive, negative or neutral. Text: {} Answer:"
    texts = [normalised(wrap.format(writer.sentence(5))) for _ in range(200)]
    assert Sketches(texts).pairs([0] * len(texts)) == []


def test_long_texts_are_alike_only_when_they_are() -> None:
    writer = Writer(5)
    texts = [" ".join(writer.random.choices(writer.words, k=4_000)) for _ in range(8)]
    texts.append(edited(texts[2].capitalize(), writer))
    assert Sketches([normalised(text) for text in texts]).pairs([0] * 9) == [(2, 8)]
    chinese = [writer.chinese(3_000) for _ in range(4)]
    chinese.append(chinese[1].replace(chinese[1][99], "的"))
    assert Sketches(chinese).pairs([0] * 5) == [(1, 4)]


def test_numbers_and_labels_tell_rows_apart() -> None:
    def rows(*pairs: tuple[str, str]) -> Rows:
        values = [{"text": text, "label": label} for text, label in pairs]
        return Rows.of(registry.shape("classification"), values)

    text = "Please tell me what became of order {}"
    assert rows((text.format(12), "a"), (text.format(13), "a")).near_rows == []
    assert rows((text.format("x"), "a"), (text.format("x") + "!", "b")).near_rows == []
    assert rows((text.format("x"), "a"), (text.format("x") + "!", "a")).near_rows == [[0, 1]]


def test_many_alike_are_joined_without_comparing_all() -> None:
    writer = Writer(6)
    groups = [writer.sentence(14) for _ in range(30)]
    texts = [normalised(edited(groups[i % 30], writer)) for i in range(600)]
    found = clusters(len(texts), Sketches(texts).pairs([0] * len(texts)))
    joined = sum(len(group) for group in found if len({i % 30 for i in group}) == 1)
    assert joined >= 0.95 * len(texts)


def _texts(n: int) -> list[str]:
    """Short and long ones, of which every fourth is an edited copy of the one before."""
    writer = Writer(5)
    texts: list[str] = []
    for number in range(n):
        words = 130 if number % 12 == 6 else 7 + number % 30
        texts.append(edited(texts[-1], writer) if number % 4 == 3 else writer.sentence(words))
    return [normalised(text) for text in texts]


@pytest.mark.long
def test_hardly_a_pair_is_missed_of_all_there_are() -> None:
    texts = _texts(400)
    sketches = Sketches(texts)
    pairs = list(combinations(range(len(texts)), 2))
    alike = {pair for pair, near in zip(pairs, sketches.similar(pairs), strict=True) if near}
    found = set(sketches.pairs([0] * len(texts)))
    print(f"{len(found)} of {len(alike)} pairs")
    assert len(alike) >= 90
    assert found <= alike
    assert len(found) >= 0.98 * len(alike)


def test_empty_bins_are_filled_alike_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = _texts(300)
    expected = Sketches(texts).pairs([0] * len(texts))
    for few in (0, health_near.N_BINS):
        monkeypatch.setattr(health_near, "FEW_BINS", few)
        assert Sketches(texts).pairs([0] * len(texts)) == expected


def test_so_many_texts_that_only_some_are_counted_for_common_grams(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"dear customer service, {text}" for text in _texts(600)]
    expected = Sketches(texts).pairs([0] * len(texts))
    monkeypatch.setattr(health_near, "COUNTED_TEXTS", 300)
    assert Sketches(texts).pairs([0] * len(texts)) == expected


def test_ten_thousand_short_rows_take_seconds() -> None:
    writer = Writer(8)
    texts = [normalised(writer.sentence(9)) for _ in range(10_000)]
    began = time.process_time()
    assert len(Sketches(texts).pairs([0] * len(texts))) < 10
    print(f"{time.process_time() - began:.2f} s of CPU time")
    assert time.process_time() - began < 10


def test_no_texts() -> None:
    assert Sketches([]).pairs([]) == []
    assert Sketches(["", ""]).pairs([0, 0]) == []
    assert clusters(3, []) == []
