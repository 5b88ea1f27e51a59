"""The health report as text for a terminal."""

from __future__ import annotations

from storage.data.health.report import Found, Report
from storage.data.rows.lengths import Lengths
from storage.text_tables import aligned

_WEIGHTS = {"misleading": "MISLEADS", "warning": "warning", "note": "note"}
_BAR = 30
_REJECTED = "Rejected answers are read after their prompts, as in preference training; fine-tuning skips them."


def lines(report: Report) -> list[str]:
    """The report for a terminal, with its outcome last."""
    said = [f"{report.dataset}: {report.n_rows:,} rows, {report.n_held_out:,} of them held out", *_baseline(report)]
    said += [f"Noted when you added it: {one}" for one in report.noted]
    said += ["", *_lengths(report.lengths), ""]
    if report.found:
        said += _table(report)
    for one in report.found:
        said += ["", *_block(one)]
    if report.found:
        said.append("")
    if report.clean:
        said.append(f"Nothing found: {', '.join(title[0].lower() + title[1:] for title in report.clean)}.")
    return [*said, "", report.why, *([report.unlearned] if report.unlearned else [])]


def _baseline(report: Report) -> list[str]:
    if report.baseline is None:
        return []
    found = report.baseline
    return [f"{found.n_labels:,} labels; always giving “{found.label}” scores {found.share:.1%} without reading"]


def _table(report: Report) -> list[str]:
    head = ["finding", "weight", "rows", "share"]
    rows = [
        [one.check.title, _WEIGHTS[one.level], f"{len(one.finding.rows):,}", f"{100 * one.finding.share:.2g} %"]
        for one in report.found
    ]
    return aligned([head, *rows])


def _block(one: Found) -> list[str]:
    said = [f"{one.check.title}: {one.finding.says}", f"  {one.check.why} ({one.check.source})"]
    return said + [f"  row {example.row:,}: {example.text}" for example in one.finding.examples]


def _lengths(lengths: Lengths | None) -> list[str]:
    if lengths is None:
        return ["Lengths were not measured; use --base MODEL to count them in that model's tokens."]
    named = [("training", lengths.training), ("held out", lengths.held_out)]
    said = []
    if lengths.rejected:
        named += [("training, rejected", lengths.rejected.training), ("held out, rejected", lengths.rejected.held_out)]
        said = [_REJECTED]
    sides = [[name, f"{side.n_rows:,}", f"{side.n_truncated:,}", f"{side.n_refused:,}"] for name, side in named]
    parts = [[part.name, f"{part.n_tokens:,}", f"{part.longest:,}"] for part in lengths.parts]
    whole = lengths.parts[-1]
    most = max((count for _, count in whole.histogram), default=1)
    edges = [[f"≤ {edge:,}", f"{count:,}", "█" * round(_BAR * count / most)] for edge, count in whole.histogram]
    width = max((len(edge[2]) for edge in edges), default=0)
    return [
        f"Read by {lengths.base}, whose context window holds {lengths.context_length:,} tokens:",
        *aligned([["side", "rows", "truncated", "refused"], *sides]),
        *said,
        "",
        *aligned([["part", "tokens", "longest"], *parts]),
        "",
        *aligned([["tokens per row", "rows", ""], *([a, b, bar.ljust(width)] for a, b, bar in edges)]),
    ]
