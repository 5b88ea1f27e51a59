"""Callbacks of every training run: charts, checkpoints, held-out loss, and the worker's requests.

They connect any objective's `Trainer` with the pipe to the worker. After each update the Trainer calls
every `on_step_end`, then logs (`on_log`), then saves if a callback asked for it (`on_save`).
"""

from __future__ import annotations

import logging
import math
import resource
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil
import torch
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from templates.errors import StudioError
from templates.spec import TrainingParams
from workers.evaluation.generation import Interrupted
from workers.protocol import Checkpointed, Measured, Noted, Planned, Report, Stop
from workers.training import checkpoints

SAVE_AT_LEAST_S = 20.0
"""A checkpoint is due after this time even before `save_steps`, to limit what a crash costs."""
SAVING_SHARE = 0.1
"""Extra checkpoints may take at most this share of the time."""
RECENT_UPDATES = 30
log = logging.getLogger("studio.training")


class Channel(Protocol):
    """The child's end of the channel to its worker."""

    @property
    def stop(self) -> Stop | None:
        """The worker's request."""

    @property
    def abandoned(self) -> bool:
        """Whether the worker no longer wants a result of this attempt."""

    def send(self, report: Report) -> None:
        """Send the worker a message."""


def every(steps: float, n_updates: int) -> int:
    """A number of updates; below 1 it is a share of the run."""
    return max(1, round(steps * n_updates)) if steps < 1 else round(steps)


def memory_bytes() -> int:
    """Memory in use now, on the GPU if there is one."""
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated()
    return int(psutil.Process().memory_info().rss)


def peak_memory_bytes() -> int:
    """Peak memory of the process so far."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _refuse_not_finite(name: str, value: float, step: int, params: TrainingParams) -> None:
    if not math.isfinite(value):
        raise StudioError(
            f"The {name} became {value} at step {step}: the training has diverged.",
            code="loss_not_finite",
            remedy=f"Halve the learning rate (try {params.learning_rate / 2:g}).",
        )


@dataclass
class Mean:
    """A running mean."""

    total: float = 0.0
    n: int = 0

    def add(self, value: float) -> None:
        """Add a number."""
        self.total, self.n = self.total + value, self.n + 1

    def taken(self) -> float:
        """Return the mean and reset. Needs at least one number."""
        mean = self.total / self.n
        self.total, self.n = 0.0, 0
        return mean


class Progress(TrainerCallback):  # type: ignore[misc]
    """Reports the plan and every chart point; ends the run if its loss is not finite.

    A chart point has the loss and the metrics `named` from the Trainer's logs, each as the mean since the
    previous point.
    """

    def __init__(self, channel: Channel, params: TrainingParams, named: Sequence[str] = ()):
        self._channel, self._params = channel, params
        self._means = {name: Mean() for name in ("loss", *named)}
        self._began = 0.0
        self._recent: deque[tuple[float, float, int]] = deque(maxlen=RECENT_UPDATES + 1)
        """After each update: the time, the seconds spent in updates, and the tokens seen so far."""
        self.busy_s = 0.0
        """Seconds that this attempt spent in updates, without held-out losses and checkpoints."""
        self.n_tokens = 0
        """Tokens that this attempt put through the model, without padding."""

    def on_train_begin(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        self._tokens_before = state.num_input_tokens_seen
        self._channel.send(Planned(start_step=state.global_step, total_steps=state.max_steps))
        self._recent.append((time.monotonic(), 0.0, self._tokens_before))

    def on_step_begin(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        self._began = time.monotonic()

    def on_step_end(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        now = time.monotonic()
        self.busy_s += now - self._began
        self.n_tokens = state.num_input_tokens_seen - self._tokens_before
        self._recent.append((now, self.busy_s, state.num_input_tokens_seen))

    def on_log(
        self, _args: Any, state: TrainerState, _control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if not logs or "loss" not in logs:
            return
        step = state.global_step
        _refuse_not_finite("loss", logs["loss"], step, self._params)
        _refuse_not_finite("gradient", logs.get("grad_norm", 0.0), step, self._params)
        for name in self._means.keys() & logs.keys():
            self._means[name].add(logs[name])
        if step % self._params.logging_steps and step != state.max_steps and step != 1:
            return
        means = {name: mean.taken() for name, mean in self._means.items() if mean.n}
        (then, busy_then, tokens_then), (now, busy, tokens) = self._recent[0], self._recent[-1]
        n_updates = max(1, len(self._recent) - 1)
        eta_s = (now - then) / n_updates * (state.max_steps - step)
        tokens_per_s = (tokens - tokens_then) / max(busy - busy_then, 1e-9)
        log.info("step %d of %d: loss %.4f, %.0f tokens/s", step, state.max_steps, means["loss"], tokens_per_s)
        self._channel.send(
            Measured(
                split="train",
                step=step,
                values={
                    **means,
                    "learning_rate": logs["learning_rate"],
                    "tokens_per_s": tokens_per_s,
                    "memory_bytes": memory_bytes(),
                },
                eta_s=eta_s,
            )
        )


class HeldOut(TrainerCallback):  # type: ignore[misc]
    """Measures the loss on held-out rows: before the first update, at intervals, and at the end.

    It is only for the chart. Nothing is chosen by it (the last weights are published whatever it shows), so it
    doesn't count as an opening of the held-out side.
    """

    def __init__(
        self,
        channel: Channel,
        params: TrainingParams,
        measure: Callable[[PreTrainedModel, Callable[[], bool]], float | Mapping[str, float]],
        *,
        base_stays: bool,
    ):
        self._channel, self._params, self._measure = channel, params, measure
        self._base_stays = base_stays
        """The untouched base remains behind the adapter, so its loss can wait until the chart has its first step."""
        self._started_at = -1
        self._base_said = False

    def on_train_begin(self, _args: Any, state: TrainerState, _control: Any, **kwargs: Any) -> None:
        self._started_at = state.global_step
        if state.global_step == 0 and not self._base_stays:
            self._say(kwargs["model"], 0)

    def on_step_end(self, _args: Any, state: TrainerState, _control: Any, **kwargs: Any) -> None:
        model, step = kwargs["model"], state.global_step
        if self._channel.abandoned:
            return
        if step % every(self._params.eval_steps, state.max_steps) == 0 or step == state.max_steps:
            self._say(model, step)

    def on_log(self, _args: Any, state: TrainerState, _control: Any, **kwargs: Any) -> None:
        waits = self._base_stays and self._started_at == 0 and not self._base_said
        if waits and state.global_step >= 1 and not self._channel.abandoned:
            self._base_said = True
            with kwargs["model"].disable_adapter():
                self._say(kwargs["model"], 0)

    def _say(self, model: PreTrainedModel, step: int) -> None:
        was_training = model.training
        model.eval()
        try:
            found = self._measure(model, lambda: self._channel.abandoned)
        except Interrupted:
            return  # the worker's request is handled at the end of this step
        finally:
            model.train(was_training)
        values = dict(found) if isinstance(found, Mapping) else {"loss": found}
        log.info("held out after step %d: %s", step, ", ".join(f"{name} {value:.4f}" for name, value in values.items()))
        self._channel.send(Measured(split="held_out", step=step, values=values))


class Checkpoints(TrainerCallback):  # type: ignore[misc]
    """Decides when a checkpoint is due, and seals what the Trainer saved."""

    def __init__(self, channel: Channel, params: TrainingParams, folder: Path):
        self._channel, self._params, self._folder = channel, params, folder
        self._last = time.monotonic()
        self._asked = 0.0
        self._cost_s = 0.0

    def on_step_end(self, _args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        stop = self._channel.stop
        if stop and stop.stop == "discard":
            return
        now = time.monotonic()
        by_time = now - self._last > max(SAVE_AT_LEAST_S, self._cost_s / SAVING_SHARE)
        by_step = state.global_step % every(self._params.save_steps, state.max_steps) == 0
        if by_time or by_step or stop or state.global_step == state.max_steps:
            control.should_save, self._asked = True, now

    def on_save(self, args: TrainingArguments, state: TrainerState, _control: Any, **_: Any) -> None:
        draft = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        checkpoints.keep(draft, self._folder, state.global_step)
        self._last = time.monotonic()
        self._cost_s = self._last - self._asked
        self._channel.send(Checkpointed(step=state.global_step))


class StopOnRequest(TrainerCallback):  # type: ignore[misc]
    """Ends the run at the worker's request: at once to discard it, else after the update."""

    def __init__(self, channel: Channel):
        self._channel = channel

    def on_substep_end(self, _args: Any, _state: Any, control: TrainerControl, **_: Any) -> None:
        if self._channel.stop and self._channel.stop.stop == "discard":
            control.should_training_stop = True

    def on_step_end(self, _args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if not self._channel.stop:
            return
        control.should_training_stop = True
        if self._channel.stop.stop == "keep" and state.global_step < state.max_steps:
            particulars = {"step": state.global_step, "total_steps": state.max_steps}
            self._channel.send(Noted(kind="stopped_early", data=particulars))
