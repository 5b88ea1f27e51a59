"""A judgement's result as a worker leaves it."""

from __future__ import annotations

from typing import Any

from workers.judging import sentences

EVEN = {"value": 0.52, "low": 0.4, "high": 0.64}


def side(n: int, won: int, lost: int, unstable: int) -> dict[str, Any]:
    """What a judge said of `n` pairs."""
    tied = n - won - lost - unstable
    outcomes = {"won": won, "lost": lost, "tied": tied, "same": 0, "unstable": unstable, "unread": 0}
    length = {key: {"value": 30.0, "low": 20.0, "high": 40.0} for key in ("base", "adapted", "difference")}
    rate = {"value": (won + (n - won - lost) / 2) / n, "low": 0.55, "high": 0.74}
    return {"n": n, "outcomes": outcomes, "rate": rate, "first_place": EVEN, "at_equal_length": EVEN, "length": length}


def small_judgement(
    second: str = "studio-small", headline: str = "calibrated", reward_model: str = ""
) -> dict[str, Any]:
    """A judge that agrees with forty votes, mostly: a service, or a reward model of this name."""
    rate = {"value": 0.61, "low": 0.52, "high": 0.7}
    votes = {"value": 0.6, "low": 0.46, "high": 0.74}
    voted = {**side(40, 24, 12, 4), "votes": votes, "agreement": {"value": 0.82, "low": 0.69, "high": 0.91}}
    together = {"n_judged": 100, "n_votes": 40, "rate": rate, "votes": votes, "agreement": voted["agreement"]}
    is_opinion = headline == "opinion"
    best = {"calibrated": rate, "votes": votes, "opinion": side(100, 55, 25, 15)["rate"]}[headline]
    result: dict[str, Any] = {
        "models": [
            {"name": "studio-nano", "base_revision": "1", "weights_sha256": None},
            {"name": second, "base_revision": "1", "weights_sha256": None},
        ],
        "judge": {"model": "wise", "host": "judge.example.com", "criteria": "Prefer the <b>kind</b> one."},
        "dataset": {
            "name": "places", "sha256": "0" * 64, "n_held_out": 120, "n_unasked": 0, "n_cut": [0, 2], "opening": 2,
            "instruction": "",
        },
        "judged": side(100, 55, 25, 15),
        "voted": None if is_opinion else {**voted, "n_prompts": 40},
        "calibrated": None if is_opinion else {**together, "is_worthless": headline == "votes"},
        "headline": headline,
        "best": best,
        "verdict": None if is_opinion else "better" if headline == "calibrated" else "cant_tell",
        "opening": 2,
        "pairs": [
            {"row": 7, "prompt": "Where is it?", "first": "<script>alert(1)</script>", "second": "It is here.",
             "outcome": "won"},
            {"row": None, "prompt": "When?", "first": "Now.", "second": "Later, if you like.", "outcome": "unstable"},
        ],
        "n_pairs": 140,
        "usage": {"words": "1 prompt token"},
    }  # fmt: skip
    if reward_model:
        known = {
            "n_votes_left_out": 0,
            "shared": [],
            "deleted": [],
            "rewarded": [],
            "on_length": "",
            "weights_sha256": "ab" * 32,
        }
        result["judge"] = {"kind": "reward_model", "model": reward_model, **known}
        result["dataset"]["n_learned"] = 3
        result["pairs"][0]["scores"] = [-0.5, 1.25]
    return {**result, "claim": sentences.claim(result), "sentence": sentences.sentence(result),
            "remarks": sentences.remarks(result, ["It cost 1."])}  # fmt: skip
