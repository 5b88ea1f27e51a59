"""A suite of a few items, made of the same parts as the product's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from storage.gallery import suites
from storage.gallery.suites import Suite
from templates.spec.suite import Ability, Phrasing, SuiteItem

TOOL = {
    "type": "function",
    "function": {
        "name": "find_train",
        "description": "Finds a train.",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
    },
}


def _ability(key: str, chance: float | None = None, **parts: Callable[[str], str]) -> Ability:
    return Ability(key.title(), parts or {key: str.strip}, chance)


ABILITIES = {
    "colours": _ability("colours", 0.25),
    "passages": _ability(
        "passages", passages_value=lambda text: text.partition(" [")[0], passages_source=lambda text: text[-3:]
    ),
    "tools": _ability("tools"),
}


def item(ability: str, phrasing: Phrasing, question: str, answer: str) -> SuiteItem:
    """One question of one turn; a call of a tool where the ability is `tools`."""
    messages = [{"role": "user", "content": question}]
    return SuiteItem(ability, phrasing, messages, [TOOL] if ability == "tools" else [], answer)


def small_suite(n: int = 3) -> Suite:
    """`n` items of each ability and phrasing, with answers of different lengths."""
    answers = {"colours": "red", "passages": "Velmara [2]", "tools": '{"name": "find_train", "town": "Velmara"}'}
    items = [
        item(ability, phrasing, f"{phrasing} question {i} " + "of many words " * (i % 5), answer)
        for ability, answer in answers.items()
        for phrasing in suites.PHRASINGS
        for i in range(n)
    ]
    return suites.of("general", tuple(items), ABILITIES)


def interval(value: float, n: int | None = None) -> dict[str, float]:
    """A share as a result has it."""
    found: dict[str, float] = {"value": value, "low": max(0.0, value - 0.1), "high": min(1.0, value + 0.1)}
    return found if n is None else {**found, "n": n}


def small_result(*names: str) -> dict[str, Any]:
    """What an evaluation on a suite comes to; every model after the first lost 30 points in colours."""
    scores = ("colours", "passages_value", "passages_source", "tools")
    both = {"known": interval(0.8, 3), "held_out": interval(0.5, 3)}
    models = [
        {"name": name, "base_revision": "r", "weights_sha256": None, "abilities": dict.fromkeys(scores, both),
         "mean": {"known": interval(0.8), "held_out": interval(0.5)}, "n_too_long": 0, "n_refused": 0, "n_cut_off": i,
         "seconds": 12.0 + i}
        for i, name in enumerate(names)
    ]  # fmt: skip
    lost = {"value": -0.3, "low": -0.4, "high": -0.2}
    pair = {"base": interval(0.8), "adapted": interval(0.5), "difference": lost}
    same = {"base": interval(0.8), "adapted": interval(0.8), "difference": {"value": 0.0, "low": -0.1, "high": 0.1}}
    comparisons = [
        {"model": name, "against": names[0], "abilities": {**dict.fromkeys(scores, same), "colours": pair},
         "mean": pair, "sentence": "Lost 30 points [20, 40] of its general abilities, most in colours (−30)."}
        for name in names[1:]
    ]  # fmt: skip
    return {"suite": small_suite().document(), "models": models, "comparisons": comparisons}


def small_own_words() -> dict[str, Any]:
    """What a verdict says of a base's own prompts, of which 62 % are answered as before."""
    same = {"base": interval(0.82), "adapted": interval(0.62), "difference": {"value": -0.2, "low": -0.3, "high": -0.1}}
    loss = {
        name: {"value": v, "low": v, "high": v} for name, v in (("base", 0.5), ("adapted", 0.75), ("difference", 0.25))
    }
    return {
        "n": 96, "of_user": True, "first_tokens": 8, "same": same, "loss": loss, "rounding": "16 instead of 32 bits",
        "loss_by_rounding": 0.01, "n_drawn": 128, "dropped": {"too short": 3},
        "sentence": "Answers 62 % [52, 72] of its own prompts as before; rounding alone changes 18 %.",
    }  # fmt: skip


def small_forgotten() -> dict[str, Any]:
    """What a verdict says of general abilities of which 30 points were lost in colours."""
    compared = small_result("studio-nano", "tuned")["comparisons"][0]
    found = {key: compared[key] for key in ("abilities", "mean", "sentence")}
    return {**found, "suite": "general", "sha256": "5" * 64, "n": 18, "remarks": ["7 items are <too> long."]}
