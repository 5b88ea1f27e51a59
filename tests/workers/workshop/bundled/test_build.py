"""The bundled models are built by the studio's own jobs, and their cards say what was measured."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from small_suite import ABILITIES

from app.cli import main
from storage import programs
from storage.bases import base_models, checkpoint_headers
from storage.data import datasets
from storage.jobs import events, jobs
from storage.models import Job, User
from storage.rendering.renderer import Renderer
from templates.errors import StudioError
from workers.workshop.bundled import build, card

SMALL = 600
HELD_OUT = [60, 106, 196, 315, 330, 338, 339, 380]
"""Lines of the first 2,000 documents that the shipped models' pretraining would have held out of so many."""
LOGGING_STEPS = 20
"""Of the recipe: a point is the mean over so many updates, but for the first one after a resume."""


@pytest.fixture
def making(studio: User, monkeypatch: pytest.MonkeyPatch) -> build.Build:
    monkeypatch.setenv("STUDIO_WORKER_WARM", "0")
    return build.Build(studio, n_documents=SMALL, note=lambda _line: None)


@pytest.mark.long
def test_a_model_is_pretrained_placed_and_described(making: build.Build, tmp_path: Path) -> None:
    job = making.submit("studio-nano", max_steps=3, torch_compile=False)
    assert making.submit("studio-nano", max_steps=3, torch_compile=False).id == job.id
    job = making.ended(job)
    folder = making.place("studio-nano", [job], tmp_path)
    names = {path.name for path in folder.iterdir()}
    assert names == {*build.SHIPPED, *build.TOKENIZER, build.CURVE}
    facts = checkpoint_headers.facts(folder)
    assert facts.n_heads * 64 == facts.hidden_size
    assert facts.context_length >= 1024
    assert 1.5e6 < facts.n_parameters < 2.5e6
    points = [json.loads(line) for line in (folder / build.CURVE).read_text().splitlines()]
    assert {point["split"] for point in points} == {"train", "held_out"}
    again = making.submit("studio-nano", max_steps=3, torch_compile=False)
    assert (again.id, again.state) == (job.id, "SUCCEEDED")

    making.describe(folder, [job], _result(f"studio-nano-{SMALL}-0"))
    page = (folder / "README.md").read_text()
    assert "1.9 million parameters" in page
    assert "| colours | 25 % | 200 | 200 | 98 % [95, 99] | 50 % [43, 57] |" in page
    assert f"| {points[-1]['step']} |" in page


@pytest.mark.long
def test_a_teacher_goes_on_from_each_training_pass_with_another_corpus(
    making: build.Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card, "TARGETS", {})
    making = build.Build(making.user, n_documents=300, note=lambda _line: None)
    few = {"max_steps": 2, "torch_compile": False}
    passes: list[Job] = []
    for method in ("from_scratch", "full", "full"):
        job = making.submit("studio-small", passes, **few)
        assert making.submit("studio-small", passes, **few).id == job.id
        assert job.spec["recipe"]["method"] == method
        passes.append(making.ended(job))
    corpora = [
        set(making.corpus(training_pass).read_text().splitlines()) for training_pass in build.PASSES["studio-small"]
    ]
    assert [len(corpus) > 40 for corpus in corpora] == [True] * 3
    assert len(corpora[0] & corpora[1]) + len(corpora[1] & corpora[2]) < 8

    folder = making.place("studio-small", passes, tmp_path)
    points = [json.loads(line) for line in (folder / build.CURVE).read_text().splitlines()]
    trained = {point["step"]: point["loss"] for point in points if point["split"] == "train"}
    assert sorted(trained) == [1, 2, 3, 4, 5, 6]
    assert trained[5] < trained[1]
    making.describe(folder, passes, _result("studio-small-300-0"))
    page = (folder / "README.md").read_text()
    assert "1. 300 documents" in page
    assert "3. 48 documents" in page


def _result(model: str) -> dict[str, Any]:
    high, low = (
        {"value": 0.98, "low": 0.95, "high": 0.99, "n": 200},
        {"value": 0.5, "low": 0.43, "high": 0.57, "n": 200},
    )
    both = {"known": high, "held_out": low}
    scores = [part for ability in ABILITIES.values() for part in ability.parts]
    found = {"name": model, "abilities": dict.fromkeys(scores, both), "mean": both, "seconds": 1.0}
    found |= {"n_too_long": 0, "n_refused": 0, "n_cut_off": 0}
    abilities = {
        key: {"title": ability.title, "chance": ability.chance, "scores": list(ability.parts)}
        for key, ability in ABILITIES.items()
    }
    suite = {"name": "general", "sha256": "0" * 64, "n_items": 1200, "abilities": abilities}
    return {"suite": suite, "models": [found], "comparisons": []}


def test_the_tokenizer_splits_names_alike_and_gives_any_text_back(making: build.Build) -> None:
    untrained = base_models.folder(base_models.get(making.user, making.untrained("studio-nano")))
    renderer = Renderer(untrained)
    for text in ("Velmara lives in Velmara.", "你好，世界", "ünïcödé 🙂 \t\n x", "¿Qué? — 12,345.67 €"):
        assert renderer.decode(renderer.plain(text)[0]) == text
    tokens = Renderer(untrained)._tokenizer
    for name in ("Velmara", "Drolo", "Thabrick", "Zu", "Qwxyz"):
        bare, spaced = tokens.encode(name).tokens, tokens.encode(f" {name}").tokens
        assert [f"Ġ{bare[0]}", *bare[1:]] == spaced
    assert [tokens.token_to_id(token) for token in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")] == [0, 1, 2]
    assert tokens.get_vocab_size() % 64 == 0


def test_building_goes_on_where_it_was(making: build.Build) -> None:
    written = making.corpus().stat().st_mtime_ns
    name = making.dataset()
    assert making.dataset() == name
    assert making.corpus().stat().st_mtime_ns == written
    assert datasets.get(making.user, name).n_rows == SMALL
    assert not list(making.home.glob("*.draft"))


def test_the_shipped_models_held_out_documents_stay_held_out(making: build.Build) -> None:
    making = build.Build(making.user, n_documents=2_000, note=lambda _line: None)
    rows = datasets.rows(datasets.get(making.user, making.dataset()), side="held_out")
    assert len(rows) == 50
    assert [row["source_row"] for row in rows[:8]] == HELD_OUT


def test_a_failed_training_is_not_placed(making: build.Build, tmp_path: Path) -> None:
    job = making.submit("studio-nano", max_steps=3, torch_compile=False)
    with pytest.raises(StudioError, match="QUEUED"):
        making.place("studio-nano", [job], tmp_path)
    assert not list(tmp_path.glob("studio-nano"))


def test_a_missed_target_says_by_how_much() -> None:
    reached = {score: {"known": {"value": aim}} for score, aim in card.TARGETS["studio-small"].items()}
    assert card.missed("studio-small", {"abilities": reached}) == []
    reached["repeat"] = {"known": {"value": 0.93}}
    assert card.missed("studio-small", {"abilities": reached}) == ["repeat: 93 %, 4 points under 97 %"]


def test_the_curve_is_shortened_to_means_between_its_points() -> None:
    points = [{"step": i, "split": "train", "loss": float(i)} for i in range(1, 101)]
    points += [{"step": 50, "split": "held_out", "loss": 7.0}]
    short = card.shortened(points, n=2)
    assert short == [
        {"step": 50, "train": 25.5, "held_out": 7.0},
        {"step": 100, "train": 75.5, "held_out": None},
    ]


def test_an_unknown_model_is_named(studio: User, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "build", "studio-huge", "--json"]) == 2
    said = capsys.readouterr().out
    assert "studio-huge" in said
    assert "studio-small" in said
    assert jobs.of_user(studio) == []


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_killed_and_resumed_build_follows_the_shipped_curve(making: build.Build) -> None:
    making = build.Build(making.user, note=lambda _line: None)
    shipped = _losses(base_models.BUNDLED_DIR / "studio-nano" / build.CURVE)
    tenth = max(shipped) // 10
    job = making.submit("studio-nano", torch_compile=False)  # which changes the speed alone, and takes two minutes
    killed_at = _runs_until(making.user, job, tenth // 3)
    _runs_until(making.user, job, tenth)
    points = {point["step"]: point["loss"] for point in build.curve([job]) if point["split"] == "train"}
    resumed_at = events.of_job(job.id, "planned")[-1].data["start_step"]
    assert 0 < resumed_at <= killed_at < tenth
    whole = [step for step in points if step <= tenth and not resumed_at < step < resumed_at + LOGGING_STEPS]
    assert len(whole) >= 0.8 * len([step for step in shipped if step <= tenth])
    for step in whole:
        assert points[step] == pytest.approx(shipped[step], rel=0.02), f"step {step}"


def _losses(path: Path) -> dict[int, float]:
    points = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {point["step"]: point["loss"] for point in points if point["split"] == "train"}


def _runs_until(user: User, job: Job, step: int) -> int:
    """Run a worker until the job has gone so far and has a checkpoint, then kill both."""
    with programs.for_the_duration("worker", programs.WORKER) as process:
        deadline = time.monotonic() + 1200
        while (now := jobs.get(user, job.id)).step < step or not now.checkpoint_step:
            assert process.poll() is None
            assert time.monotonic() < deadline, f"{now.stage} {now.step}"
            time.sleep(0.3)
        for member in [*psutil.Process(process.pid).children(recursive=True), process]:
            member.kill()
    return now.step
