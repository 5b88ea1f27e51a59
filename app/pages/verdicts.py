"""A verdict as a reader meets it: the sentence, bars with whiskers, and the answers that changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from app import charts
from app.formats import count, escaped, number, shortened
from app.pages import layout, suite_views
from storage.gallery import artifacts
from storage.models import Artifact

WORDS = {"better": "Better", "worse": "Worse", "not_better": "Not better", "cant_tell": "Can’t tell"}
SHARES = {
    "preference_accuracy": "Preference accuracy",
    "label_accuracy": "Label accuracy",
    "exact_match": "Exact match",
}
CHANGES = {"better": "Better", "worse": "Worse", "changed": "Changed", "same": "Same"}
SHOWN = 50
ANSWERS = Path("evaluation") / "answers.jsonl"


def block(verdict: Mapping[str, Any]) -> str:
    """The whole verdict, without its answers."""
    bars = "".join(
        charts.bar_pair(title, metrics[name]["base"], metrics[name]["adapted"])
        for name, title in SHARES.items()
        if name in (metrics := verdict.get("metrics", {}))
    )
    losses = "".join(_loss(title, verdict["metrics"][name]) for name, title in _LOSSES if name in verdict["metrics"])
    help_text = verdict.get("what_would_help")
    helps = f'<p class="helps"><b>What would help:</b> {escaped(help_text)}</p>' if help_text else ""
    remarks = "".join(f"<li>{escaped(remark)}</li>" for remark in verdict.get("remarks") or ())
    said = f'<ul class="remarks">{remarks}</ul>' if remarks else ""
    return f'{sentence(verdict)}{bars}<dl class="facts losses">{losses}</dl>{helps}{said}{_forgotten(verdict)}'


_LOSSES = (("loss", "Loss on held-out rows"), ("perplexity", "Perplexity"))


def _forgotten(verdict: Mapping[str, Any]) -> str:
    """What became of the general abilities; nothing where they were not measured."""
    found = verdict.get("forgotten")
    if not found:
        return ""
    remarks = "".join(f"<li>{escaped(remark)}</li>" for remark in found["remarks"])
    return (
        f'<p class="sentence">{escaped(found["sentence"])}</p>'
        f"<details><summary>General abilities one by one, {count(found['n'])} items</summary>"
        f"{suite_views.chart(found, 'base', 'adapted')}</details>"
        + (f'<ul class="remarks">{remarks}</ul>' if remarks else "")
    )


def forgotten_figure(verdict: Mapping[str, Any]) -> str:
    """`general abilities −31 [−38, −24] points`, for a card; nothing where they were not measured."""
    found = verdict.get("forgotten")
    return f"general abilities {suite_views.points(found['mean']['difference'])} points" if found else ""


def _loss(title: str, pair: Mapping[str, Any]) -> str:
    base, adapted, change = pair["base"], pair["adapted"], pair["difference"]
    return (
        f'<dt>{title}</dt><dd><span class="base-ink">{number(base["value"])}</span> → '
        f'<b class="adapted-ink">{number(adapted["value"])}</b> '
        f'<span class="quiet">change {number(change["value"])} '
        f"[{number(change['low'])}, {number(change['high'])}]</span></dd>"
    )


def sentence(verdict: Mapping[str, Any]) -> str:
    """The verdict's words, their first sentence marked with the outcome's colour."""
    first, dot, rest = str(verdict.get("sentence", "No verdict.")).partition(". ")
    outcome = escaped(verdict.get("verdict", ""))
    return f'<p class="sentence"><b class="badge {outcome}">{escaped(first + dot.strip())}</b> {escaped(rest)}</p>'


def headline_bars(verdict: Mapping[str, Any]) -> str:
    """The bar pair of the measure that decided, for a card; the two losses where that is the loss."""
    metrics = verdict.get("metrics", {})
    for name in (str(verdict.get("headline")), *SHARES):
        if name in SHARES and name in metrics:
            return charts.bar_pair(SHARES[name], metrics[name]["base"], metrics[name]["adapted"])
    if "loss" not in metrics:
        return ""
    return f'<dl class="facts losses">{_loss("Loss", metrics["loss"])}</dl>'


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


def answers_table(found: list[dict[str, Any]], change: str) -> str:
    """Base and adapted answers side by side, filtered."""
    chosen = [answer for answer in found if change in ("all", answer["change"])]
    if not chosen:
        return "<p>No answers of this kind.</p>"
    rows = [
        [
            count(answer["row"]),
            escaped(shortened(answer["prompt"], 160)),
            escaped(shortened(answer["expected"], 120)),
            f'<span class="base-ink">{escaped(shortened(answer["base"], 120))}</span>',
            f'<span class="adapted-ink">{escaped(shortened(answer["adapted"], 120))}</span>',
            f'<span class="change {escaped(answer["change"])}">{escaped(CHANGES.get(answer["change"], ""))}</span>',
        ]
        for answer in chosen[:SHOWN]
    ]
    head = ["Row", "Prompt", "Expected", "Base", "Adapted", "Change"]
    more = f'<p class="quiet">The first {SHOWN} of {count(len(chosen))} are shown.</p>'
    table = layout.table(head, rows, "Answers", frozenset({0}))
    return f'<div class="answers">{table}</div>' + (more if len(chosen) > SHOWN else "")
