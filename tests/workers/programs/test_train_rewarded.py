"""Training on answers that pass checks: TRL's trainers on the studio's prompts."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard
from killed import killed_at
from tokenizers import Tokenizer

from templates.errors import BadInput
from templates.rewards import HEADLINE
from workers import models
from workers.evaluation import scoring
from workers.evaluation.generation import Generated
from workers.programs import train
from workers.protocol import Done, Measured, Noted, Order
from workers.rewards import trainers

MakeOrder = Callable[..., Order]
SHORT = {
    "verifiers": ["length"],
    "max_words": 3,
    "max_completion_length": 6,
    "num_generations": 4,
    "per_device_train_batch_size": 2,
    "max_steps": 2,
    "eval_steps": 2,
    "mask_truncated_completions": False,
}


def sums(n: int, seed: int = 1) -> list[dict[str, Any]]:
    """Sums of a number of two digits and one of one digit, all different; a fifth is held out."""
    rng, pairs = random.Random(seed), [(a, b) for a in range(10, 100) for b in range(10)]
    forms = ("What is {a} + {b}?", "Compute {a} + {b}.", "{a} + {b} =", "How much is {a} + {b}?")
    return [
        {
            "prompt": rng.choice(forms).format(a=a, b=b),
            "completion": str(a + b),
            "source_row": i + 1,
            "held_out": i % 5 == 0,
        }
        for i, (a, b) in enumerate(rng.sample(pairs, n))
    ]


@pytest.fixture
def make_rewarded(make_order: MakeOrder, nano_folder: Path) -> MakeOrder:
    def make(**settings: Any) -> Order:
        given = {"objective": "grpo", "shape": "prompt_completion", "rows": sums(20), "base": nano_folder}
        return make_order(**{**given, **SHORT, **settings})

    return make


@pytest.mark.parametrize("objective", ["grpo", pytest.param("rloo", marks=pytest.mark.long)])
def test_a_job_reports_rewards_and_judges_by_checks(make_rewarded: MakeOrder, heard: Heard, objective: str) -> None:
    settings = {"verifiers": ["number_equals", "length"], "length_weight": 0.5}
    done = train.run(make_rewarded(objective=objective, beta=0.1, **settings), heard)
    assert isinstance(done, Done)
    points = [one for one in heard.of(Measured) if one.split == "train"]
    assert [one.step for one in points] == [1, 2]
    values = points[0].values
    assert values["reward"] == pytest.approx(
        values["rewards/number_equals/mean"] + 0.5 * values["rewards/length/mean"], abs=1e-5
    )
    assert {"frac_reward_zero_std", "completions/mean_length", "completions/clipped_ratio", "kl"} <= values.keys()
    held_out = next(one for one in heard.of(Measured) if one.split == "held_out")
    assert {"reward", "rewards/length/mean"} <= held_out.values.keys()
    shown = [one.data for one in heard.of(Noted) if one.kind == "rewarded"]
    assert [one["step"] for one in shown] == [1, 2]
    assert shown[0]["examples"][0]["rewards"].keys() == {"number_equals", "length"}
    assert done.result["headline"] == HEADLINE
    assert done.result["sentence"].startswith(done.result["claim"])
    assert "Checks passed" in done.result["sentence"]
    assert {"rewards/number_equals/mean", "rewards/length/mean"} <= done.result["measures"].keys()
    assert any("rewarded alike" in remark for remark in done.result["remarks"])


@pytest.mark.long
def test_prompts_alone_are_answered_and_checked(make_rewarded: MakeOrder, heard: Heard) -> None:
    rows = [
        {
            "prompt": [{"role": "user", "content": one["prompt"]}],
            "system": None,
            "tools": None,
            "source_row": one["source_row"],
            "held_out": one["held_out"],
        }
        for one in sums(20)
    ]
    done = train.run(make_rewarded(shape="prompt_only", rows=rows), heard)
    assert isinstance(done, Done)
    assert done.result["headline"] == HEADLINE
    assert done.result["n_answered"] == 4
    assert done.result["trivial"] is None


def test_rows_that_no_answer_could_pass_are_counted_and_left_out(make_rewarded: MakeOrder, heard: Heard) -> None:
    rows = sums(20)
    rows[1]["completion"] = "no number"
    order = make_rewarded(rows=rows, verifiers=["number_equals"], max_words=50, max_steps=1)
    done = train.run(order, heard)
    noted = next(one.data for one in heard.of(Noted) if one.kind == "rows_not_checkable")
    assert (noted["count"], noted["rows"]) == (1, [2])
    assert isinstance(done, Done)
    assert any("1 of 16 training rows" in remark for remark in done.result["remarks"])
    for row in rows:
        row["completion"] = "no number"
    with pytest.raises(BadInput, match="compare with"):
        train.run(make_rewarded(rows=rows, verifiers=["number_equals"], max_words=50), heard)


@pytest.mark.long
def test_an_answer_on_which_a_check_takes_too_long_does_not_end_the_training(
    make_rewarded: MakeOrder, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first step every second answer makes the pattern run away."""
    order = make_rewarded(
        verifiers=["regular_expression"],
        pattern=r"^(xy|x|y)+$",
        max_words=50,
        per_device_train_batch_size=1,
        num_generations=2,
        max_steps=1,
        max_completion_length=64,
    )
    tokenizer = Tokenizer.from_file(f"{order.base.base_folder}/tokenizer.json")  # type: ignore[attr-defined]
    ids = [tuple(tokenizer.encode(text, add_special_tokens=False).ids) for text in ("xy" * 20, "xy" * 20 + "q")]
    written = [Generated(one, True, 0) for one in ids]
    monkeypatch.setattr(trainers, "answers", lambda _model, _prompts, **_: written)
    scored = scoring.score

    def score(*args: Any, **kwargs: Any) -> scoring.Scores:
        found = scored(*args, **kwargs)
        given = (replace(found.answers[0], given="xy" * 40 + "q"), *found.answers[1:])
        return replace(found, answers=given)

    monkeypatch.setattr(scoring, "score", score)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    noted = next(one.data for one in heard.of(Noted) if one.kind == "rewarded")
    assert noted["too_slow"] == {"regular_expression": 1}
    assert [one["reward"] for one in noted["examples"]] == [1.0, 0.0]
    states = [json.loads(one.read_text()) for one in Path(order.checkpoints).rglob("trainer_state.json")]
    assert {state["log_history"][0]["too_slow/regular_expression"] for state in states} == {1.0}
    said = " ".join(done.result["remarks"])
    assert "In training, the check “A regular expression” took too long on 1 answer, which counts as not" in said
    assert "A check took too long on 1 of the adapted model's 4 answers, which don't pass it." in said


@pytest.mark.long
def test_held_out_rows_that_no_answer_could_pass_are_not_judged(make_rewarded: MakeOrder, heard: Heard) -> None:
    rows = sums(20)
    next(row for row in rows if row["held_out"])["completion"] = "no number"
    done = train.run(make_rewarded(rows=rows, verifiers=["number_equals"], max_words=50, max_steps=1), heard)
    assert isinstance(done, Done)
    assert done.result["n_answered"] == 3
    assert any(remark.startswith("1 row not answered") for remark in done.result["remarks"])


@pytest.mark.parametrize("objective", ["grpo", "rloo"])
def test_the_distance_is_that_to_the_base(make_rewarded: MakeOrder, heard: Heard, objective: str) -> None:
    import torch

    from workers.training.task import read

    task = read(make_rewarded(objective=objective, beta=0.1))
    setup = train._set_up(task, heard)
    model = models.adapt(models.load_base(task.order.base.base_folder), task.recipe)
    trainer = setup.trainer(model, Path(task.order.checkpoints) / "draft")
    rows = trainer.repeated([trainer.train_dataset[0]])
    torch.manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
    made = trainer._generate_and_score_completions(rows)
    if objective == "rloo":
        assert abs(trainer._metrics["train"]["kl"][-1]) > 1e-3, "of few draws, it may be below 0"
    else:
        own = trainer._get_per_token_logps_and_entropies(
            model,
            torch.cat([made["prompt_ids"], made["completion_ids"]], 1),
            torch.cat([made["prompt_mask"], made["completion_mask"]], 1),
            made["completion_ids"].shape[1],
        )[0]
        assert not torch.allclose(own, made["ref_per_token_logps"], atol=1e-3)


def test_log_probabilities_are_those_of_each_answer_alone(make_rewarded: MakeOrder, heard: Heard) -> None:
    """Padding, positions and temperature as in writing: the sampled tokens' own probabilities."""
    import torch

    from workers.training.task import read

    task = read(make_rewarded(temperature=0.7))
    setup = train._set_up(task, heard)
    model = models.adapt(models.load_base(task.order.base.base_folder), task.recipe)
    trainer = setup.trainer(model, Path(task.order.checkpoints) / "draft")
    rows = trainer.repeated([trainer.train_dataset[0]])
    model.train()
    made = trainer._generate_and_score_completions(rows)
    ids = torch.cat([made["prompt_ids"], made["completion_ids"]], 1)
    mask = torch.cat([made["prompt_mask"], made["completion_mask"]], 1)
    model.eval()
    n = made["completion_ids"].shape[1]
    found, _, _ = trainer._get_per_token_logps_and_entropies(model, ids, mask, n)
    for row, of_row, logps, learned in zip(ids, mask, found, made["completion_mask"], strict=True):
        alone = row[of_row.bool()][None]
        logits = model(alone).logits[0, :-1] / 0.7
        own = logits.log_softmax(-1).gather(1, alone[0, 1:, None])[:, 0]
        n_learned = int(learned.sum())
        torch.testing.assert_close(logps[:n_learned], own[-n_learned:], atol=1e-4, rtol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("objective", ["grpo", "rloo"])
def test_a_killed_run_goes_on_with_the_same_draws(make_rewarded: MakeOrder, heard: Heard, objective: str) -> None:
    """The first attempt really dies: a process of its own, killed with SIGKILL after a checkpoint."""
    shared = {"objective": objective, "max_steps": 6, "save_steps": 3, "eval_steps": 6}
    train.run(make_rewarded(**shared), heard)
    shutil.rmtree(make_rewarded(**shared).checkpoints)
    order = make_rewarded(**shared)
    killed_at(3, order)
    again = Heard()
    assert isinstance(train.run(make_rewarded(attempt=2, **shared), again), Done)
    rewards = {one.step: one.values["reward"] for one in heard.of(Measured) if one.split == "train"}
    resumed = {one.step: one.values["reward"] for one in again.of(Measured) if one.split == "train"}
    assert sorted(resumed) == [4, 5, 6]
    assert resumed == {step: rewards[step] for step in resumed}
    assert {step: heard.losses()[step] for step in resumed} == pytest.approx(again.losses(), abs=1e-5)
