"""The held-out rows: drawn by seed and content, alike rows together, labels in proportion."""

from __future__ import annotations

import io
from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data import datasets, drafts, row_files, splits, uploads
from storage.models import User
from templates import registry


def prints_of(texts: list[str]) -> splits.Fingerprints:
    batches = row_files.batches(registry.shape("text"), ((i, {"text": text}) for i, text in enumerate(texts)))
    return np.concatenate([row_files.fingerprints(batch) for batch in batches])


@settings(deadline=None)
@given(
    n_rows=st.integers(60, 300),
    alike=st.lists(st.lists(st.integers(0, 59), min_size=2, max_size=4), max_size=6),
    n_labels=st.integers(1, 5),
    share=st.sampled_from([0.05, 0.1, 0.3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_alike_rows_stay_together_and_labels_in_proportion(
    n_rows: int, alike: list[list[int]], n_labels: int, share: float, seed: int
) -> None:
    texts = [str(one) for one in np.random.default_rng(seed).integers(0, 400, n_rows)]
    prints = prints_of(texts)
    labels = [str(int(text) % n_labels) for text in texts]
    held_out, again = (splits.draw(splits.contents(prints, seed), share, labels=labels, alike=alike) for _ in "ab")
    assert (held_out == again).all()
    for group in [np.flatnonzero(prints == one).tolist() for one in set(prints.tolist())] + alike:
        assert len(set(held_out[group].tolist())) == 1
    largest = max(Counter(texts).values()) + sum(map(len, alike)) * max(Counter(texts).values())
    wanted = splits.n_held_out(len(texts), share)
    assert wanted - largest <= held_out.sum() <= wanted
    assert 0 < held_out.sum() < len(texts)


def test_of_each_label_its_share_is_held_out() -> None:
    labels = ["often"] * 600 + ["seldom"] * 60 + ["rare"] * 10
    held_out = splits.draw(splits.contents(prints_of([str(i) for i in range(670)]), 3), 0.1, labels=labels)
    counts = Counter(label for label, held in zip(labels, held_out.tolist(), strict=True) if held)
    assert counts == {"often": 60, "seldom": 6, "rare": 1}


def test_another_seed_draws_others_and_the_order_of_rows_does_not_matter() -> None:
    texts = [str(i) for i in range(500)]
    prints = prints_of(texts)
    one, other = (splits.draw(splits.contents(prints, seed), 0.2) for seed in (1, 2))
    assert 0 < (one & other).sum() < one.sum()
    backwards = splits.draw(splits.contents(prints[::-1], 1), 0.2)
    assert (backwards[::-1] == one).all()


@pytest.mark.parametrize(("n_rows", "n"), [(2, 1), (20, 2), (199, 20), (200, 50), (4_000, 400)])
def test_enough_rows_are_held_out_to_show_a_difference(n_rows: int, n: int) -> None:
    assert splits.n_held_out(n_rows, 0.1) == n
    assert splits.draw(splits.contents(prints_of([str(i) for i in range(n_rows)]), 0), 0.1).sum() == n


def test_no_near_duplicate_stands_on_the_other_side(studio: User) -> None:
    drawn = Random(1)
    words = ["".join(drawn.choices("abcdefghijklmnop", k=6)) for _ in range(300)]
    texts = [" ".join(drawn.choices(words, k=12)) for _ in range(40)]
    lines = [f"{text}{end},{i % 2}" for end in ("", "!", " please") for i, text in enumerate(texts)]
    upload = uploads.save(studio, "t.csv", io.BytesIO("\n".join(["text,label", *lines]).encode()))
    made = datasets.add(studio, upload, name="orders", split=splits.Split(share=0.2))
    sides: dict[str, set[bool]] = {}
    for row in datasets.rows(made):
        sides.setdefault(row["text"].rstrip("!").removesuffix(" please"), set()).add(row["held_out"])
    assert len(sides) == 40
    assert all(len(side) == 1 for side in sides.values())
    assert Counter(row["label"] for row in datasets.rows(made, side="held_out")) == {"0": 12, "1": 12}


def test_large_files_say_what_was_not_looked_for(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "GROUPED_BYTES", 100)
    lines = [f"word {i},{i % 3}" for i in range(60)]
    upload = uploads.save(studio, "t.csv", io.BytesIO("\n".join(["text,label", *lines]).encode()))
    made = datasets.add(studio, upload, name="words")
    assert any("near duplicates takes minutes" in remark["message"] for remark in made.remarks)
