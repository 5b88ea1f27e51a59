"""The child as a real process."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conversations import Child, Heard

from storage import files
from templates.errors import BadInput, Problem, StudioError
from workers import run
from workers.protocol import Checkpointed, Done, Entered, Failed, Measured, Order, Ready, Stop, Stopped

MakeOrder = Callable[..., Order]
ENDLESS = {"max_steps": 100_000, "eval_steps": 50_000, "save_steps": 50_000}


@pytest.mark.slow
def test_a_warm_child_trains_the_bundled_base(child: Child, make_order: MakeOrder, nano_folder: Path) -> None:
    child.hear_until(Ready)
    order = make_order(base=nano_folder, learning_rate=2e-3, max_steps=6)
    child.send(order)
    done = child.hear_until(Done)
    assert child.process.wait(5) == 0
    said = [report for _, report in child.said]
    stages = [report.stage for report in said if isinstance(report, Entered)]
    assert stages == ["preparing", "training", "evaluating", "publishing"]
    assert [r.step for r in said if isinstance(r, Measured) and r.split == "train"] == list(range(1, 7))
    assert any(isinstance(r, Checkpointed) for r in said)
    files.verify(Path(order.staging), done.made.manifest_sha256)
    assert "step 6 of 6" in Path(order.log_file).read_text()


def test_a_child_whose_worker_dies_exits_within_a_second(child: Child, make_order: MakeOrder) -> None:
    child.hear_until(Ready)
    child.send(make_order(**ENDLESS))
    child.hear_until(Measured)
    assert child.process.stdin
    child.process.stdin.close()
    assert child.process.wait(1) == run.ORPHANED


def test_a_spare_child_whose_worker_dies_exits(child: Child) -> None:
    assert child.process.stdin
    child.process.stdin.close()  # while it is still importing
    assert child.process.wait(10) == run.ORPHANED


@pytest.mark.long
def test_a_training_child_obeys(child: Child, make_order: MakeOrder) -> None:
    child.hear_until(Ready)
    child.send(make_order(**ENDLESS))
    child.hear_until(Measured)
    asked = time.monotonic()
    child.send(Stop(stop="drain"))
    assert child.hear_until(Stopped).why == "drain"
    assert child.process.wait(5) == 0
    assert time.monotonic() - asked < 3
    assert sum(isinstance(report, Checkpointed) for _, report in child.said) == 1


@pytest.mark.long
def test_a_failure_is_a_plain_sentence_and_the_traceback_is_in_the_log(child: Child, make_order: MakeOrder) -> None:
    order = make_order()
    Path(order.dataset_file).write_bytes(b"no parquet")
    child.hear_until(Ready)
    child.send(order)
    while not isinstance(failed := child.hear(), Failed):
        pass
    assert child.process.wait(5) == 0
    assert failed.code == "internal"
    assert "ArrowInvalid" in failed.message
    assert "\n" not in failed.message
    assert "Traceback" in Path(order.log_file).read_text()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StudioError("It diverged.", code="loss_not_finite", remedy="Halve it."), "loss_not_finite"),
        (BadInput(Problem("No row.", field="max_length", remedy="Raise it.")), "bad_input"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "gpu_out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (ValueError("Error while serializing: I/O error: No space left on device (os error 28)"), "disk_full"),
        (KeyError("secret"), "internal"),
    ],
)
def test_every_failure_has_a_code_a_sentence_and_a_remedy(error: Exception, code: str) -> None:
    failed = run.failure(error)
    assert failed.code == code
    assert failed.message.endswith((".", ")."))
    assert failed.remedy
    assert "secret" not in failed.message


def test_an_error_while_the_worker_wants_nothing_any_more_is_no_failure(
    make_order: MakeOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Heard(stop=Stop(stop="drain"))
    order = make_order()
    Path(order.dataset_file).unlink()
    assert run.attempt(order, channel) == Stopped(why="drain")  # type: ignore[arg-type]
