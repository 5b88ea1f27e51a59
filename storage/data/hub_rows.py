"""Writes rows of a dataset on the hub as JSON lines: `python -m storage.data.hub_rows FILE`.

The question comes from stdin, because it holds a token, and the answer goes to stdout. The rows are files that nobody
has checked, so this runs within limits. It ends when stdin closes.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
from pathlib import Path
from typing import Any

import datasets

from storage import fork_server

MEMORY_BYTES = 4 * 1024**3
CPU_S = 1800
MOST_WORDS = 500
NOT_TEXT = (datasets.Image, datasets.Audio, datasets.Video)


class Unusable(Exception):
    """Why the rows can't be had, as the end of a sentence that starts with the dataset's name."""


def written(asked: dict[str, Any], file: Path) -> dict[str, Any]:
    """Write the rows that are asked for; returns what they are, and whether there are more. Raises `Unusable`."""
    place = {"path": asked["id"], "revision": asked["revision"], "token": asked["token"]}
    config = _config(asked, place)
    split = _split(asked, place, config)
    rows = datasets.load_dataset(**place, name=config, split=split, streaming=True)
    features = rows.features or {}
    left_out = [name for name, feature in features.items() if isinstance(feature, NOT_TEXT)]
    labels = {name: feature for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)}
    if left_out:
        rows = rows.remove_columns(left_out)
    n_rows = n_bytes = 0
    has_more = False
    with file.open("w", encoding="utf-8") as out:
        for row in rows:
            if n_rows >= asked["rows"]:
                has_more = True
                break
            for name, label in labels.items():
                if isinstance(row[name], int) and row[name] >= 0:
                    row[name] = label.int2str(row[name])
            n_bytes += out.write(json.dumps(row, ensure_ascii=False, default=_text) + "\n")
            n_rows += 1
            if n_bytes > asked["most_bytes"]:
                break
    return {"config": config, "split": split, "n_rows": n_rows, "has_more": has_more, "left_out": left_out}


def _config(asked: dict[str, Any], place: dict[str, Any]) -> str:
    names = datasets.get_dataset_config_names(**place)
    return _chosen("configuration", "config", asked["config"], names, "default")


def _split(asked: dict[str, Any], place: dict[str, Any], config: str) -> str:
    names = datasets.get_dataset_split_names(place["path"], config, revision=place["revision"], token=place["token"])
    return _chosen("split", "split", asked["split"], [str(name) for name in names], "train")


def _chosen(noun: str, option: str, asked: str | None, names: list[str], usual: str) -> str:
    """What is asked for, or the only one, or the usual one."""
    if asked is not None and asked not in names:
        raise Unusable(f"has no {noun} “{asked}”; it has: {', '.join(names[:20])}.")
    if asked is None and len(names) != 1 and usual not in names:
        raise Unusable(f"has several {noun}s: {', '.join(names[:20])}. Choose one ({option}).")
    return asked or (usual if usual in names else names[0])


def _text(value: Any) -> str:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    raise Unusable(f"holds values that are not text or numbers ({type(value).__name__}).")


def main() -> None:
    """Answer one question."""
    asked = json.loads(sys.stdin.buffer.readline())
    fork_server.end_with_parent()
    fork_server.limit(MEMORY_BYTES, CPU_S, asked["most_bytes"] + 64 * 1024**2)
    try:
        found = written(asked, Path(sys.argv[1]))
    except MemoryError:
        found = {"wrong": "needs more memory than the limit allows."}
    except Unusable as error:
        found = {"wrong": str(error)}
    except Exception as error:  # the library raises whatever its readers do for a damaged file or a lost connection
        found = {"wrong": f"can't be read ({type(error).__name__}: {str(error)[:MOST_WORDS]})."}
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
