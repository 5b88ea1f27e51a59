"""A verdict as a page shows it: the sentence, bars with whiskers, and the answers that changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from app.formats import number, percent
from app.markup import html
from app.pages import label_views, reward_views, suite_views, wins
from storage.data import openings
from storage.gallery import artifacts
from storage.models import Artifact
from storage.text_tables import cell
from templates import metrics
from templates.quantities import stopped_at

WORDS = {
    "better": "Better",
    "lower_loss": "Lower loss, answers not usable yet",
    "not_better": "Not better",
    "cant_tell": "Can’t tell",
    "worse": "Worse",
}
SHARES = {
    "checks_passed": "Checks passed",
    "scored_higher": "Scored higher by the reward model",
    "preference_accuracy": "Preference accuracy",
    "judgement_ranking": "Good answers ranked above bad ones",
    "label_accuracy": "Label accuracy",
    "exact_match": "Exact match",
    "chrf": "Similarity to the expected answers (chrF)",
}
LOSSES = {"loss": "Loss on held-out rows", "perplexity": "Perplexity"}
UNITS = {"loss": "nats per token", "perplexity": ""}
CHANGES = {"better": "Better", "worse": "Worse", "changed": "Still wrong", "same": "Same"}
SHOWN = 50
ANSWERS = Path("evaluation") / "answers.jsonl"


def block(verdict: Mapping[str, Any], opened: int | None = None) -> Markup:
    """The whole verdict, without its answers; `opened` is how often its held-out side has been opened by now."""
    lost = verdict.get("forgotten")
    abilities = suite_views.chart(lost, verdict.get("parent") or "base", "adapted") if lost else ""
    measures = [(one["title"], metrics.compared(one)) for one in (verdict.get("measures") or {}).values()]
    rivals = [(verdict.get("parent") or "the base", verdict.get("wins"))]
    rivals += [((verdict.get("root") or {}).get("name"), (verdict.get("root") or {}).get("wins"))]
    parts = verdict.get("by_dataset") or ()
    looks = openings_line(opened) if opened and not parts else ""
    counts = [opened, *(one["verdict"].get("opening") for one in parts[1:])]
    return html(
        "verdicts/block",
        verdict=verdict,
        shares=[] if verdict.get("reward") else _shares(verdict),
        of_reward=reward_views.block(verdict),
        losses=LOSSES,
        units=UNITS,
        marks=marks(verdict),
        measures=measures,
        of_labels=label_views.block(verdict.get("classification"), str(verdict.get("parent") or "")),
        wins=[(rival, wins.rows(found)) for rival, found in rivals if found],
        looks=looks,
        beside_root=_beside(verdict, verdict.get("root")),
        beside_teacher=_beside(verdict, verdict.get("teacher")),
        abilities=abilities,
        by_dataset=[(one["name"], block(one["verdict"], n)) for one, n in zip(parts, counts, strict=False)],
    )


def _beside(verdict: Mapping[str, Any], other: Mapping[str, Any] | None) -> list[list[str]]:
    """For each metric the scores of another model (the base at the root, or the teacher), of the model before this
    result, and of this one."""
    titles = {**SHARES, **LOSSES}
    return [
        [titles.get(name, name), *(score(name, one) for one in (of_other["base"], found["base"], found["adapted"]))]
        for name, of_other in (other or {"metrics": {}})["metrics"].items()
        if (found := verdict.get("metrics", {}).get(name)) and not _repeats(name, verdict)
    ]


def _repeats(name: str, verdict: Mapping[str, Any]) -> bool:
    """Whether another metric says the same: for labels, exact match is the accuracy again."""
    return name == "exact_match" and "label_accuracy" in verdict.get("metrics", {})


def score(name: str, found: Mapping[str, float]) -> str:
    """A score with its unit and its interval."""
    if name in SHARES:
        return f"{percent(found['value'])} [{100 * found['low']:.0f}, {100 * found['high']:.0f}]"
    value, low, high = (number(found[key]) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}] {UNITS.get(name, '')}".rstrip()


def in_a_word(result: Mapping[str, Any]) -> str:
    """A job's verdict for a list, or that of its only comparison; empty if it has none."""
    comparisons = result.get("comparisons") or []
    verdict = result.get("verdict") or (comparisons[0].get("verdict") if len(comparisons) == 1 else None)
    return WORDS.get(str(verdict), "")


def _shares(verdict: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The shares to draw, the deciding one first."""
    found = [name for name in SHARES if name in verdict.get("metrics", {}) and not _repeats(name, verdict)]
    return [(name, SHARES[name]) for name in sorted(found, key=lambda name: name != verdict.get("headline"))]


def marks(verdict: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The trivial answer's score on each metric, as a mark to beat; older verdicts have only its share."""
    if trivial := verdict.get("trivial"):
        return {name: {"words": trivial["words"], "share": share} for name, share in trivial["metrics"].items()}
    if majority := verdict.get("majority"):
        words = f"always answering “{majority['label']}”"
        return {"label_accuracy": {"words": words, "share": {"value": majority["share"]}}}
    return {}


def stopped(verdict: Mapping[str, Any]) -> str:
    """`stopped at 6 of 61 steps`; empty if the training ran to its end."""
    found = verdict.get("stopped")
    return stopped_at(found["step"], found["of"]) if found else ""


def openings_line(n: int) -> Markup:
    """How often the held-out side behind a verdict has been opened."""
    return html("quiet", words=openings.sentence(n))


def forgotten_figure(verdict: Mapping[str, Any]) -> str:
    """`general abilities −31 [−38, −24] points`, for a card; empty if not measured."""
    found = verdict.get("forgotten")
    return f"general abilities {suite_views.points(found['mean']['difference'])} points" if found else ""


def own_words_figure(verdict: Mapping[str, Any]) -> str:
    """`62 % [55, 69] of its own prompts as before`, for a card; empty if not measured."""
    own = (verdict.get("forgotten") or {}).get("own")
    return f"{cell(own['same']['adapted'])} of its own prompts as before" if own else ""


def headline(verdict: Mapping[str, Any]) -> Markup:
    """For a card: the sentence, and the bars of the deciding metric (or the two losses)."""
    decided = str(verdict.get("headline"))
    names = () if decided in LOSSES else (decided, *SHARES)
    measure = next((name for name in names if name in SHARES and name in verdict.get("metrics", {})), None)
    mark = marks(verdict).get(measure or "")
    bar = reward_views.headline(verdict)
    return html("verdicts/headline", verdict=verdict, of_reward=bar, measure=measure, shares=SHARES, mark=mark)


def answers(artifact: Artifact) -> list[dict[str, Any]]:
    """Every held-out row that both models answered, as kept with the artifact."""
    return list(_answers(artifacts.folder(artifact) / ANSWERS, artifact.manifest_sha256))


@lru_cache(maxsize=32)
def _answers(path: Path, _manifest_sha256: str) -> tuple[dict[str, Any], ...]:
    if not path.is_file():
        return ()
    return tuple(json.loads(line) for line in path.read_text("utf-8").splitlines() if line)


def change_choices(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The filters of the answers' table with their counts."""
    counted = {key: sum(1 for answer in found if answer["change"] == key) for key in CHANGES}
    return [(f"All {len(found):,}", "all")] + [(f"{CHANGES[key]} {n:,}", key) for key, n in counted.items() if n]


def answers_table(found: list[dict[str, Any]], change: str, parent: str = "") -> Markup:
    """The answers of base (or of the result `parent`) and adapted model side by side, filtered."""
    chosen = [answer for answer in found if change in ("all", answer["change"])]
    if not chosen:
        return html("plain", words="No answers of this kind.")
    return html("verdicts/answers", answers=chosen[:SHOWN], n_all=len(chosen), changes=CHANGES, before=parent or "Base")
