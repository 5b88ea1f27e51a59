"""Extracts the parts of an answer that count."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection

_CALL = re.compile(r"<tool_call>(.*)</tool_call>", re.DOTALL)
_CITATION = re.compile(r"\s*\[\d+\]\.?$")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")
_OBJECT = re.compile(r"\{[^{}]*\}", re.DOTALL)
_AROUND = " \t\"'“”‘’`*.!"


def canonical_json(answer: str) -> str:
    """The JSON value with sorted keys, so that order and spaces do not count; other text stays as it is."""
    try:
        return json.dumps(json.loads(answer), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return answer.strip()


def canonical_call(answer: str) -> str:
    """The tool call with sorted keys; any other answer stays as it is."""
    found = _CALL.fullmatch(answer.strip())
    return f"<tool_call>{canonical_json(found.group(1))}</tool_call>" if found else answer.strip()


def without_citation(answer: str) -> str:
    """The answer without the passage number after it: `Brogaton [2].` → `Brogaton`."""
    return _CITATION.sub("", answer.strip())


def number(answer: str) -> str:
    """The last number in the first sentence that has one: `3 + 4 = 7. Well done!` → `7`; empty without a number."""
    for sentence in _SENTENCE_END.split(answer.replace(",", "")):
        if found := _NUMBER.findall(sentence):
            return f"{float(found[-1]):g}"
    return ""


def numbers(answer: str) -> str:
    """All numbers of the first line that has two or more, in order: `Sorted: 2, 5, 9` → `2 5 9`."""
    found = (_NUMBER.findall(line) for line in answer.splitlines())
    return " ".join(next((line for line in found if len(line) > 1), []))


def bare(answer: str) -> str:
    """The first line without quotes, a full stop and a difference of case or blanks."""
    first = answer.strip().partition("\n")[0]
    return " ".join(first.strip(_AROUND).casefold().split())


def cased(answer: str) -> str:
    """The first line without quotes and a full stop, in the letters' own case."""
    return answer.strip().partition("\n")[0].strip(_AROUND)


def json_in(answer: str) -> str:
    """The JSON object in an answer with sorted keys, whatever stands around it; any other answer stays as it is."""
    found = _OBJECT.search(answer)
    return canonical_json(found.group()) if found else answer.strip()


def mentioned(words: Collection[str], *, last: bool = False) -> Callable[[str], str]:
    """A marking that takes the first of these words that an answer mentions, or the `last` in its first sentence.

    It returns the word in lower case, and an empty text if none is mentioned. Words of several parts come first:
    `New Delhi` is not `Delhi`.
    """
    longest_first = sorted(words, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)

    def mark(answer: str) -> str:
        sentence = next((part for part in _SENTENCE_END.split(answer) if pattern.search(part)), "")
        found = pattern.findall(sentence)
        return found[-1 if last else 0].casefold() if found else ""

    return mark
