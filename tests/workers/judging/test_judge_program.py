"""A judge compares two models: in both orders, each question once, corrected by votes, and every failure in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conversations import Heard

from templates.errors import StudioError
from tests.played_service import PlayedService, Trouble, error
from tests.workers.judging.conftest import MakeOrder, N, first_place, longer, shown, votes
from workers import orders
from workers.evaluation.generation import Interrupted
from workers.orders.judge import JudgeOrder
from workers.programs import judge as program
from workers.protocol import Advanced, Done, Entered, Planned, Stop


def run(order: JudgeOrder, heard: Heard | None = None) -> Done:
    return program.run(order, heard or Heard())


def test_both_orders_are_asked_once_and_the_longer_answer_wins(make: MakeOrder, judge: PlayedService) -> None:
    order = make()
    assert orders.read(order.model_dump_json().encode()) == order
    heard = Heard()
    done = run(order, heard)
    result = done.result
    n_same = result["judged"]["outcomes"]["same"]
    assert len(judge.asked) == 2 * (N - n_same)
    assert {shown(one) for one in judge.asked} == {shown(one)[::-1] for one in judge.asked}, "in both orders"
    assert not any("tiny" in json.dumps(one) or "sharp" in json.dumps(one) for one in judge.asked), "no names"
    assert {one["temperature"] for one in judge.asked} == {0.0}
    for pair in result["pairs"]:
        first, second = len(pair["first"]), len(pair["second"])
        wanted = "won" if second > first else "lost" if second < first else "tied"
        assert pair["outcome"] in (wanted, "same")
    assert result["judged"]["outcomes"]["unstable"] == 0
    assert (result["headline"], result["verdict"], done.opened_held_out) == ("opinion", None, True)
    assert result["sentence"].startswith("The judge's opinion, not calibrated: “wise” prefers “sharp” on ")
    assert "You have not voted on these two" in result["sentence"]
    assert [one.stage for one in heard.of(Entered)] == ["preparing", "answering", "judging"]
    assert heard.of(Planned)[0].total_steps == heard.of(Advanced)[-1].step == len(judge.asked)


def test_a_judge_that_favours_a_place_moves_nothing(make: MakeOrder, judge: PlayedService) -> None:
    judge.reply = first_place
    result = run(make(n=10, voted=votes(20, for_longer=14))).result
    for side in ("judged", "voted"):
        outcomes = result[side]["outcomes"]
        assert outcomes["unstable"] == result[side]["n"] - outcomes["same"]
        assert result[side]["rate"]["value"] == 0.5
        assert result[side]["first_place"]["value"] == 1.0
    assert any("the judge chose the answer in the first place 100 %" in one for one in result["remarks"])
    assert (result["headline"], result["calibrated"]["is_worthless"]) == ("votes", True)
    assert result["best"] == pytest.approx(result["calibrated"]["votes"])
    assert "“wise” is no help: it doesn't narrow the interval" in result["sentence"]


def test_votes_correct_the_judge(make: MakeOrder, judge: PlayedService) -> None:
    result = run(make(n=24, voted=votes(30, for_longer=24))).result
    together, judged = result["calibrated"], result["judged"]["rate"]
    assert (together["n_judged"], together["n_votes"]) == (24, 30)
    assert result["voted"]["outcomes"]["won"] == 30, "the second answer is always longer"
    assert result["voted"]["agreement"]["value"] == pytest.approx(0.8)
    assert together["rate"]["value"] == pytest.approx(max(0.0, judged["value"] - 6 / 30))
    assert together["votes"]["value"] == pytest.approx(0.8)
    assert result["headline"] in ("calibrated", "votes")
    assert result["best"] == pytest.approx(together["votes" if together["is_worthless"] else "rate"])


def test_votes_alone_say_whether_the_judge_agrees(make: MakeOrder, judge: PlayedService) -> None:
    done = run(make(n=0, voted=votes(12, for_longer=12)))
    assert (done.result["judged"], done.result["dataset"], done.opened_held_out) == (None, None, False)
    assert (done.result["headline"], done.result["verdict"]) == ("votes", "better")
    assert done.result["voted"]["agreement"]["value"] == 1.0
    assert "judged the same answers only" in done.result["sentence"]
    few = run(make("few", n=0, voted=votes(4, for_longer=4))).result
    assert (few["headline"], few["verdict"]) == ("opinion", None)
    assert "You voted on only 4 prompts" in few["sentence"]


def test_equal_answers_are_not_asked_about(make: MakeOrder, judge: PlayedService, tiny_model_folder: Any) -> None:
    result = run(make(models=(tiny_model_folder, tiny_model_folder))).result
    assert judge.asked == []
    assert result["judged"]["outcomes"]["same"] == N
    assert result["judged"]["rate"]["value"] == 0.5


def test_trouble_that_passes_is_waited_for_and_nothing_is_asked_twice(make: MakeOrder, judge: PlayedService) -> None:
    judge.troubles = [
        error(429, "slow down", Retry_After="0.1"),
        error(500, "oops"),
        Trouble(200, b'{"choices": [{"mess'),
        Trouble(200, b"", cut=True),
    ]
    first = run(make(n=0, voted=votes(3, for_longer=3)))
    n_asked = len(judge.asked)
    assert len({json.dumps(one["messages"]) for one in judge.asked}) == n_asked
    heard = Heard()
    again = run(make("b", n=0, voted=votes(5, for_longer=5)), heard)
    assert len(judge.asked) == n_asked + 4, "only the new votes, in both orders"
    assert heard.of(Planned)[0].start_step == n_asked
    assert again.result["pairs"][:3] == first.result["pairs"]


def test_what_goes_wrong_is_said(make: MakeOrder, judge: PlayedService) -> None:
    judge.reply = lambda _request: "I can't decide."
    with pytest.raises(StudioError, match=r"None of the .* replies of “wise” holds a verdict; the first: “I can't dec"):
        run(make(n=0, voted=votes(2, for_longer=1)))
    judge.always = error(500, "broken inside")
    with pytest.raises(StudioError, match="status 500”: broken inside"):
        run(make(n=0, voted=votes(3, for_longer=3), patience_s=0.1))


def test_some_replies_without_a_verdict_are_counted(make: MakeOrder, judge: PlayedService) -> None:
    judge.reply = lambda request: longer(request) if "Where is 1" in str(request) else "Hm."
    result = run(make(n=0, voted=votes(12, for_longer=6))).result
    assert result["voted"]["outcomes"]["unread"] == 9
    assert any("9 got no verdict" in one for one in result["remarks"])
    assert any(one.startswith("9 pairs got no verdict: a reply held none") for one in result["remarks"])


def test_a_job_that_must_stop_goes_on_from_what_it_has(make: MakeOrder, judge: PlayedService) -> None:
    judge.slow_s = 0.02

    def stop(heard: Heard, report: Any) -> None:
        if isinstance(report, Advanced) and report.step >= 4:
            heard.stop = Stop(stop="discard")

    order = make(n=0, voted=votes(10, for_longer=5))
    with pytest.raises(Interrupted):
        run(order, Heard(on_say=stop))
    n_asked = len(judge.asked)
    assert n_asked >= 4
    done = run(order)
    assert len({json.dumps(one["messages"]) for one in judge.asked}) == len(judge.asked), "none twice"
    assert done.result["usage"]["n_from_before"] == n_asked
