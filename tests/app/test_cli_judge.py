"""From two models and votes to a corrected win rate by command, with a judge on this machine."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from app.cli import main
from storage.data import datasets, openings, uploads
from storage.jobs import jobs
from storage.models import Job, User
from tests.contracts import in_process
from tests.played_service import PlayedService, playing
from tests.storage.votes.voting import voted

N_VOTES = 12


def shorter(request: dict[str, Any]) -> str:
    """A judge that prefers the shorter answer, wherever it stands."""
    asked = request["messages"][-1]["content"]
    first, second = (len(text) for text in re.findall(r"<answer_\d>\n(.*?)\n</answer_\d>", asked, re.DOTALL))
    return f"Verdict: {'tie' if first == second else 1 if first < second else 2}"


def judged(user: User, judge: PlayedService, capsys: pytest.CaptureFixture[str]) -> Job:
    """A judgement by command, carried out."""
    asks = ["judge", "--model", "studio-nano", "--model", "studio-small", "--data", "sums", "--judge", judge.url]
    asks += ["--judge-model", "wise", "--set", "max_new_tokens=8", "--set", "most_prompts=10", "--json"]
    capsys.readouterr()
    assert main(asks) == 0
    return in_process.carried_out(user, jobs.get(user, json.loads(capsys.readouterr().out)["id"]))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_votes_and_a_judge_give_one_win_rate(
    studio: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    rows = "\n".join(json.dumps({"prompt": f"What is {i} and {i % 7}?", "completion": f"{i}"}) for i in range(120))
    data = datasets.add(studio, uploads.save(studio, "sums.jsonl", io.BytesIO(rows.encode())), name="sums")
    for i in range(N_VOTES):
        voted(studio, f"What is {i}?", "right" if i % 4 else "left", "a long answer", "short")
    with playing() as judge:
        judge.reply = shorter
        job = judged(studio, judge, capsys)
        n_asked = len(judge.asked)
        again = judged(studio, judge, capsys)
        assert len(judge.asked) == n_asked, "nothing is asked twice"
    assert job.state == again.state == "SUCCEEDED"
    found, second = job.result or {}, again.result or {}
    assert found["voted"]["outcomes"]["won"] == N_VOTES
    assert found["voted"]["agreement"]["value"] == pytest.approx(0.75)
    assert found["calibrated"]["n_votes"] == N_VOTES
    assert found["calibrated"]["n_judged"] == found["judged"]["n"] == 10
    assert found["judged"] == second["judged"]
    assert (found["opening"], second["opening"], openings.of(data)) == (1, 2, 2)
    assert found["headline"] in ("calibrated", "votes")
    assert main(["jobs", "show", job.id]) == 0
    assert found["sentence"] in capsys.readouterr().out
