"""When checkpoints are due, what the charts get, and how numbers that are none end a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conversations import Heard
from transformers import TrainerControl, TrainerState

from storage import files
from templates.errors import StudioError
from templates.spec import TrainingParams
from workers.protocol import Checkpointed, Measured, Planned, parse_report
from workers.training import callbacks
from workers.training.callbacks import Checkpoints, Progress


class Arguments:
    """What the callbacks read of `TrainingArguments`."""

    def __init__(self, output_dir: Path):
        self.output_dir = str(output_dir)


def _due(checkpoints: Checkpoints, step: int, total: int = 1000) -> bool:
    control = TrainerControl()
    checkpoints.on_step_end(None, TrainerState(global_step=step, max_steps=total), control)
    return control.should_save


def test_checkpoints_are_due_by_steps_by_time_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now)
    heard = Heard()
    made = Checkpoints(heard, TrainingParams(save_steps=0.5), tmp_path)
    assert [step for step in (1, 499, 500, 501, 1000) if _due(made, step)] == [500, 1000]
    now += callbacks.SAVE_AT_LEAST_S + 1
    assert _due(made, 7)
    draft = tmp_path / "drafts" / "checkpoint-7"
    draft.mkdir(parents=True)
    (draft / "weights").write_text("7")
    now += 5  # so long did saving take
    made.on_save(Arguments(tmp_path / "drafts"), TrainerState(global_step=7), TrainerControl())
    assert heard.said == [Checkpointed(step=7)]
    assert files.flaw(tmp_path / "step-00000007") is None
    now += 30
    assert not _due(made, 8)  # saving takes so long that it may happen every 50 seconds at most
    now += 21
    assert _due(made, 9)


def _logged(progress: Progress, step: int, **logs: Any) -> None:
    state = TrainerState(global_step=step, max_steps=10, num_input_tokens_seen=100 * step)
    progress.on_step_begin(None, state, TrainerControl())
    progress.on_step_end(None, state, TrainerControl())
    progress.on_log(None, state, TrainerControl(), logs={"loss": 1.0 * step, "learning_rate": 0.1, **logs})


def test_a_chart_point_is_the_mean_since_the_last_one() -> None:
    heard = Heard()
    progress = Progress(heard, TrainingParams(logging_steps=4))
    progress.on_train_begin(None, TrainerState(global_step=0, max_steps=10), TrainerControl())
    for step in range(1, 11):
        _logged(progress, step)
    progress.on_log(None, TrainerState(), TrainerControl(), logs={"train_loss": 5.0})
    assert heard.of(Planned) == [Planned(start_step=0, total_steps=10)]
    assert heard.losses() == {1: 1.0, 4: 3.0, 8: 6.5, 10: 9.5}
    assert heard.of(Measured)[-1].eta_s == 0
    assert progress.n_tokens == 1000


def test_metrics_that_the_objective_declares_are_points_too() -> None:
    heard = Heard()
    progress = Progress(heard, TrainingParams(logging_steps=2), ["rewards/margins", "kl"])
    progress.on_train_begin(None, TrainerState(global_step=0, max_steps=10), TrainerControl())
    for step in range(1, 5):
        margin = {"rewards/margins": -1.0 * step} if step != 3 else {}
        _logged(progress, step, entropy=9.0, **margin)
    points = {point.step: point.values for point in heard.of(Measured)}
    assert {step: values.get("rewards/margins") for step, values in points.items()} == {1: -1.0, 2: -2.0, 4: -4.0}
    assert set(points[4]) == {"loss", "rewards/margins", "learning_rate", "tokens_per_s", "memory_bytes"}


def test_a_value_that_is_no_number_is_left_out_of_a_point() -> None:
    point = Measured(split="train", step=1, values={"loss": 1.0, "kl": float("inf"), "margin": float("nan")})
    assert parse_report(point.model_dump_json().encode()) == Measured(split="train", step=1, values={"loss": 1.0})


def test_a_resumed_run_takes_its_pace_from_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now)
    heard = Heard()
    progress = Progress(heard, TrainingParams())
    progress.on_train_begin(
        None, TrainerState(global_step=6, max_steps=10, num_input_tokens_seen=600), TrainerControl()
    )
    now = 2.0
    _logged(progress, 7)
    point = heard.of(Measured)[-1]
    assert point.eta_s == pytest.approx(6.0)  # three more updates of two seconds
    assert progress.n_tokens == 100


@pytest.mark.parametrize("logs", [{"loss": float("nan")}, {"loss": float("inf")}, {"grad_norm": float("nan")}])
def test_numbers_that_are_none_end_the_run(logs: dict[str, float]) -> None:
    progress = Progress(Heard(), TrainingParams(learning_rate=0.002))
    progress.on_train_begin(None, TrainerState(max_steps=10), TrainerControl())
    with pytest.raises(StudioError) as caught:
        _logged(progress, 1, **logs)
    assert caught.value.code == "loss_not_finite"
    assert "0.001" in (caught.value.problems[0].remedy or "")
