"""Base models get other names, by those who may."""

from __future__ import annotations

import pytest

from storage import users
from storage.bases import base_models, renames
from storage.models import User
from templates.errors import BadInput, Conflict, NotAllowed, NotFound
from tests.storage.base_rows import base_row


def test_a_model_is_renamed_and_keeps_its_id(studio: User) -> None:
    row = base_row(studio, "mine")
    assert renames.rename(studio, "mine", " better ").id == row.id
    assert base_models.get(studio, "better").id == row.id
    with pytest.raises(NotFound):
        base_models.get(studio, "mine")
    assert renames.rename(studio, "better", "better").name == "better"


def test_names_that_cannot_be(studio: User) -> None:
    base_row(studio, "mine")
    base_row(studio, "other")
    with pytest.raises(BadInput, match="not a valid name"):
        renames.rename(studio, "mine", "../x")
    for taken in ("other", "studio-nano"):
        with pytest.raises(Conflict, match="already the name"):
            renames.rename(studio, "mine", taken)
    with pytest.raises(Conflict, match="part of the studio"):
        renames.rename(studio, "studio-nano", "nano")


def test_only_administrators_rename_what_is_shared(studio: User) -> None:
    bob = users.add("alice", "correct horse battery") and users.add("bob", "correct horse battery")
    base_row(studio, "house", shared=True)
    with pytest.raises(NotAllowed, match="shared with everybody"):
        renames.rename(bob, "house", "mine")
    assert renames.rename(studio, "house", "home").is_shared
    base_row(studio, "private")
    with pytest.raises(NotFound):
        renames.rename(bob, "private", "taken")
