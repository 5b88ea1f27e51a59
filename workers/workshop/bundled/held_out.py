"""Draws the held-out documents of a corpus.

It draws by content, not as the studio draws rows: the shipped models' curves can be reproduced only with
their original split, even if the studio later changes its draw.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from storage.data import splits

SHARE, SEED = 0.005, 42


def sides(corpus: Path) -> list[bool]:
    """For each document, whether it is held out."""
    lots = []
    with corpus.open(encoding="utf-8") as lines:
        for line in lines:
            content = json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False).encode()
            print_ = hashlib.blake2b(content, digest_size=16).digest()
            lots.append(hashlib.blake2b(SEED.to_bytes(8) + print_, digest_size=16).digest())
    drawn = sorted(range(len(lots)), key=lambda i: (lots[i], i))
    chosen = set(drawn[: splits.n_held_out(len(lots), SHARE)])
    return [i in chosen for i in range(len(lots))]
