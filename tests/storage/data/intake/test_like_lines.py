"""Lines are taken for alike only while their values are of the first line's kinds, whatever is escaped in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage.data.intake.columnar import like_lines
from storage.data.intake.columnar.columns import Abstained
from storage.data.intake.source import Source
from tests.storage.data.intake import here


@pytest.mark.parametrize("slip", ['{"n" : , "text": "a"}', '{"n" : 01 , "text": "a"}', '{"n" : true , "text": "a"}'])
def test_a_value_is_what_the_first_line_has_there(slip: str, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"n" : 1 , "text": "a"}\n{"n" : -0 , "text": ""}\n', "utf-8")
    source = Source(path, "t.jsonl", "json_lines", "utf-8")
    (batch,) = here.columns(like_lines.write, source).batches()
    assert batch.to_pylist() == [{"": 1, "n": 1, "text": "a"}, {"": 2, "n": 0, "text": ""}]
    with path.open("a") as file:
        file.write(slip)
    with pytest.raises(Abstained):
        here.columns(like_lines.write, source)


def test_a_quote_behind_backslashes_ends_a_text_or_does_not(tmp_path: Path) -> None:
    texts = ["\\" * n + end for n in range(70) for end in ("", '"', '""', '\\ "', "\n", "a")]
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"a": text, "b": text[::-1]}) + "\n" for text in texts), "utf-8")
    source = Source(path, "t.jsonl", "json_lines", "utf-8")
    (batch,) = here.columns(like_lines.write, source).batches()
    assert batch.column("a").to_pylist() == texts
    assert batch.column("b").to_pylist() == [text[::-1] for text in texts]
