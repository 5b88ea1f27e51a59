"""The page beside the sample files: what each set is, from the declarations."""

from __future__ import annotations

from pathlib import Path

from templates.samples import samples
from templates.samples.sample import FOLDER

PATH: Path = FOLDER / "README.md"
_HEAD = """# Sample data

Made by the product's own programs, `templates/samples/`: one file for each set, the hand-written parts beside it. \
`python -m templates.samples` writes all of this anew, byte for byte. Everything in here is invented, companies and \
people included. The licence is the product's.

| set | one row is | files and rows | what it demonstrates |
| --- | --- | --- | --- |
"""


def content() -> str:
    """The page's text."""
    lines = []
    for key, sample in samples().items():
        files = ", ".join(f"[{file.name}]({file.name}) ({file.n_rows:,})" for file in sample.files)
        lines.append(f"| `{key}` | `{sample.shape}` | {files} | {sample.shows} |\n")
    return _HEAD + "".join(lines)


def write() -> None:
    """Write the page."""
    PATH.write_text(content(), encoding="utf-8", newline="\n")
