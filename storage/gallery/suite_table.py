"""The scores of an evaluation on a suite as text: ability × model, for terminals and model cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.gallery.suites import PHRASINGS
from storage.text_tables import aligned, cell

WORDS = {"known": "known", "held_out": "held out"}
"""The name of a phrasing in a heading."""


def words(score: str) -> str:
    """A score's name as used in a sentence."""
    return score.replace("_", " ")


def scores(result: Mapping[str, Any]) -> list[str]:
    """The names of all scores, in the suite's order."""
    return list(result["models"][0]["abilities"])


def phrasings(result: Mapping[str, Any]) -> list[str]:
    """The phrasings that have items, in order."""
    found = [of for model in result["models"] for of in model["abilities"].values()]
    return [phrasing for phrasing in PHRASINGS if any(phrasing in of for of in found)]


def rows(result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Heading and lines: each score with its item counts and a column per model and phrasing, then the mean.

    `chance` is the best score of an answer that ignores the question. A phrasing without items has no columns.
    """
    models, asked = result["models"], phrasings(result)
    named = {phrasing: f", {WORDS[phrasing]}" if len(asked) > 1 else "" for phrasing in asked}
    chances = {score: of["chance"] for of in result["suite"]["abilities"].values() for score in of["scores"]}
    head = ["ability", "chance", *(f"n{named[phrasing].replace(',', '')}" for phrasing in asked)]
    head += [f"{model['name']}{named[phrasing]}" for model in models for phrasing in asked]
    lines = []
    for score in scores(result):
        found = [model["abilities"][score] for model in models]
        n = [str(found[0][phrasing]["n"]) if phrasing in found[0] else "0" for phrasing in asked]
        chance = "" if chances[score] is None else f"{100 * chances[score]:.0f} %"
        lines.append([words(score), chance, *n, *(cell(one.get(phrasing)) for one in found for phrasing in asked)])
    means = [cell(model["mean"].get(phrasing)) for model in models for phrasing in asked]
    return head, [*lines, ["mean over abilities", "", *("" for _ in asked), *means]]


def remarks(result: Mapping[str, Any]) -> list[str]:
    """Items counted as wrong for reasons other than a wrong answer, and the time taken."""
    said = []
    for model in result["models"]:
        parts = [f"{model['seconds']:.0f} s"]
        for key, what in _WRONG.items():
            if model[key]:
                parts.append(f"{what}: {model[key]:,}, counted as wrong")
        said.append(f"{model['name']}: {'; '.join(parts)}.")
    return said


_WRONG = {
    "n_too_long": "prompts longer than its context",
    "n_refused": "conversations refused by its chat template",
    "n_cut_off": "answers cut off at the token limit",
}


def lines(result: Mapping[str, Any]) -> list[str]:
    """The whole result for a terminal."""
    suite = result["suite"]
    head, body = rows(result)
    text = [f"Suite {suite['name']}: {suite['n_items']:,} items, sha256 {suite['sha256'][:12]}, 95 % intervals", ""]
    text += [*aligned([head, *body]), "", *remarks(result)]
    text += [f"{found['model']} against {found['against']}: {found['sentence']}" for found in result["comparisons"]]
    return text


def markdown(result: Mapping[str, Any]) -> str:
    """The table for a model card."""
    head, body = rows(result)
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *body])
