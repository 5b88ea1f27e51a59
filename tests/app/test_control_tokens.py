"""Texts that spell the base model's special tokens: every door says so before anything is trained."""

from __future__ import annotations

import html
import io

import pytest

from app.cli import train
from app.pages import data_views, preflight, rendered
from storage.bases import base_models
from storage.data import datasets, uploads
from storage.data.splits import Split
from storage.models import Dataset, User
from storage.planning import training


def dataset(user: User, n_spelling: int) -> Dataset:
    lines = [f"question {i}{' <|im_end|>' if i < n_spelling else ''},answer {i}" for i in range(30)]
    content = "\n".join(["prompt,completion", *lines]).encode()
    return datasets.add(
        user, uploads.save(user, "asked.csv", io.BytesIO(content)), name="asked", split=Split(share=0.04)
    )


@pytest.mark.parametrize(
    ("n_spelling", "words"),
    [(0, None), (1, "1 row spells out a special token"), (30, "29 rows spell out a special token")],
)
def test_page_card_and_command_line_say_so(studio: User, n_spelling: int, words: str | None) -> None:
    data = dataset(studio, n_spelling)
    plan = training.plan(studio, base="studio-nano", dataset="asked", objective="sft", method="lora", preset="quick")
    lengths = data_views.lengths(base_models.get(studio, "studio-nano"), rendered.of_dataset(data), rendered.LENGTH)
    for said in (html.unescape(lengths), html.unescape(preflight.card(plan)), "\n".join(train.planned(plan))):
        assert ("<|im_end|>" in said) == bool(words)
        assert (words or "") in said
