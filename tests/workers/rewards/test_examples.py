"""What the page hears of a training on rewarded answers, over several attempts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from conversations import Heard
from transformers import TrainerState

from storage.rendering.renderer import Renderer
from templates import registry
from workers.protocol import Noted
from workers.rewards.examples import Examples
from workers.rewards.trainers import Rewarding


def test_answers_on_which_a_check_took_too_long_are_counted_over_all_attempts(tiny_model_folder: Path) -> None:
    params = registry.objective("grpo").params(verifiers=["regular_expression"])
    rewarding = Rewarding(params, Renderer(tiny_model_folder), slow=Counter(regular_expression=3))  # type: ignore[arg-type]
    heard, went = Heard(), list[str]()
    trainer: Any = SimpleNamespace(rewarding=rewarding, seen=[])
    told = Examples(heard, trainer, went)
    before = [{"loss": 0.0, "too_slow/regular_expression": 2.0}, {"loss": 0.0, "too_slow/regular_expression": 1.0}]
    state = TrainerState(global_step=9, max_steps=9, log_history=before)
    told.on_train_begin(None, state, None)
    told.on_step_end(None, state, None)
    told.on_train_end(None, state, None)
    (noted,) = heard.of(Noted)
    assert noted.data["too_slow"] == {"regular_expression": 6}
    assert went == [
        "In training, the check “A regular expression” took too long on 6 answers, which count as not passed."
    ]
