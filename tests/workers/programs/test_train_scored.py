"""Training on answers that a reward model scores, alone and beside checks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conversations import Heard
from killed import killed_at
from preference_rows import pairs
from test_train_rewarded import SHORT, sums

from storage.rendering.renderer import Renderer
from storage.runs.bootstrap import Interval
from templates import registry
from templates.errors import BadInput
from templates.rewards import HEADLINE, REWARD_MODEL, RewardedParams
from tests.storage.rendering import public_templates
from workers import models
from workers.evaluation import held_out, verdict
from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.sentences import SCORED
from workers.orders.train import Rewarding as OfReward
from workers.preferences import score_heads
from workers.preferences.reward_model import RewardModel
from workers.programs import train
from workers.protocol import Done, Measured, ModelRef, Noted
from workers.rewards.judge import Judge, Prompt, scored
from workers.rewards.prompts import Asked
from workers.rewards.set_up import FEWEST_MISSED
from workers.rewards.trainers import Rewarding
from workers.training import best as best_weights

MakeOrder = Callable[..., Any]
CPU = torch.device("cpu")
ACCURACY = Interval(value=0.9, low=0.8, high=0.95)


@pytest.fixture(scope="session")
def judge_folder(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Path:
    """A whole reward model that was never trained, on another base than the students, with other tokens."""
    folder = tmp_path_factory.mktemp("judge") / "judge"
    torch.manual_seed(3)
    models.load_base(tiny_model_folder, where=CPU, read=score_heads.load_new).save_pretrained(folder)
    for path in tiny_model_folder.iterdir():
        if not (folder / path.name).exists() and path.suffix != ".safetensors":
            shutil.copy(path, folder / path.name)
    return folder


def of_folder(folder: Path) -> OfReward:
    ref = ModelRef(name="my-judge", base_folder=str(folder), base_revision="1", weights_sha256="a")
    return OfReward(ref=ref, license="Apache-2.0", pair_accuracy=ACCURACY)


@pytest.fixture
def make_scored(make_order: MakeOrder, nano_folder: Path, judge_folder: Path) -> MakeOrder:
    def make(reward: OfReward | None = None, **settings: Any) -> Any:
        given = {"objective": "rloo", "shape": "prompt_completion", "rows": sums(20), "base": nano_folder}
        alone = {**SHORT, "verifiers": []}
        del alone["max_words"]
        order = make_order(**{**given, **alone, **settings})
        return order.model_copy(update={"reward": reward or of_folder(judge_folder)})

    return make


def test_a_reward_model_of_another_base_rewards_alone(make_scored: MakeOrder, heard: Heard, judge_folder: Path) -> None:
    order = make_scored(reward_model_weight=2.0)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    points = [one.values for one in heard.of(Measured) if one.split == "train"]
    assert len(points) == 2
    assert all(one["reward"] == pytest.approx(2 * one["rewards/reward_model/mean"], abs=1e-5) for one in points)
    held_out = next(one.values for one in heard.of(Measured) if one.split == "held_out")
    assert held_out["reward"] == pytest.approx(2 * held_out["rewards/reward_model/mean"])
    judge = RewardModel.load(of_folder(judge_folder).ref, CPU)
    for one in (one for noted in heard.of(Noted) if noted.kind == "rewarded" for one in noted.data["examples"]):
        turns = [{"role": "user", "content": one["prompt"]}, {"role": "assistant", "content": one["answer"]}]
        assert one["rewards"] == {REWARD_MODEL: pytest.approx(judge.scores([turns])[0], abs=1e-4)}, "the raw score"
    assert done.result["headline"] == SCORED
    assert done.result["metrics"][SCORED]["base"]["value"] == 0.5
    assert "rewards/reward_model/mean" in done.result["measures"]
    liked = done.result["liked"]
    assert liked["name"] == "my-judge"
    assert liked["wins"]["n"] == done.result["n_answered"] == 4
    assert liked["wins"]["length"]["adapted"]["value"] > 0
    for words in ("not that people like it", "blind", "90 % [80, 95] of held-out pairs", "characters on average"):
        assert words in done.result["sentence"]
    card = (Path(order.staging) / "README.md").read_text("utf-8")
    assert "| Reward model | my-judge |" in card


@pytest.mark.long
@pytest.mark.parametrize("objective", ["grpo", "rloo"])
def test_beside_checks_they_decide(make_scored: MakeOrder, heard: Heard, objective: str) -> None:
    settings = {"verifiers": ["length"], "max_words": 3, "length_weight": 0.5, "mask_truncated_completions": True}
    done = train.run(make_scored(objective=objective, **settings), heard)
    assert isinstance(done, Done)
    values = next(one.values for one in heard.of(Measured) if one.split == "train")
    whole = 0.5 * values["rewards/length/mean"] + values["rewards/reward_model/mean"]
    assert values["reward"] == pytest.approx(whole, abs=1e-5)
    assert done.result["headline"] == HEADLINE
    assert SCORED in done.result["metrics"]
    assert {"rewards/length/mean", "rewards/reward_model/mean"} <= done.result["measures"].keys()
    assert "not that people like it" in done.result["liked"]["sentence"]
    assert "people" not in done.result["sentence"]


@pytest.fixture
def judge(judge_folder: Path) -> Judge:
    return Judge("my-judge", RewardModel.load(of_folder(judge_folder).ref, CPU))


def rewarding(judge: Judge, folder: Path, **settings: Any) -> Rewarding:
    params = registry.objective("rloo").params(**{"verifiers": [], "num_generations": 3, **settings})
    assert isinstance(params, RewardedParams)
    return Rewarding(params, Renderer(folder), judge)


def test_an_answer_that_was_cut_scores_no_higher_than_the_lowest_other(judge: Judge, nano_folder: Path) -> None:
    reads = Renderer(nano_folder)
    texts = ["yes", "no", "perhaps it is", "one", "two", "three"]
    rows = [reads.row("messages", {"messages": turns("say", text)}) for text in texts]
    answers = [[one for one, learned in zip(row.ids, row.trained, strict=True) if learned] for row in rows]
    assert all(answer[-1] in reads.eos_ids for answer in answers)
    prompt = Prompt(turns("say", "")[:1])
    asked = [Asked((), "say", "", 0, prompt)] * 6
    raw, _ = judge.scores([prompt] * 6, texts)
    assert rewarding(judge, nano_folder).scores(asked, answers) == pytest.approx(raw, abs=1e-5)
    cut = [answers[0], answers[1], *(one[:-1] for one in answers[2:])]
    scored = rewarding(judge, nano_folder).scores(asked, cut)
    assert scored == pytest.approx([*raw[:2], min(raw[:3]), *raw[3:]], abs=1e-5), "where all were cut, none is better"
    learned = rewarding(judge, nano_folder, mask_truncated_completions=False).scores(asked, cut)
    assert learned == pytest.approx(raw, abs=1e-5)


def turns(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def test_what_the_reward_model_cannot_read_whole_is_known(judge: Judge) -> None:
    prompt = Prompt(turns("say " * 20, "")[:1])
    n = len(judge.model.rendered(turns("say " * 20, "")))
    short = Judge("my-judge", RewardModel(judge.model.model, judge.model.renderer, n + 8))
    assert short.can_read(prompt, 8)
    assert not short.can_read(prompt, 9)
    scores, whole = short.scores([prompt, prompt], ["yes", "yes " * 500])
    assert whole == [True, False]
    assert len(scores) == 2


@pytest.mark.long
def test_rows_that_it_cannot_read_are_counted_and_left_out(
    make_scored: MakeOrder, heard: Heard, judge_folder: Path, tmp_path: Path
) -> None:
    import json

    small = tmp_path / "small"
    shutil.copytree(judge_folder, small)
    config = json.loads((small / "config.json").read_bytes())
    (small / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 48}))
    rows = sums(20)
    rows[1]["prompt"] = "What is " + "1 + " * 60 + "1?"
    done = train.run(make_scored(reward=of_folder(small), rows=rows, max_steps=1), heard)
    assert isinstance(done, Done)
    assert any("1 of 16 training rows were left out" in remark for remark in done.result["remarks"])
    for row in rows:
        row["prompt"] = "What is " + "1 + " * 60 + "1?"
    with pytest.raises(BadInput, match="None of the 16 training rows"):
        train.run(make_scored(reward=of_folder(small), rows=rows), heard)


@pytest.mark.long
def test_a_run_that_an_adapter_drives_goes_on_after_kill_9(
    make_scored: MakeOrder, make_order: MakeOrder, heard: Heard, tmp_path: Path
) -> None:
    """The reward model is a trained adapter; the first attempt is a process of its own, killed after a checkpoint."""
    made = make_order(objective="reward", shape="preference", rows=pairs(tmp_path), max_steps=8, lora_dropout=0.0)
    made = made.model_copy(update={"staging": str(tmp_path / "my-judge")})
    assert isinstance(train.run(made, Heard()), Done)
    shutil.rmtree(made.checkpoints)
    ref = made.base.model_copy(update={"name": "my-judge", "adapter_folder": made.staging, "weights_sha256": "a"})
    shared = {"reward": OfReward(ref=ref, license=""), "max_steps": 6, "save_steps": 3, "eval_steps": 6}
    order = make_scored(**shared)
    whole = train.run(order, heard)
    shutil.rmtree(order.checkpoints)
    shutil.rmtree(order.staging)
    killed_at(3, order)
    again = Heard()
    resumed = train.run(make_scored(attempt=2, **shared), again)
    rewards = {one.step: one.values["reward"] for one in heard.of(Measured) if one.split == "train"}
    later = {one.step: one.values["reward"] for one in again.of(Measured) if one.split == "train"}
    assert sorted(later) == [4, 5, 6]
    assert later == pytest.approx({step: rewards[step] for step in later}, abs=1e-5)
    assert isinstance(whole, Done)
    assert isinstance(resumed, Done)
    assert resumed.result["liked"]["score"]["adapted"]["value"] == pytest.approx(
        whole.result["liked"]["score"]["adapted"]["value"], abs=1e-4
    )
    assert "is not known" in resumed.result["sentence"]


@pytest.fixture
def choosy(judge: Judge, tmp_path: Path) -> Judge:
    """A reward model whose chat template takes the end of a reasoning in an answer for one."""
    renderer = public_templates.renderer(tmp_path / "template", "qwen3_5_nothink")
    return Judge("my-judge", RewardModel(judge.model.model, renderer, 256))


ODD = "It is </think> 4"


def test_an_answer_that_its_chat_template_refuses_is_scored_as_none(
    judge: Judge, choosy: Judge, nano_folder: Path
) -> None:
    prompt = Prompt(turns("say", "")[:1])
    with pytest.raises(BadInput, match="leaves out"):
        choosy.model.rendered(turns("say", ODD))
    texts = ["yes", ODD, "perhaps it is"]
    raw, whole = choosy.scores([prompt] * 3, texts)
    assert whole == [True, False, True]
    assert raw == pytest.approx(choosy.scores([prompt] * 3, ["yes", "", "perhaps it is"])[0], abs=1e-5)
    reads = Renderer(nano_folder)
    rows = [reads.row("messages", {"messages": turns("say", text)}) for text in texts]
    answers = [[one for one, learned in zip(row.ids, row.trained, strict=True) if learned] for row in rows]
    asked = [Asked((), "say", "", 0, prompt)] * 3
    for masks in (True, False):
        found = rewarding(choosy, nano_folder, mask_truncated_completions=masks).scores(asked, answers)
        assert found == pytest.approx([raw[0], min(raw), raw[2]], abs=1e-5)


def test_the_verdict_counts_what_it_could_not_read(choosy: Judge) -> None:
    rows = [{"prompt": text, "completion": "4"} for text in ("2 + 2?", "3 + 1?", "2 + 2? " * 90)]
    given = [
        Answer(n, row["prompt"], "4", text, ended=True)
        for n, (row, text) in enumerate(zip(rows, ("4", ODD, "4"), strict=True))
    ]
    before = Scores((1, 2, 3), np.ones(3), np.ones(3, np.int64), answers=tuple(given), max_new_tokens=6)
    found = scored(choosy, "prompt_completion", rows, before, lambda: False)
    assert [one.index for one in found.answers] == [0, 1]
    assert all(one.score is not None for one in found.answers)
    assert (found.n_not_asked, found.n_unread, found.n_partly_read) == (0, 1, 1)
    said = verdict.judge(found, found, "prompt_completion", held_out.of("prompt_completion", rows, rows)).remarks
    assert "1 row not compared: the reward model can't read the prompt with an answer." in said
    assert not any("no question" in one for one in said)
    assert any("1 of the adapted model's 2 answers to the end" in one for one in said)


def test_the_weights_are_chosen_by_the_highest_reward(make_scored: MakeOrder, heard: Heard) -> None:
    done = train.run(make_scored(load_best_model_at_end=True, eval_steps=1), heard)
    assert isinstance(done, Done)
    seen = {one.step: one.values["reward"] for one in heard.of(Measured) if one.split == "selection"}
    assert sorted(seen) == [1, 2]
    best = max(seen.values())
    assert seen[done.actual["chosen_step"]] == best
    (said,) = [one for one in done.result["remarks"] if "were published" in one]
    assert f"they had the highest reward, {best:.3g}, on" in said
    (alone,) = best_weights.remarks("3 rows", {"chosen_step": 2, "steps": 4, "selection_loss": 0.25}, FEWEST_MISSED)
    assert "they had the smallest share not passed, 0.25, on 3 rows" in alone
