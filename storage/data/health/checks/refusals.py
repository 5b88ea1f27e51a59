"""Answers that start with a refusal: “I'm sorry, but I can't …”, “As an AI language model …”, “抱歉，我无法…”.

English, Chinese, German, French and Spanish; “Sorry to hear that” is not a refusal.
"""

from __future__ import annotations

import re

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.rows import Rows
from templates.quantities import plural

OPENING = 200
"""A refusal shows within this many characters of an answer."""
_CANNOT = (
    r"(?:can ?no?t|can['’]t|could not|couldn['’]t|am (?:unable|not able)|['’]m (?:unable|not able)|won['’]t|will not)"
)
_SAYS = re.compile(
    rf"(?:sorry|apologi[sz]e|apologies|unfortunately|regret)\b[^.!?。]{{0,60}}?\b(?:I|we)(?: ?{_CANNOT}\b)"
    r"|\bas an? (?:AI|artificial intelligence|large language|language)(?: language)?(?: model| assistant)?\b"
    r"|作为(?:一个|一名)?(?:AI|人工智能|语言模型|大语言模型)",
    re.IGNORECASE,
)
_STEMS = ("sorry", "apolog", "unfortunately", "regret", "as a", "作为")
"""Everything that `_SAYS` matches contains one of them; searching for them takes a tenth of the time."""
_BEGINS = re.compile(
    rf"\W*(?:I|we) ?{_CANNOT} (?:\w+ )?(?:help|assist|answer|provide|comply|fulfil|do that|discuss|engage|give|share"
    r"|generate|create|write|offer|support|say|tell|access|browse)"
    r"|\W*(?:es tut mir leid|leider|tut mir leid)\b[^.!?]{0,40}\bkann ich\b[^.!?]{0,60}\bnicht\b"
    r"|\W*(?:je suis désolée?|désolée?)\b[^.!?]{0,40}\bje ne (?:peux|suis)\b"
    r"|\W*lo siento\b[^.!?]{0,40}\bno puedo\b"
    r"|\W*(?:很?抱歉|对不起|對不起)[^。！]{0,12}(?:无法|無法|不能|不可以)|\W*我(?:无法|無法|不能)(?:回答|提供|协助|帮助|满足)",
    re.IGNORECASE,
)


def refuses(answer: str) -> bool:
    """Whether the answer begins with a refusal."""
    opening = answer[:OPENING]
    if _BEGINS.match(opening):
        return True
    folded = opening.casefold()
    return any(stem in folded for stem in _STEMS) and _SAYS.search(opening) is not None


def find(rows: Rows) -> Finding | None:
    """The rows with a learned turn that refuses."""
    if rows.labelled:
        return None
    turns = [(row, answer) for row in rows.answered for answer in row.answers if refuses(answer)]
    found = list({row.number: (row, answer) for row, answer in reversed(turns)}.values())[::-1]
    says = f"{plural(len(found), 'answer refuses', 'answers refuse')} to answer."
    return finding(found, len(rows.answered) or 1, says)


SPEC = Check(
    title="Refusals",
    why="A model trained on 60 % refusals where 5 % are wanted refuses questions that it should answer.",
    source="“Methods for adapting large language models”, part 3: refusal balance",
    severity=Severity(warns_from=0.05, misleads_from=0.5),
    unlearned="to answer where these rows refuse",
    find=find,
    fix=dropping("Drop the refusals"),
)
