"""The method that CONTRIBUTING.md prints is the one that ships, and works as printed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import templates.methods
from storage.bases import checkpoint_headers
from templates import registry
from templates.recipe import compose
from tests.app.test_forms import drawn
from tests.contracts.contract import learns_and_survives_saving, n_trained

ROOT = Path(__file__).parents[2]
KEY = "as_printed"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The example of the page, saved as a method of its own."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL)
    folder = tmp_path_factory.mktemp("methods")
    (folder / f"{KEY}.py").write_text(code, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templates.methods, "__path__", [*templates.methods.__path__, str(folder)])
        registry.methods.cache_clear()
        yield code
    registry.methods.cache_clear()
    sys.modules.pop(f"templates.methods.{KEY}", None)


def test_the_example_is_the_file_that_ships(printed: str) -> None:
    assert (ROOT / "templates" / "methods" / "ia3.py").read_text("utf-8") == printed


def test_the_example_keeps_the_contract(printed: str, tiny_model_folder: Path, tmp_path: Path) -> None:
    facts = checkpoint_headers.facts(tiny_model_folder)
    learns_and_survives_saving(compose("sft", KEY, facts=facts), tiny_model_folder, tmp_path)


def test_the_example_counts_what_it_trains(printed: str, nano_folder: Path) -> None:
    facts = checkpoint_headers.facts(nano_folder)
    recipe = compose("sft", KEY, facts=facts)
    assert registry.method(KEY).n_trained(recipe.adaptation(), facts) == n_trained(recipe, nano_folder)


def test_the_example_is_drawn(printed: str) -> None:
    assert "learning_rate" in drawn(compose("sft", KEY)).components
