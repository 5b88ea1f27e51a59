"""A reward model judges: the higher score wins, votes correct it, and what it learned is said."""

from __future__ import annotations

import pytest
import torch
from conversations import Heard

from storage.judging.reward_models import Background, Shared
from templates.errors import StudioError
from tests.played_service import PlayedService
from tests.workers.judging.conftest import MakeOrder, N, votes
from workers import orders
from workers.evaluation.generation import Interrupted
from workers.orders.judge import RewardJudge
from workers.preferences.reward_model import RewardModel, tied
from workers.programs import judge as program
from workers.protocol import Entered, ModelRef, Stop

ON_LENGTH = "Longer answers get higher scores: the correlation of score and length is +0.40 [+0.20, +0.60]."


def rewarding(ref: ModelRef, n_votes_left_out: int = 0, **background: object) -> RewardJudge:
    return RewardJudge(model=ref, background=Background(**background), n_votes_left_out=n_votes_left_out)  # type: ignore[arg-type]


def test_the_higher_score_wins_and_nobody_is_asked(make: MakeOrder, judge: PlayedService, reward_ref: ModelRef) -> None:
    order, heard = make(rewarding=rewarding(reward_ref)), Heard()
    assert orders.read(order.model_dump_json().encode()) == order
    done = program.run(order, heard)
    result, scorer = done.result, RewardModel.load(reward_ref)
    assert judge.asked == []
    assert result["judged"]["n"] == N
    for pair in result["pairs"]:
        turns = [{"role": "user", "content": pair["prompt"]}]
        both = [[*turns, {"role": "assistant", "content": pair[side]}] for side in ("first", "second")]
        if pair["first"].strip() == pair["second"].strip():
            assert pair["outcome"] == "same"
            continue
        first, second = scorer.scores(both)
        assert pair["scores"] == pytest.approx([first, second], abs=1e-4)
        assert pair["outcome"] == ("won" if second > first else "lost")
    assert len({pair["outcome"] for pair in result["pairs"]}) > 1
    assert result["judged"]["first_place"] is None, "there are no places"
    assert (result["headline"], result["verdict"], done.opened_held_out) == ("opinion", None, True)
    assert result["sentence"].startswith("The judge's opinion, not calibrated: “tastes” prefers “sharp” on ")
    assert any("every judgement is stable" in one for one in result["remarks"])
    assert any("characters on average, and “sharp”" in one for one in result["remarks"])
    assert not any("order" in one for one in result["remarks"] if "no order" not in one)
    assert [one.stage for one in heard.of(Entered)] == ["preparing", "answering", "judging"]


def test_votes_correct_a_reward_model(make: MakeOrder, reward_ref: ModelRef) -> None:
    voted, scorer = votes(30, for_longer=0), RewardModel.load(reward_ref)
    agreed = []
    for i, vote in enumerate(voted):
        both = [[*vote.turns, {"role": "assistant", "content": text}] for text in (vote.first, vote.second)]
        first, second = scorer.scores(both)
        agreed.append(vote.model_copy(update={"score": float((second > first) != (i % 10 == 0))}))
    result = program.run(make(n=24, voted=agreed, rewarding=rewarding(reward_ref)), Heard()).result
    assert result["voted"]["agreement"]["value"] == pytest.approx(0.9)
    assert (result["calibrated"]["n_judged"], result["calibrated"]["n_votes"]) == (24, 30)
    assert result["headline"] in ("calibrated", "votes")
    if result["headline"] == "calibrated":
        assert "“tastes” scored the answers to 24 held-out prompts and your 30 votes correct it" in result["sentence"]


def test_what_the_reward_model_learned_is_said(make: MakeOrder, reward_ref: ModelRef) -> None:
    known = {
        "learned": frozenset({"what is 1?", "what is 3?", "elsewhere"}),
        "shared": (Shared(model="sharp", dataset="pairs"),),
        "deleted": ("old-pairs",),
        "rewarded": ("sharp",),
        "on_length": ON_LENGTH,
    }
    result = program.run(make(rewarding=rewarding(reward_ref, 2, **known)), Heard()).result
    assert "“tastes” learned the prompts of 2 of your votes, which leaves none, so" in result["sentence"]
    assert "You have not voted" not in result["sentence"]
    said = " ".join(result["remarks"])
    assert "“tastes” learned 2 of the 12 held-out prompts" in said
    assert "2 votes are left out, because “tastes” learned their prompts" in said
    assert "“sharp” and “tastes” learned from the same data (“pairs”)" in said
    assert "“old-pairs”, whose rows were deleted" in said
    assert "“sharp” was trained to score higher with “tastes”" in said
    assert ON_LENGTH in said
    clean = " ".join(program.run(make("b", rewarding=rewarding(reward_ref)), Heard()).result["remarks"])
    assert "“tastes” learned" not in clean
    assert "left out, because" not in clean
    assert "trained to score higher" not in clean


def test_scores_within_the_models_rounding_are_tied() -> None:
    one, other = [0.4746, 0.4746, -3.0, 0.0, 2.0], [0.4727, 0.46, -3.0, 2e-4, -2.0]
    assert tied(one, other, torch.bfloat16).tolist() == [True, False, True, False, False]
    assert tied(one, other, torch.float32).tolist() == [False, False, True, False, False]
    assert bool(tied(1.0, 1.00009, torch.float32))


def test_the_coarsest_weights_tell_how_finely_it_scores(reward_ref: ModelRef) -> None:
    scorer = RewardModel.load(reward_ref)
    scorer.model.to(torch.float32)
    assert scorer.dtype == torch.float32
    scorer.model.get_submodule("score").to(torch.bfloat16)
    assert scorer.dtype == torch.bfloat16


def test_an_answer_that_it_cannot_read_counts_as_half(make: MakeOrder, reward_ref: ModelRef) -> None:
    voted = votes(3, for_longer=1)
    voted[0] = voted[0].model_copy(update={"second": "long " * 5_000})
    result = program.run(make(n=0, voted=voted, rewarding=rewarding(reward_ref)), Heard()).result
    assert result["voted"]["outcomes"]["unread"] == 1
    assert any(one.startswith("1 pair could not be scored: longer than “tastes” reads") for one in result["remarks"])
    with pytest.raises(StudioError, match=r"can't score any of the 1 pairs. The first: .* tokens; the reward model"):
        program.run(make("b", n=0, voted=voted[:1], rewarding=rewarding(reward_ref)), Heard())


def test_a_job_that_must_stop_stops(make: MakeOrder, reward_ref: ModelRef) -> None:
    def stop(heard: Heard, report: object) -> None:
        if isinstance(report, Entered) and report.stage == "judging":
            heard.stop = Stop(stop="discard")

    with pytest.raises(Interrupted):
        program.run(make(n=0, voted=votes(3, for_longer=3), rewarding=rewarding(reward_ref)), Heard(on_say=stop))
