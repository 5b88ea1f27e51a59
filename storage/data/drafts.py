"""A dataset draft: a file, the choices made for it, and the result of checking every row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from storage import progress, scratch
from storage.data import few_answers, intake, mappings, row_files, splits
from storage.data.intake import MIN_ROWS, Findings, Guess, Look, Remark
from storage.data.mappings import CameFrom, Choice, Chosen, Remembered
from storage.data.splits import GROUPED_BYTES
from templates import registry
from templates.errors import Problem
from templates.quantities import plural
from templates.spec import RowShape

MANY_LABELS_SHARE = 0.5
TEMPLATED_SHARE = 0.5
"""If more of the rows come from templates, a split can't keep each template on one side and still be fair."""


@dataclass
class Draft:
    """A file read as rows of `shape` under `mapping`; `findings` lists the problems."""

    look: Look
    guess: Guess
    """The guess, before the caller's own choices."""
    shape: RowShape
    mapping: dict[str, str]
    findings: Findings
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The first rows that fit, as many as requested, with `source_row`."""
    fingerprints: splits.Fingerprints = field(default_factory=lambda: np.empty(0, np.uint64))
    """One for each row that fits."""
    numbers: splits.Places = field(default_factory=lambda: np.empty(0, np.intp))
    """The number in the file of each row that fits."""
    labels: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    """The different answers if they are few: labels, or short texts that repeat; else empty."""
    given: Mapping[str, str] = field(default_factory=dict)
    """The caller's own columns."""
    remembered: Remembered | None = None
    came_from: CameFrom = "guess"

    @property
    def n_refused(self) -> int:
        """Rows that a model can't learn from."""
        return len(self.findings.refused_rows)

    @property
    def n_unreadable(self) -> int:
        """Those of them with broken characters, which can be kept (`replace_unreadable`)."""
        return len(self.findings.unreadable_rows)

    @property
    def goes_in_without_them(self) -> bool:
        """Whether the file would make a dataset without those rows."""
        return self.n_refused > 0 and not self.findings.n_of_file and len(self.fingerprints) >= MIN_ROWS

    @property
    def remarks(self) -> list[Remark]:
        """Oddities of the file and of its rows."""
        return [*self.look.remarks, *self.findings.remarks]

    def batches(self, findings: Findings | None = None) -> Iterator[pa.RecordBatch]:
        """All rows that fit, read again from the file; problems with the others go into `findings`."""
        columns = intake.shaped_columns(self.look, self.shape, self.mapping)
        if columns is not None:
            return columns
        findings = findings or self.look.source.findings()
        return row_files.batches(self.shape, intake.shaped(self.look, self.shape, self.mapping, findings))

    @property
    def instruction(self) -> str:
        """The proposed instruction; "" for none."""
        return self.shape.instruction(sorted(self.answers))

    @property
    def choice(self) -> Choice:
        """The reasons for this shape and these columns."""
        return mappings.explain(
            self.look,
            self.shape,
            self.mapping,
            came_from=self.came_from,
            given=self.given,
            remembered=self.remembered,
        )


def check(
    look: Look,
    *,
    shape: str | None,
    mapping: Mapping[str, Chosen] | None,
    n_kept: int = 0,
    remembered: Remembered | None = None,
    guess_anew: bool = False,
) -> Draft:
    """Check every row of the file under these choices; the rest is guessed.

    A field takes one column or several, as a list or as text (“subject + body”). Without any choices,
    remembered choices override the guess, unless `guess_anew`.
    Raises `BadInput` for an unknown shape.
    """
    guess = intake.guess(look, shape)
    names = [column.name for column in look.columns]
    wanted = {field: intake.normal(choice, names) for field, choice in (mapping or {}).items()}
    recalled = remembered if not (shape or mapping or guess_anew) else None
    given = recalled.whole if recalled else wanted
    chosen = registry.shape(recalled.shape if recalled else shape or _shape_of(given, guess))
    guessed = guess if guess.shape == chosen.key else intake.guess(look, chosen.key)
    draft = Draft(look, guess, chosen, _merged(guessed.mapping, given, names), look.source.findings())
    draft.given, draft.remembered = wanted, remembered
    draft.came_from = "remembered" if recalled else "given" if shape or mapping else "guess"
    if recalled and not recalled.is_the(guess.shape, guess.mapping):
        draft.findings.remark(recalled.says(guess))
    for problem in intake.check_mapping(look, chosen, draft.mapping):
        draft.findings.add(problem)
    if draft.findings.problems:
        intake.note_unread(look, draft.findings)
    else:
        intake.remark_unused(look, draft.mapping, draft.findings)
        with progress.step("Checking every row"):
            _check_rows(draft, n_kept)
    return draft


@lru_cache(maxsize=32)
def look(path: Path, filename: str, replaces: bool = False) -> Look:
    """Read a blob of the file store; with `replaces`, broken characters become �.

    Raises `BadInput` for a file that can't be read.

    Cached, because every change of a choice reads it again; the name of `path` is its content's hash, so it
    never changes.
    """
    with progress.step(f"Reading {filename}"):
        return intake.look(path, filename, scratch.folder, replaces=replaces)


def _shape_of(mapping: Mapping[str, str], guess: Guess) -> str:
    """The guessed shape, unless the caller mapped fields that only another shape has."""
    wanted = set(mapping)
    shapes = sorted(registry.shapes().values(), key=lambda shape: shape.judged)
    able = [shape.key for shape in shapes if wanted <= {f.name for f in shape.fields}]
    return guess.shape if guess.shape in able or not able else able[0]


def _merged(guessed: Mapping[str, str], given: Mapping[str, str], names: list[str]) -> dict[str, str]:
    """The caller's choices come first; an empty one leaves the field open; no column is guessed twice."""
    taken = {part for choice in given.values() for part in intake.columns_of(choice, names)}
    kept = {
        name: intake.joined([part for part in intake.columns_of(choice, names) if part not in taken])
        for name, choice in guessed.items()
        if name not in given
    }
    return {name: choice for name, choice in {**kept, **given}.items() if choice}


def _check_rows(draft: Draft, n_kept: int) -> None:
    label = row_files.label_field(draft.shape)
    prints, numbers = [draft.fingerprints], [draft.numbers]
    few = few_answers.FewAnswers(draft.shape.answer)
    for batch in draft.batches(draft.findings):
        few.add(batch)
        prints.append(row_files.fingerprints(batch))
        numbers.append(batch.column("source_row").to_numpy())
        if len(draft.rows) < n_kept:
            draft.rows += row_files.plain(batch.slice(0, n_kept - len(draft.rows)))
    draft.fingerprints, draft.numbers = np.concatenate(prints), np.concatenate(numbers)
    draft.answers = few.found(len(draft.fingerprints), are_labels=label is not None)
    if label:
        draft.labels = few.answers
        _check_labels(draft, label)


def _check_labels(draft: Draft, label: str) -> None:
    n_labels = len(draft.labels)
    column = draft.mapping[label]
    if n_labels > few_answers.MOST:
        draft.findings.problem(
            f"has more than {few_answers.MOST:,} different labels.",
            field=column,
            remedy="Use the shape prompt_completion for free answers.",
        )
    elif n_labels == 1:
        draft.findings.remark("All rows have the same label, so there is nothing to distinguish.")
    elif n_labels > len(draft.fingerprints) * MANY_LABELS_SHARE:
        draft.findings.remark(f"“{column}” has {n_labels} different labels, almost one per row; is it free text?")


def leave_out(draft: Draft) -> list[Problem]:
    """Take the rows that fit and report those left out; returns the problems that still refuse the file."""
    findings = draft.findings
    if not draft.goes_in_without_them:
        return findings.listed()
    reasons = " · ".join(dict.fromkeys(_reason(problem) for problem in findings.problems))
    said = f"Left out {plural(draft.n_refused, 'row')} that a model can't learn from: {reasons}."
    findings.remark_rows(said, sorted(findings.refused_rows))
    return []


def _reason(problem: Problem) -> str:
    """The problem without its row, which the remark names at its end."""
    return (f"“{problem.field}” " if problem.field else "") + problem.message.rstrip(".")


def split(draft: Draft, wanted: splits.Split, given: Sequence[bool] | splits.Sides | None = None) -> splits.Sides:
    """Choose the held-out rows, unless they are `given`; a remark says if similar rows are on both sides."""
    content = splits.contents(draft.fingerprints, wanted.seed)
    with progress.step("Choosing the held-out rows"):
        held_out = _drawn(draft, wanted, content) if given is None else np.array(given, np.bool_)
    if len(held_out) != len(draft.fingerprints):
        raise ValueError(f"{len(held_out)} sides for {len(draft.fingerprints)} rows")
    _remark_repeats(draft, content, held_out)
    return held_out


def _drawn(draft: Draft, wanted: splits.Split, content: splits.Places) -> splits.Sides:
    from storage.data.rows.rows import Rows  # needed late: the web process starts faster and smaller without it

    label = row_files.label_field(draft.shape)
    few = draft.look.source.path.stat().st_size <= GROUPED_BYTES
    values: list[dict[str, Any]] = []
    labels: list[str] = []
    for batch in draft.batches() if few or label else ():
        values += row_files.plain(batch) if few else []
        labels += batch.column(label).to_pylist() if label else []
    if not few:
        draft.findings.remark(
            "Only identical rows were kept on one side of the split: finding near duplicates takes minutes with this "
            "much text. The health report finds and fixes them."
        )
    with progress.step("Looking for near duplicates"):
        rows = Rows.of(draft.shape, values)
        alike = [*rows.near_prompts, *_kept_together(rows.templated, len(content), wanted.share)]
    kinds = labels if label else None
    return splits.draw(content, wanted.share, labels=kinds, alike=alike)


def _kept_together(templated: list[list[int]], n_rows: int, share: float) -> list[list[int]]:
    """The rows of one template, for one side of the split; none if then too few sides could be drawn from."""
    most = splits.n_held_out(n_rows, share) if n_rows > 1 else 0
    able = sum(map(len, templated)) <= TEMPLATED_SHARE * n_rows and all(len(group) <= most for group in templated)
    return templated if able else []


def _remark_repeats(draft: Draft, content: splits.Places, held_out: splits.Sides) -> None:
    """Say how many rows are repeated, and how many of those are on both sides of the split."""
    n_times = np.bincount(content)
    n_again = len(content) - len(n_times)
    if n_again:
        draft.findings.remark(
            f"{plural(n_again, 'row repeats', 'rows repeat')} an earlier one; the dataset keeps them."
        )
    is_learned = np.zeros(len(n_times), np.bool_)
    is_learned[content[~held_out]] = True
    both = int(is_learned[content[held_out]].sum())
    if both:
        draft.findings.remark(f"{both:,} held-out rows are also training rows, so they test only memory.")
