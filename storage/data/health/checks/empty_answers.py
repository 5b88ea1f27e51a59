"""Answers that say nothing: no letter and no digit, or a stand-in such as “N/A”, “null” or “TODO”.

Labels are left alone if a stand-in may be one of them.
"""

from __future__ import annotations

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.comparable import normalised
from storage.data.rows.rows import Rows
from templates.quantities import plural

# fmt: off
STAND_INS = frozenset((
    "n/a", "#n/a", "na", "nan", "null", "none", "nil", "undefined", "todo", "tbd", "empty",
    "#value!", "#ref!", "#div/0!", "#name?", "#num!", "#null!", "#spill!", "#calc!", "#getting_data",
    "[object object]", "no answer", "not available", "lorem ipsum", "keine angabe", "k. a.", "sans réponse",
    "无", "暂无", "待定", "空", "没有答案", "なし", "없음",
))
# fmt: on


def find(rows: Rows) -> Finding | None:
    """The rows with a learned turn that says nothing."""
    found = [
        (row, row.shown)
        for row in rows.answered
        if any(_says_nothing(normalised(answer), rows.labelled) for answer in row.answers)
    ]
    says = f"{plural(len(found), 'answer says', 'answers say')} nothing."
    return finding(found, len(rows.answered) or 1, says)


def _says_nothing(answer: str, labelled: bool) -> bool:
    if labelled:
        return not answer
    return answer in STAND_INS or (len(answer) <= 3 and not any(c.isalnum() for c in answer) and answer.isascii())


SPEC = Check(
    title="Empty answers",
    why="The model learns to answer nothing as readily as it learns an answer.",
    source="“Methods for adapting large language models”, part 3: quality over quantity",
    severity=Severity(misleads_from=0.3),
    unlearned="what to answer where these rows say nothing",
    find=find,
    fix=dropping("Drop the rows"),
)
