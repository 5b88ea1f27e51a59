"""The texts that go with an artifact: model card, `use_me.py`, `requirements.txt`."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jinja2
import pyarrow.parquet as parquet

import templates
from templates import registry
from workers.evaluation import sentences
from workers.evaluation.verdict import Verdict
from workers.protocol import Order

CARDS = Path(templates.__file__).parent / "cards"
PACKAGES = ("torch", "transformers", "peft", "safetensors")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(CARDS),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"yaml": _yaml, "cell": _cell, "score": sentences.score, "repr": repr}
    return environment


def _yaml(text: str) -> str:
    """A text as a double-quoted YAML scalar."""
    import json

    return json.dumps(text, ensure_ascii=False)


def _cell(value: Any) -> str:
    """A value for a table of the card: no line break, no bar, no markup of its own."""
    text = " ".join(str(value).split())
    for sign in "\\`|<[*_":
        text = text.replace(sign, f"\\{sign}")
    return text


def versions() -> dict[str, str]:
    """The packages that an artifact needs, as they are installed here (without local build tags)."""
    return {name: importlib.metadata.version(name).split("+")[0] for name in PACKAGES}


def texts(
    order: Order,
    kind: Literal["adapter", "full_model"],
    verdict: Verdict,
    actual: Mapping[str, Any],
    weights_sha256: str,
    eos_ids: Sequence[int],
) -> dict[str, str]:
    """File name → content."""
    recipe, base = order.recipe, order.base
    if recipe is None or base is None:
        raise ValueError("a training order names its base and its recipe")
    held_out = parquet.read_table(order.dataset_file, columns=["held_out"]).column("held_out").to_pylist()
    facts: dict[str, Any] = {
        "order": order,
        "kind": kind,
        "method": registry.method(recipe.method),
        "objective": registry.objective(recipe.objective),
        "settings": {**recipe.objective_params, **recipe.method_params},
        "quantization": recipe.quantization,
        "base_revision": base.base_revision,
        "n_rows": len(held_out),
        "n_held_out": sum(held_out),
        "verdict": verdict,
        "titles": sentences.TITLES,
        "actual": actual,
        "weights_sha256": weights_sha256,
        "versions": versions(),
        "eos_ids": list(eos_ids),
    }
    render = _environment().get_template
    return {
        "README.md": render("adapter.md.jinja").render(facts),
        "use_me.py": render("use_me.py.jinja").render(facts),
        "requirements.txt": "".join(f"{name}=={version}\n" for name, version in versions().items()),
    }
