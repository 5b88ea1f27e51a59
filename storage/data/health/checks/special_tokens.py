"""Texts that spell out tokens with a meaning to chat models, such as <|im_start|>, [INST] or </s>.

With a named base model, its own special tokens count too.
"""

from __future__ import annotations

import re

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.health.personal_data import masked
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural

_TOKENS = re.compile(
    r"<\|[A-Za-z0-9_ ]{1,40}\|>|<｜[^<>｜\n]{1,40}｜>|</?s>|\[/?INST\]|<</?SYS>>"
    r"|<(?:bos|eos|pad|unk|mask|start_of_turn|end_of_turn|endoftext)>"
    r"|\[(?:CLS|SEP|MASK|PAD|UNK|BOS|EOS)\]"
)
_AROUND = 40
"""Characters shown before the token."""


def find(rows: Rows) -> Finding | None:
    """The rows whose text a tokenizer may read as markup."""
    own = rows.lengths.with_special_tokens if rows.lengths else frozenset()
    found: list[tuple[Row, str]] = []
    for row in rows.rows:
        match = next(filter(None, map(_TOKENS.search, row.texts)), None)
        if match:
            hidden = masked(match.string)
            found.append((row, hidden[max(0, hidden.find(match.group()) - _AROUND) :]))
        elif row.number in own:
            found.append((row, row.shown))
    says = f"{plural(len(found), 'row spells', 'rows spell')} out a token that chat models use as markup."
    return finding(found, len(rows.rows), says)


SPEC = Check(
    title="Special tokens in the text",
    why="The tokenizer reads them as markup: a turn may end in the middle, or a new one may start.",
    source="“Methods for adapting large language models”, part 3: one format, the same as in use",
    severity=Severity(misleads_from=0.5),
    unlearned="where a turn ends, from the rows that spell out such tokens",
    find=find,
    fix=dropping("Drop the rows"),
)
