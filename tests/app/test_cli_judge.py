"""From two models and votes to a corrected win rate by command, with a real worker and a judge on this machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from storage.models import User
from tests.played_service import playing
from tests.storage.votes.voting import voted

N_VOTES = 12


def shorter(request: dict[str, Any]) -> str:
    """A judge that prefers the shorter answer, wherever it stands."""
    asked = request["messages"][-1]["content"]
    first, second = (len(text) for text in re.findall(r"<answer_\d>\n(.*?)\n</answer_\d>", asked, re.DOTALL))
    return f"Verdict: {'tie' if first == second else 1 if first < second else 2}"


@pytest.mark.long
def test_votes_and_a_judge_give_one_win_rate(
    studio: User, studio_command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    rows = [{"prompt": f"What is {i} and {i % 7}?", "completion": f"{i}"} for i in range(120)]
    file = tmp_path / "sums.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    code, _, told = studio_command("data", "add", str(file), "--name", "sums")
    assert code == 0, told
    for i in range(N_VOTES):
        voted(studio, f"What is {i}?", "right" if i % 4 else "left", "a long answer", "short")
    with playing() as judge:
        judge.reply = shorter
        asks = ["judge", "--model", "studio-nano", "--model", "studio-small", "--data", "sums", "--judge", judge.url]
        asks += ["--judge-model", "wise", "--set", "max_new_tokens=8", "--set", "most_prompts=10", "--wait"]
        code, job, told = studio_command(*asks)
        assert (code, job["state"]) == (0, "SUCCEEDED"), told
        n_asked = len(judge.asked)
        code, again, told = studio_command(*asks)
        assert (code, len(judge.asked)) == (0, n_asked), "nothing is asked twice"
    found = job["judgement"]
    assert found["voted"]["outcomes"]["won"] == N_VOTES
    assert found["voted"]["agreement"]["value"] == pytest.approx(0.75)
    assert found["calibrated"]["n_votes"] == N_VOTES
    assert found["calibrated"]["n_judged"] == found["judged"]["n"] == 10
    assert (found["opening"], again["judgement"]["opening"]) == (1, 2)
    assert found["headline"] in ("calibrated", "votes")
