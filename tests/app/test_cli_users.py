"""`studio users`: accounts on the command line."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from storage import users
from storage.bases import base_models
from storage.jobs import jobs
from storage.models import User
from tests.app.test_cli import Ran

PASSWORD = "correct horse battery"


@pytest.fixture
def run(studio: User, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command in this process; `typed` is what it reads from stdin."""

    def command(*arguments: str, typed: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        code = main(arguments)
        return Ran(code, *capsys.readouterr())

    return command


def test_accounts_from_first_to_last(run: Any) -> None:
    first = run("users", "add", "alice", typed=f"{PASSWORD}\n")
    assert "an administrator’s" in first.out
    assert "everybody has to log in" in first.out
    assert run("users", "add", "bob", typed=f"{PASSWORD}\n").out == "Created the account bob.\n"
    listed = run("users", "list", "--json").document
    assert [(one["name"], one["administrator"]) for one in listed] == [("alice", True), ("bob", False)]
    assert run("users", "demote", "alice").code == 1
    assert "now an administrator" in run("users", "promote", "bob").out
    assert "no longer" in run("users", "demote", "alice").out
    assert run("users", "password", "alice", typed="another long password\n").code == 0
    assert users.with_password("alice", "another long password")
    assert run("users", "password", "alice", typed="short\n").code == 2
    assert "Removed the account alice" in run("users", "remove", "alice").out
    assert [one["name"] for one in run("users", "list", "--json").document] == ["bob"]
    only = run("users", "remove", "bob")
    assert (only.code, "only administrator" in only.err) == (1, True)
    for command in ("remove", "password", "promote", "demote", "adopt"):
        assert run("users", command, "nobody", typed=f"{PASSWORD}\n").code == 2, command


def test_what_was_made_before_the_accounts_is_offered_and_adopted(run: Any, studio: User) -> None:
    jobs.submit(studio, name="tone", kind="train", spec={})
    first = run("users", "add", "alice", typed=f"{PASSWORD}\n")
    assert "1 job (1 unfinished)" in first.out
    assert "studio users adopt alice" in first.out
    adopted = run("users", "adopt", "alice")
    assert adopted.out == "alice now owns 1 job (1 unfinished).\n"
    assert [job.name for job in jobs.of_user(users.account("alice"))] == ["tone"]
    assert run("users", "adopt", "alice").out == "There is nothing to adopt.\n"
    assert "1 job (1 unfinished)" in run("users", "list").out


def test_removing_says_what_depends_on_it(run: Any) -> None:
    for name in ("alice", "bob"):
        run("users", "add", name, typed=f"{PASSWORD}\n")
    jobs.submit(users.account("bob"), name="tone", kind="train", spec={})
    refused = run("users", "remove", "bob")
    assert refused.code == 1
    assert "owns 1 job (1 unfinished)" in refused.err
    assert "--give-to NAME" in refused.err
    assert run("users", "remove", "bob", "--give-to", "alice", "--delete-everything").code == 2
    assert run("users", "remove", "bob", "--give-to", "bob").code == 2
    assert "alice now owns 1 job" in run("users", "remove", "bob", "--give-to", "alice").out
    assert [job.state for job in jobs.of_user(users.account("alice"))] == ["QUEUED"]


def test_a_base_model_for_everybody(run: Any, nano_folder: Path, tmp_path: Path) -> None:
    source = str(shutil.copytree(nano_folder, tmp_path / "source"))
    run("users", "add", "alice", typed=f"{PASSWORD}\n")
    base_models.add(users.local(), "house", source, shared=True)
    assert base_models.get(users.account("alice"), "house").is_shared
    assert "everybody" in run("models", "list").out
    assert run("models", "delete", "house").out == "Deleted house.\nNothing else depends on it.\n"
    assert run("models", "delete", "house").code == 2
    assert run("models", "delete", "studio-nano").code == 1
