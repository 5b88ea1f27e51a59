"""The options of `studio data add`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE...",
        help="CSV, TSV, Excel, JSON, JSONL, Parquet, PDF, Word, HTML, Markdown or text files, or a zip of them. "
        "Several files become one dataset. Or hub:OWNER/NAME[@REVISION], a dataset on the hub.",
    ),
]
Name = Annotated[str | None, typer.Option(help="The dataset's name; default with --sample: the sample's.")]
Sample = Annotated[
    str | None, typer.Option(help="A sample dataset instead of a file; `studio data samples` lists them.")
]
FromArtifact = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The answers that this result learned from its teacher, instead of a file."),
]
Config = Annotated[str | None, typer.Option(help="The configuration of a dataset on the hub.")]
SplitName = Annotated[str | None, typer.Option(help="The split of a dataset on the hub; by default train.")]
Rows = Annotated[int | None, typer.Option(help="Most rows to take from the hub; by default 10,000.")]
Shape = Annotated[str | None, typer.Option(help="Row shape; guessed by default.")]
Mapping = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help="A field's column. To join several, use FIELD=COLUMN+COLUMN or repeat the option. "
        "Default without --shape: your choices for the last file with the same columns, else a guess.",
    ),
]
GuessAnew = Annotated[
    bool, typer.Option("--guess-anew", help="Guess again, even if you made choices for an earlier file.")
]
Seed = Annotated[int, typer.Option(help="Seed of the split into training and held-out rows.")]
HeldOutShare = Annotated[
    float, typer.Option(help="Share of the rows to hold out; at least 50 rows if there are 200 or more.")
]
HeldOutFile = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The file, out of several, whose rows are held out; replaces the share."),
]
Instruction = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="The system text for rows without their own; by default, a list of the labels. “” for none.",
    ),
]
LeaveOutRefused = Annotated[
    bool, typer.Option("--leave-out-refused", help="Leave out rows that a model can't learn from, and list them.")
]
ReplaceUnreadable = Annotated[
    bool, typer.Option("--replace-unreadable", help="Replace broken characters with � and keep their rows.")
]
