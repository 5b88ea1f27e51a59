"""`studio bench` measures what it says."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from app import bench
from app.bench import chat, data, training
from app.cli import main, workshop
from storage.data import datasets, uploads
from storage.models import User
from storage.settings import settings
from templates.errors import BadInput


@pytest.mark.long
def test_web_and_first_step_are_measured_on_ground_of_their_own(studio: User) -> None:
    before = settings().root
    found = bench.run("all", 1, 2_000)
    assert not found["web"]["torch_loaded"]
    assert 0 < found["web"]["resident_bytes"] <= bench.RESIDENT_BYTES
    assert 0 < found["web"]["ready_s"] < 60
    assert 0 < found["jobs"]["first_step_s"] < 60
    said = "\n".join(bench.sentences(found))
    assert "web process ready in" in said
    assert "submit → first training step" in said
    for of_file in found["data"]["files"].values():
        assert all(of_file[name]["rows_per_s"] > 0 for name in ("studio", "pandas", "datasets"))
        for name in ("studio", "pandas", "datasets"):
            assert 0 < of_file[name]["processor_s"] <= of_file[name]["seconds"] * 1.1
        assert 0 < of_file["studio"]["peak_bytes"] <= data.PEAK_BYTES
    assert "rows.jsonl" in said
    assert "times as fast" in said
    assert settings().root == before
    assert os.environ["STUDIO_DATA_DIR"] == str(before)


@pytest.mark.long
def test_what_adapting_does_is_shown_as_a_table(tiny_model_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = str(tiny_model_folder)
    command = ["bench", "family", "--only", "few_shot", "--small", folder, "--nano", folder, "--share", "0.02"]
    assert main(command) == 0
    said = capfd.readouterr()
    assert "few_shot: Few-shot prompting without training" in said.out
    assert "arbitrary labels, k = 0 → 8" in said.out
    assert "4 questions after 0, 4 and 8 examples" in said.err


@pytest.mark.long
def test_what_the_demonstrations_refuse_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "family", "--only", "rlhf"]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert "there is no demonstration “rlhf”. Choose from: continued_pretraining," in said.err
    assert "Traceback" not in said.err


def test_a_workshop_that_dies_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    dying = (sys.executable, "-c", "import os; os.abort()")
    monkeypatch.setattr(workshop, "program", lambda *_: dying)
    assert main(["bench", "family", "--json"]) == 1
    error = json.loads(capfd.readouterr().out)["error"]
    assert error["code"] == "workshop_ended"
    assert "status -6" in error["message"]
    assert main(["bench", "family"]) == 1
    assert "status -6" in capfd.readouterr().err


def test_rows_go_with_data_only(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "web", "--rows", "5000"]) == 2
    assert "field “--rows”: goes with “data”, “train” and “methods” only." in capfd.readouterr().err


def test_the_studio_trains_in_bfloat16_too_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has in (True, False):
        monkeypatch.setattr(training, "_run", lambda _way, _order, has=has: {"has_bfloat16": has})
        assert (training.IN_16_BITS in training._turn(Path("race.json"))) == has


@pytest.mark.long
def test_training_is_measured_beside_trl(studio: User, capfd: pytest.CaptureFixture[str]) -> None:
    rows = "text,label\n" + "".join(f"where is parcel number {i}?,{('lost', 'late')[i % 2]}\n" for i in range(40))
    datasets.add(studio, uploads.save(studio, "t.csv", io.BytesIO(rows.encode())), name="parcels")
    options = ["--base", "studio-nano", "--data", "parcels", "--rows", "16", "--rounds", "1"]
    assert main(["bench", "train", *options, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    ways = [found[way] for way in training.WAYS if way != training.IN_16_BITS]
    assert len({way["n_tokens"] for way in ways}) == 1, "all learn from the same rows"
    assert all(way["tokens_per_s"] > 0 and way["held_out_loss"] < 9 and way["peak_bytes"] > 1e8 for way in ways)
    assert found["studio"]["n_updates"] == found["trl"]["n_updates"] == 2
    assert "times as fast" in "\n".join(training.sentences(found))


@pytest.mark.long
def test_chat_is_measured_beside_transformers(studio: User, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "chat", "--base", "studio-nano", "--rounds", "2", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    for way in chat.WAYS:
        assert all(found[way][scene] > 0 for scene in chat.SCENES)
        assert len(found[way]["each"]) == 2
    assert found["studio"]["same"] == chat.N_ANSWERS
    assert "4 of 4 greedy answers of the mixed batch are the same one by one" in "\n".join(chat.sentences(found))


def test_chat_is_measured_by_turns_and_told_with_ratios(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    pace = {"studio": 40.0, "transformers": 10.0}
    asked = []

    def run(way: str, _order: Path) -> str:
        asked.append(way)
        return json.dumps({"dtype": "bfloat16", "same": 4, "changed": 3, **dict.fromkeys(chat.SCENES, pace.get(way))})

    monkeypatch.setattr(chat, "_run", run)
    found = chat.measure(studio, "studio-nano", 2)
    assert asked == ["adapters", "studio", "transformers", "studio", "transformers"]
    said = "\n".join(chat.sentences(found))
    assert "10      10      10 tokens/s in bfloat16  (the studio is 4.00, 4.00, 4.00 times as fast)" in said


def test_an_option_of_training_does_not_go_with_chat(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "chat", "--data", "tickets"]) == 2
    assert "field “--data”: goes with “train”, “methods” and “keep” only." in capfd.readouterr().err
    assert main(["bench", "web", "--base", "studio-nano"]) == 2
    assert (
        "field “--base”: goes with “train”, “methods”, “keep”, “chat” and “preferences” only." in capfd.readouterr().err
    )


def test_training_on_conversations_is_not_measured(studio: User) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    rows = "\n".join(
        json.dumps({"messages": [*turns, {"role": "user", "content": f"{i}"}, turns[1]]}) for i in range(9)
    )
    datasets.add(studio, uploads.save(studio, "t.jsonl", io.BytesIO(rows.encode())), name="talks")
    with pytest.raises(BadInput, match="one question and one answer each"):
        training.measure(studio, "studio-nano", "talks", 1, 8)


def test_options_of_the_demonstrations_go_with_them_only(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "web", "--only", "sft", "--share", "0.5"]) == 2
    said = capfd.readouterr().err
    assert "field “--only”: goes with “family”, “methods” and “preferences” only." in said
    assert "field “--share”: goes with “family”, “distill”, “keep” and “preferences” only." in said
    assert main(["bench", "keep", "--trait", "polite"]) == 2
    assert "field “--trait”: goes with “preferences” only." in capfd.readouterr().err
    assert main(["bench", "distill", "--only", "sft"]) == 2
    assert "field “--only”: goes with “family”, “methods” and “preferences” only." in capfd.readouterr().err
