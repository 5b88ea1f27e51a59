"""A long job comes with changes that make it shorter, each one click away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.pages import train_form
from app.pages.filled import Filled
from app.pages.train_form import FIXES
from storage.models import Dataset, User


def test_changes_that_make_a_long_job_shorter_are_offered(studio: User, tickets: Dataset, asking: Any) -> None:
    request = asking(studio, data="tickets", base="studio-small")
    form = Filled(**train_form.opened(request)[-1])
    _, card, fixes, _, *buttons, _, _ = train_form.checked(request, form)
    assert fixes == []
    assert "shorter" not in card
    assert not any(button["visible"] for button in buttons)

    long = replace(form, values={**form.values, "num_train_epochs": 1000})
    _, card, fixes, _, *buttons, _, _ = train_form.checked(request, long)
    assert "The changes below would make it shorter" in card
    assert [button["visible"] for button in buttons] == [True] * len(fixes) + [False] * (FIXES - len(fixes))
    passes = next(fix for fix in fixes if "num_train_epochs" in fix["settings"])
    assert "500 passes over the data instead of 1000: ≈ " in passes["text"]
    base = next(fix for fix in fixes if fix["base"])
    assert "the smaller base model “studio-nano”" in base["text"]

    assert Filled(**train_form.fixed(request, long, passes)[-1]).values["num_train_epochs"] == 500
    smaller = Filled(**train_form.fixed(request, long, base)[-1])
    assert (smaller.base, smaller.values["num_train_epochs"]) == ("studio-nano", 1000)
