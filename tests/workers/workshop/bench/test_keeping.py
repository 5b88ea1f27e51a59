"""The bench of keeping: how its choices are made, what its table says, and one real run."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from storage.data import datasets, uploads
from storage.models import User
from templates.errors import BadInput, NotFound
from tests.small_suite import small_suite
from workers.workshop.bench import ground, keeping, measure
from workers.workshop.bench.ground import Base, Ground, Task, best_of, task
from workers.workshop.bench.keepers import CONTENDERS
from workers.workshop.bench.setup import Setup


def setup_at(folder: Path, name: str = "studio-nano", share: float = 0.06) -> Setup:
    files = measure.model_files(name, "base")
    return Setup(files, files, folder, 0, share, 1)


def test_the_strength_is_the_smallest_that_keeps_the_score() -> None:
    scores = [(0.25, 0.2), (0.5, 0.77), (0.75, 0.81), (1.0, 0.8)]
    assert best_of(scores, 0.95) == 0.5
    assert best_of(scores, 1.0) == 0.75
    assert best_of([(0.5, 0.0), (1.0, 0.0)], 0.95) == 1.0, "there is nothing to choose by"


def test_rows_are_divided_without_overlap_and_otherwise_for_each_seed(tmp_path: Path) -> None:
    learned = Task("counted", [{"text": f"message {n}", "label": str(n % 3)} for n in range(270)])
    seen = []
    for seed in (0, 1):
        setup = setup_at(tmp_path, share=1.0)
        setup.seed = seed
        made = Ground(Base(setup), setup, learned)
        texts = [[row["text"] for row in part] for part in (made.rows, made.selection, made.held_out)]
        assert [len(part) for part in texts] == [160, 40, 70], "half of the usual sizes"
        assert len({text for part in texts for text in part}) == 270
        seen.append(texts[2])
    assert seen[0] != seen[1]


def add(user: User, name: str, rows: list[dict[str, str]]) -> None:
    lines = "\n".join(map(json.dumps, rows))
    datasets.add(user, uploads.save(user, f"{name}.jsonl", io.BytesIO(lines.encode())), name=name)


def test_only_labelled_data_will_do(studio: User) -> None:
    add(studio, "letters", [{"text": f"Dear number {n}, all is well."} for n in range(9)])
    add(studio, "few", [{"text": f"message {n}", "label": "ab"[n % 2]} for n in range(10)])
    add(studio, "many", [{"text": f"message {n}", "label": "ab"[n % 2]} for n in range(120)])
    many = task("many")
    assert len(many.rows) == datasets.get(studio, "many").n_rows - datasets.get(studio, "many").n_held_out
    assert set(many.rows[0]) == {"text", "label"}
    with pytest.raises(NotFound, match="nowhere"):
        task("nowhere")
    with pytest.raises(BadInput, match="“letters” has no labels"):
        task("letters")
    with pytest.raises(BadInput, match=r"“few” has \d training rows"):
        task("few")


@pytest.mark.long
def test_every_contender_is_scored_on_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground.suites, "asked_of", lambda _name, _n: small_suite(2))
    found = keeping.measure(setup_at(tmp_path), None, [0])
    (seed,) = found["seeds"]
    ones = seed["contenders"]
    assert [one["contender"] for one in ones] == list(CONTENDERS)
    assert len({one["task"]["base"]["value"] for one in ones}) == 1
    assert len({one["general"]["base"]["value"] for one in ones}) == 1
    assert [one["steps"] > 0 for one in ones] == [True, True, True, False, False, True]
    assert "task_to_plain" not in ones[0]
    assert all("general_to_plain" in one for one in ones[1:])
    text = "\n".join(keeping.lines(found))
    assert all(f"\n{name} " in text for name in CONTENDERS)
    assert "strength 0." in text or "strength 1" in text
