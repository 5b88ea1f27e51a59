"""Extracts the parts of an answer that count."""

from __future__ import annotations

import json
import re

_CALL = re.compile(r"<tool_call>(.*)</tool_call>", re.DOTALL)
_CITATION = re.compile(r"\s*\[\d+\]\.?$")


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
