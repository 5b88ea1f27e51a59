"""What a verdict remarks: what was not measured, and which rows count together."""

from __future__ import annotations

from storage.data.rows.resampled import FEWEST_DOCUMENTS, Grouping
from templates.quantities import plural
from workers.evaluation.scoring import Scores
from workers.evaluation.sentences import CHECKS, SCORED, Case, rows


def _on_groups(case: Case, grouping: Grouping) -> list[str]:
    """Remarks on rows that count together."""
    said = []
    if case.n_groups != case.n and not case.by_document:
        said.append(
            f"{rows(case.n)} form {case.n_groups:,} groups of nearly equal rows; the intervals treat each group as a "
            "unit."
        )
    elif case.by_document:
        said.append(
            f"{rows(case.n)} come from {case.n_groups:,} documents; the intervals treat each document as a unit."
        )
    elif 0 < grouping.n_documents < FEWEST_DOCUMENTS:
        said.append(
            f"The held-out rows come from only {plural(grouping.n_documents, 'document')}: the intervals hold for "
            "texts from there, not from others."
        )
    return said


def of(base: Scores, adapted: Scores, case: Case, grouping: Grouping) -> list[str]:
    """Remarks on what was not measured, and on rows that count together."""
    said = []
    wanted = adapted.n_tokens >= 0 if adapted.good is None else adapted.good
    unscored = int(((adapted.n_tokens == 0) & wanted).sum())
    if unscored and case.headline not in (CHECKS, SCORED):
        said.append(
            f"{rows(unscored)} of {len(adapted.n_tokens):,} had no token left to score: not counted in the loss."
        )
    if adapted.n_cut:
        said.append(f"{rows(adapted.n_cut)} exceeded the maximum row length: the loss covers only the beginning.")
    too_long = max(base.n_too_long, adapted.n_too_long)
    if too_long:
        said.append(
            f"{rows(too_long)} not answered: the prompt leaves no room for an answer in the model's context window."
        )
    if adapted.n_not_asked and not case.asks:
        said.append("Plain text has no questions, so only the loss was measured.")
    elif adapted.n_not_asked:
        said.append(f"{rows(adapted.n_not_asked)} not answered: no question, or no answer to compare with.")
    if adapted.n_unread:
        said.append(f"{rows(adapted.n_unread)} not compared: the reward model can't read the prompt with an answer.")
    if len(base.n_tokens) and (base.n_tokens != adapted.n_tokens).any():
        said.append("The models split text into different tokens, so their losses can't be compared.")
    for whose, scores in (("first", base), ("adapted", adapted)):
        if scores.n_unfinished:
            said.append(
                f"{scores.n_unfinished:,} of the {whose} model's {len(scores.answers):,} answers were cut off in its "
                f"reasoning after {scores.max_new_tokens} tokens; they count as no answer."
            )
        if scores.n_too_slow:
            of = f"{scores.n_too_slow:,} of the {whose} model's {len(scores.answers):,} answers"
            said.append(f"A check took too long on {of}, which don't pass it.")
        if scores.n_partly_read:
            of = f"{scores.n_partly_read:,} of the {whose} model's {len(scores.answers):,} answers"
            said.append(
                f"The reward model can't read {of} to the end; what its chat template refuses is scored as no answer."
            )
    cut_off = sum(not answer.ended and not answer.is_unfinished for answer in adapted.answers)
    if cut_off:
        said.append(f"{cut_off:,} of the adapted model's answers were cut off after {adapted.max_new_tokens} tokens.")
    return [*said, *_on_groups(case, grouping)]
