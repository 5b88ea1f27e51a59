"""A `strength` job's program: one adapter at several strengths, on the selection side and on general abilities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard, colour_rows, write_rows
from peft import LoraConfig, get_peft_model

from storage.bases import checkpoint_headers
from storage.data import row_files, selection
from storage.gallery import suites
from templates import registry
from templates.errors import StudioError
from templates.recipe import compose
from tests.small_suite import small_suite
from workers import models
from workers.evaluation import own_prompts, suite
from workers.evaluation.generation import Interrupted
from workers.evaluation.strength_curve import StrengthCurve
from workers.evaluation.strength_scores import weakened
from workers.orders.strength import StrengthOrder, TaughtRows
from workers.programs import strength
from workers.protocol import Advanced, Entered, ModelRef, Noted, Planned, Stop

Make = Callable[..., StrengthOrder]


@pytest.fixture(scope="module")
def adapter_folder(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(models.load_base(tiny_model_folder), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.5)
    folder = tmp_path_factory.mktemp("weakened") / "adapter"
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def make(tiny_model_folder: Path, adapter_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(suites, "get", lambda _name: small_suite(1))
    (tmp_path / "checkpoints").mkdir()

    def order(**changes: Any) -> StrengthOrder:
        facts = checkpoint_headers.facts(tiny_model_folder)
        rows = write_rows(tmp_path / "rows.parquet", colour_rows(40))
        given = {
            "kind": "strength", "job_id": "j", "attempt": 1, "name": "weaker", "log_file": str(tmp_path / "log"),
            "threads": 1, "staging": str(tmp_path / "staging"), "checkpoints": str(tmp_path / "checkpoints"),
            "model": ModelRef(
                name="painted", base_folder=str(tiny_model_folder), base_revision="r1",
                adapter_folder=str(adapter_folder), weights_sha256="w" * 64,
            ),
            "facts": facts, "recipe": compose("sft", "lora", facts=facts), "strengths": (0.0, 0.5, 1.0),
            "task": (taught(rows),), "learned": True, "eval_rows": 4, "n_items": 1, "suite": "general",
            "own_prompts": 0, "measurements": "",
        }  # fmt: skip
        return StrengthOrder(**given | changes)

    return order


def taught(file: Path, name: str = "colours") -> TaughtRows:
    return TaughtRows(
        shape="classification", dataset_file=str(file), dataset_name=name, dataset_sha256="d" * 64, split_seed=7
    )


def test_every_strength_is_scored_on_the_selection_side_and_only_once(
    make: Make, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make()
    done = strength.run(order, heard)
    assert not done.opened_held_out
    curve = StrengthCurve.model_validate(done.result)
    [colours] = curve.datasets
    chosen = selection.divided(Path(order.task[0].dataset_file), registry.shape("classification"), 7).selection
    assert (colours.n_rows, colours.n_answered) == (len(chosen), min(4, len(chosen)))
    assert colours.headline == "label_accuracy"
    base, half, full = colours.points
    assert len({point.metrics["loss"].value for point in colours.points}) == 3
    assert {name: change.value for name, change in full.against_full.items()} == dict.fromkeys(full.metrics, 0.0)
    assert {change.value for change in base.against_base.values()} == {0.0}
    gap = half.metrics["loss"].value - full.metrics["loss"].value
    assert half.against_full["loss"].value == pytest.approx(gap)
    assert half.against_full["loss"].low < half.against_full["loss"].high
    assert [point.strength for point in curve.general.points] == [0.0, 0.5, 1.0]
    assert curve.general.n == 3
    assert "The training also learned these rows" in curve.remarks[0]
    assert [r.stage for r in heard.of(Entered)] == ["preparing", "evaluating"]
    assert [r.step for r in heard.of(Advanced)] == [1, 2, 3]
    noted = [r.data for r in heard.of(Noted)]
    assert {note["model"] for note in noted} == {"the base", "strength 0.5", "strength 1"}
    assert noted[-1]["done"] == pytest.approx(1.0)
    assert [note["done"] for note in noted] == sorted(note["done"] for note in noted)
    (Path(order.checkpoints) / "strength-2.json").unlink()  # as if the attempt had been killed before its end
    asked, real, resumed = list[int](), suite.score, Heard()
    monkeypatch.setattr(suite, "score", lambda *a, **k: (asked.append(1), real(*a, **k))[1])
    assert strength.run(make(attempt=2), resumed).result == done.result
    assert len(asked) == 1
    assert [(r.start_step, r.total_steps) for r in resumed.of(Planned)] == [(2, 3)]


def test_it_ends_when_nobody_wants_the_result(make: Make) -> None:
    with pytest.raises(Interrupted):
        strength.run(make(), Heard(stop=Stop(stop="discard")))


@pytest.mark.long
def test_own_prompts_that_were_replayed_dont_count(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = str(tmp_path / "kept")
    heard = Heard()
    plain = strength.run(make(own_prompts=24, measurements=kept), heard).result["own"]
    shares = [note.data["done"] for note in heard.of(Noted)]
    assert shares == sorted(shares)
    assert plain["points"][0]["same"]["value"] == 1.0
    assert plain["points"][-1]["same"]["value"] < 1.0
    for sealed in Path(make().checkpoints).iterdir():
        sealed.unlink()
    monkeypatch.setattr(own_prompts, "written", None)  # the base's prompts are kept by now
    monkeypatch.setattr(own_prompts, "as_read", lambda renderer, *_: [renderer.decode(first)])
    first = _first_prompt(Path(kept))
    replayed = (taught(write_rows(tmp_path / "replayed.parquet", colour_rows(8)), "replayed"),)
    again = strength.run(make(own_prompts=24, measurements=kept, replayed=replayed), Heard()).result["own"]
    assert again["n"] < plain["n"]


def _first_prompt(kept: Path) -> list[int]:
    for path in kept.iterdir():
        if '"asked"' in (text := path.read_text("utf-8")):
            return list(own_prompts.OwnPrompts.model_validate_json(text).asked[0].prompt_ids)
    raise AssertionError("nothing was kept")


def test_no_selection_side_is_said(make: Make, tmp_path: Path, heard: Heard) -> None:
    one = [row for row in colour_rows(6) if row["held_out"]] + colour_rows(1)
    with pytest.raises(StudioError, match="no selection side"):
        strength.run(make(task=(taught(write_rows(tmp_path / "one.parquet", one)),)), heard)


def test_a_weakened_model_is_between_base_and_result_and_then_whole_again(make: Make) -> None:
    order = make()
    model, plain = models.load(order.model), models.load_base(order.model.base_folder)
    ids = torch.arange(5, 13)[None]

    def logits(strength: float) -> torch.Tensor:
        with torch.inference_mode(), weakened(model, strength):
            return model(input_ids=ids).logits

    with torch.inference_mode():
        before, base = model(input_ids=ids).logits, plain(input_ids=ids).logits
        assert torch.equal(logits(0), base)
        assert torch.equal(logits(1), before)
        half = logits(0.5)
        assert not torch.allclose(half, base, atol=1e-3)
        assert not torch.allclose(half, before, atol=1e-3)
        assert torch.equal(model(input_ids=ids).logits, before)
    assert row_files.read(Path(order.task[0].dataset_file), held_out=True), "there are rows that nobody scored"
