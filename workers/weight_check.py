"""Says what in a model's weights doesn't fit its config: `python -m workers.weight_check FOLDER`.

Builds the architecture without memory for its weights, and reads only the files' headers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from storage import fork_server
from workers import weights

GIB = 1024**3
MEMORY_BYTES = 4 * GIB
CPU_S = 120
FILE_BYTES = 1_000_000
MOST_WORDS = 300


def wrong(folder: str | Path) -> str:
    """What doesn't fit, in words; empty if everything does."""
    try:
        return "; ".join(weights.misfits(weights.loaded(folder, device_map={"": "meta"})[1]))
    except MemoryError:
        raise
    except Exception as error:  # transformers raises whatever its classes do for numbers that contradict each other
        return f"transformers can't build the model ({type(error).__name__}: {str(error)[:MOST_WORDS]})"


def main() -> None:
    """Print the answer as JSON, within limits."""
    folder = Path(sys.argv[1])
    mapped = sum(path.stat().st_size for path in folder.glob("*.safetensors"))  # mapped files count as memory
    fork_server.limit(MEMORY_BYTES + 2 * mapped, CPU_S, FILE_BYTES)
    found = wrong(folder)
    print(json.dumps({"wrong": found}))


if __name__ == "__main__":
    main()
