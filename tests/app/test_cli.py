"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from app.cli import main
from storage import credentials, db, users
from storage.jobs import worker_rows
from storage.models import Upload, User
from storage.settings import settings
from tests.storage.data.intake.bad_files import AT_A_DOOR, BadFile


class Ran:
    """What a command left behind."""

    def __init__(self, code: int, out: str, err: str):
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(studio: User, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command in this process."""

    def command(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(arguments)
        return Ran(code, *capsys.readouterr())

    return command


def test_help_is_fast() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "app.cli", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.7


def test_every_command_of_the_design_is_there(run: Any) -> None:
    commands = run("--help").out
    for name in ("up", "web", "worker", "serve", "db", "doctor", "models", "data", "methods", "train", "jobs"):
        assert f"  {name} " in commands
    for name in ("artifacts", "eval", "chat", "bench", "users"):
        assert f"  {name} " in commands


def test_every_command_takes_json() -> None:
    import typer
    from typer.main import get_command

    from app.cli import app

    def leaves(command: Any, name: str) -> Any:
        if hasattr(command, "commands"):
            for inner, child in command.commands.items():
                yield from leaves(child, f"{name} {inner}")
        else:
            yield name, command

    assert isinstance(app, typer.Typer)
    for name, command in leaves(get_command(app), "studio"):
        assert any("--json" in parameter.opts for parameter in command.params), name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "No such command"),
        (["jobs", "show"], "Missing argument"),
        (["jobs", "show", "unknown"], "There is no job “unknown”"),
        (["artifacts", "show", "unknown"], "unknown"),
        (["artifacts", "export", "unknown", "--to", "x"], "unknown"),
        (["data", "show", "unknown"], "unknown"),
        (["data", "add", "missing.csv"], "--name"),
        (["data", "add", "missing.csv", "--name", "a"], "can't be read"),
        (["data", "add", "missing.csv", "--name", "a", "--map", "text"], "not key=value"),
        (["train"], "--base"),
        (["train", "missing.toml", "--base", "a", "--data", "b", "--name", "c"], "Named recipes"),
        (["train", "--set", "r=1", "--set", "r=2"], "given twice"),
        (["train", "--set", "r"], "not key=value"),
        (["eval", "--data", "x"], "--model"),
        (["eval", "--model", "studio-nano"], "give “--data” or “--suite”"),
        (["eval", "--model", "studio-nano", "--data", "x", "--suite", "general"], "not both"),
        (["eval", "--model", "studio-nano", "--suite", "x"], "Known: everyday, general"),
        (
            ["bench", "nothing"],
            "Choose web, jobs, data, all, train, methods, chat, family, distill, keep or preferences",
        ),
        (["bench", "train", "--data", "x"], "--base"),
        (["models", "add", "mine", "/nowhere"], "nowhere"),
        (["train", "--no-such-option"], "No such option"),
    ],
)
def test_bad_input_exits_with_two_and_says_why(run: Any, arguments: list[str], said: str) -> None:
    plain = run(*arguments)
    assert plain.code == 2
    assert said in plain.err
    assert plain.out == ""
    assert "Traceback" not in plain.err
    document = run(*arguments, "--json")
    assert document.code == 2
    assert said in document.document["error"]["message"]


@pytest.mark.parametrize("bad", [bad for bad in AT_A_DOOR if "long-line" not in str(bad.id)])
def test_a_bad_file_is_refused_and_leaves_nothing(run: Any, studio: User, tmp_path: Path, bad: BadFile) -> None:
    file = tmp_path / bad.filename
    file.write_bytes(bad.data())
    found = run("data", "add", str(file), "--name", "mine")
    assert found.code == 2
    for part in bad.says:
        assert part in found.err
    assert "Traceback" not in found.err
    with db.reading() as session:
        assert session.exec(select(Upload)).all() == []
    assert not [path for path in settings().files.rglob("*") if path.is_file()]


def test_several_files_become_one_dataset_and_one_is_held_out(run: Any, studio: User, tmp_path: Path) -> None:
    rows = "question,answer\n" + "".join(f"What is {n}?,It is {n}.\n" for n in range(12))
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text(rows.replace("What", name))
    files = [str(tmp_path / name) for name in ("train.csv", "test.csv")]
    made = run("data", "add", *files, "--name", "both", "--held-out-file", "test.csv")
    assert "both: 24 rows of shape prompt_completion" in made.out
    assert "12 of them held out" in made.out
    assert "Note: The held-out rows come from “test.csv”." in made.out
    missing = run("data", "add", *files, str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--name", "more")
    assert (missing.code, missing.err.count("can't be read")) == (2, 2)


def test_an_unexpected_error_is_a_sentence_and_a_log(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage.jobs import job_lists

    monkeypatch.setattr(job_lists, "page", lambda *_: 1 / 0)
    found = run("jobs", "list")
    assert found.code == 1
    assert "errors.log" in found.err
    assert "Traceback" not in found.err + found.out
    assert run("jobs", "list", "--json").document["error"]["code"] == "internal"
    monkeypatch.setenv("STUDIO_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["jobs", "list"])


def test_lists_are_documents(run: Any) -> None:
    assert [model["name"] for model in run("models", "list", "--json").document] == ["studio-small", "studio-nano"]
    for command in (["data", "list"], ["jobs", "list"], ["artifacts", "list"]):
        found = run(*command, "--json")
        assert (found.code, found.document) == (0, [])
        assert run(*command).code == 0


def test_methods_tell_everything_declared(run: Any) -> None:
    found = run("methods", "--json").document
    lora = next(method for method in found["methods"] if method["key"] == "lora")
    assert lora["page"].startswith("Low-rank adaptation")
    assert {"name": "r", "title": "Rank", "default": 16}.items() <= lora["parameters"][0].items()
    assert {"sft", "continue_pretraining"} <= {objective["key"] for objective in found["objectives"]}
    assert "lora" in run("methods").out


def test_the_database_can_be_upgraded_twice(run: Any) -> None:
    found = run("db", "upgrade", "--json").document
    assert found["before"] == found["after"]


def test_an_account_from_stdin(studio: User) -> None:
    add = [sys.executable, "-m", "app.cli", "users", "add", "alice", "--json"]
    made = subprocess.run(add, input="correct horse battery\n", capture_output=True, text=True)
    assert (made.returncode, json.loads(made.stdout)) == (0, {"name": "alice"})
    assert users.with_password("alice", "correct horse battery")
    again = subprocess.run(add, input="short\n", capture_output=True, text=True)
    assert again.returncode == 2
    assert json.loads(again.stdout)["error"]["problems"][0]["field"] == "password"


def test_the_doctor_finds_a_healthy_installation(run: Any, tmp_path: Path) -> None:
    (tmp_path / "studio").chmod(0o700)
    found = run("doctor", "--json")
    assert found.code == 0, found.out
    assert found.document["healthy"]
    assert {finding["about"] for finding in found.document["findings"]} >= {"database", "broker", "disk", "worker"}


def test_the_doctor_names_what_is_broken(run: Any, studio: User, tmp_path: Path) -> None:
    (tmp_path / "studio").chmod(0o755)
    found = run("doctor")
    assert found.code == 1
    assert "BAD  data folder" in found.out
    assert "chmod 700" in found.out


def test_the_doctor_names_workers_that_lack_the_key(run: Any, studio: User, tmp_path: Path) -> None:
    (tmp_path / "studio").chmod(0o700)
    credentials.keep(studio.id, credentials.HUB, "hf_secret")
    worker = worker_rows.register(device="cpu", slots=1, secret_key=credentials.fingerprint())
    assert run("doctor").code == 0
    worker_rows.touch(worker, secret_key="another")
    found = run("doctor")
    assert found.code == 1
    assert f"the workers on {worker.host} lack it" in found.out
    assert "STUDIO_SECRET_KEY" in found.out


def test_a_reader_that_leaves_early_is_no_error(studio: User) -> None:
    piped = f"{sys.executable} -m app.cli methods --json | head -c 10; exit ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", piped], capture_output=True, text=True)
    assert "Traceback" not in found.stderr
