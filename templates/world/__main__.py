"""`python -m templates.world`: writes the corpus, or the frozen suite."""

from __future__ import annotations

import argparse
from pathlib import Path

from templates.world import corpus, suite


def main() -> None:
    """Read the command line and write what it asks for."""
    parser = argparse.ArgumentParser(prog="python -m templates.world", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("corpus", help="write a corpus for pretraining, one JSON row per document")
    writing.add_argument("--documents", type=int, required=True, help="how many documents")
    writing.add_argument("--seed", type=int, default=0, help="another seed, another corpus of the same world")
    writing.add_argument("--to", type=Path, required=True, help="the .jsonl file to write")
    commands.add_parser("suite", help="write the frozen suite anew")
    chosen = parser.parse_args()
    if chosen.command == "suite":
        print(f"{suite.write()} items in {suite.path()}")
    else:
        characters = corpus.write(chosen.to, n_documents=chosen.documents, seed=chosen.seed)
        print(f"{chosen.documents} documents, {characters} characters in {chosen.to}")


if __name__ == "__main__":
    main()
