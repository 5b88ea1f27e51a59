"""Writes an artifact's texts: model card, `use_me.py`, `requirements.txt`."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pyarrow.parquet as parquet

import templates
from storage.data import openings
from storage.gallery import suite_table
from storage.gallery.label_sets import LabelSet
from storage.rendering.reasoning import Reasoning
from templates import continuation, metrics, registry
from templates.continuation import ChainStep
from workers.evaluation import sentences
from workers.evaluation.verdict_document import Verdict
from workers.orders.train import TrainingOrder

CARDS = Path(templates.__file__).parent / "cards"
MEASURED = {
    "steps": "Updates",
    "trained_tokens": "Tokens read in training",
    "tokens_per_s": "Tokens per second",
    "peak_memory_bytes": "Most memory used, in bytes",
}
"""Figures of a training, with their titles in the card."""
MAX_NEW_TOKENS = 512
"""Longest answer in `use_me.py`, as in the chat."""
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
    environment.filters |= {
        "yaml": _yaml,
        "cell": _cell,
        "line": _line,
        "fenced": _fenced,
        "score": sentences.score,
        "change": sentences.change,
        "repr": repr,
        "words": suite_table.words,
        "step": _step,
        "compared": metrics.compared,
    }
    return environment


def _yaml(text: str) -> str:
    """A text as a double-quoted YAML scalar."""
    return json.dumps(text, ensure_ascii=False)


def _cell(value: Any) -> str:
    """A value for a table of the card, without line breaks, bars or markup."""
    text = " ".join(str(value).split())
    for sign in "\\`|<[*_":
        text = text.replace(sign, f"\\{sign}")
    return text


def _line(text: str) -> str:
    """A sentence that may contain a user's label: one line, no markup, no link."""
    return " ".join(text.split()).replace("<", "&lt;").replace("](", "] (").replace("`", "'")


def _step(one: ChainStep) -> str:
    """A training in a few words: its goal, method, and how it stands on the one before."""
    goal = registry.objectives().get(one.objective)
    words = [goal.title if goal else one.objective, one.method, continuation.WORDS.get(one.continued, "")]
    return ", ".join(word for word in words if word)


def _fenced(text: str) -> str:
    """A text for a fenced block, which it can't end."""
    return text.replace("`" * 3, "'" * 3)


def versions(kind: str) -> dict[str, str]:
    """The packages that `use_me.py` needs, in the versions installed here (without build tags like `+cpu`)."""
    needed = [name for name in PACKAGES if registry.artifact_kind(kind).on_base or name != "peft"]
    return {name: importlib.metadata.version(name).split("+")[0] for name in needed}


def _chain(order: TrainingOrder) -> list[ChainStep]:
    """Every training from the base model to this one; empty unless there is more than one."""
    if order.continued is None:
        return []
    recipe, way = order.recipe, order.continued.way
    trained = way != "reduced"
    own = ChainStep(
        name=order.name,
        objective=recipe.objective if trained else "",
        method=recipe.method if trained else "",
        data=order.dataset_name if trained else "",
        continued=way,
    )
    return [*order.continued.steps, own]


def texts(
    order: TrainingOrder,
    kind: str,
    verdict: Verdict,
    actual: Mapping[str, Any],
    weights_sha256: str,
    eos_ids: Sequence[int],
    reasoning: Reasoning = Reasoning(),  # noqa: B008  a frozen value
    template_changes: Sequence[str] = (),
    has_own_type: bool = False,
    labels: LabelSet | None = None,
) -> dict[str, str]:
    """File name → content. `has_own_type`: PEFT needs the file `adapter_type.py` to load the adapter."""
    recipe, base = order.recipe, order.base
    virtual_tokens = registry.method(recipe.method).virtual_tokens(recipe.adaptation())
    held_out = parquet.read_table(order.dataset_file, columns=["held_out"]).column("held_out").to_pylist()
    facts: dict[str, Any] = {
        "order": order,
        "kind": kind,
        "on_base": registry.artifact_kind(kind).on_base,
        "method": registry.method(recipe.method),
        "objective": registry.objective(recipe.objective),
        "recipe": recipe,
        "settings": {**recipe.objective_params, **recipe.method_params},
        "base_revision": (order.continued.root if order.continued else base).base_revision,
        "chain": _chain(order),
        "carries_base": order.carries_base,
        "against": order.continued.parent.name if order.continued else "base",
        "n_rows": len(held_out),
        "n_held_out": sum(held_out),
        "verdict": verdict,
        "openings": openings.sentence(verdict.opening) if verdict.opening else None,
        "titles": sentences.TITLES,
        "actual": actual,
        "measured": MEASURED,
        "max_new_tokens": MAX_NEW_TOKENS,
        "context_length": order.facts.context_length - virtual_tokens,
        "has_own_type": has_own_type,
        "labels": labels,
        "weights_sha256": weights_sha256,
        "versions": versions(kind),
        "eos_ids": list(eos_ids),
        "reasoning": reasoning,
        "template_changes": template_changes,
    }
    render, (readme, script) = _environment().get_template, registry.artifact_kind(kind).texts
    return {
        "README.md": render(readme).render(facts),
        "use_me.py": render(script).render(facts),
        "requirements.txt": "".join(f"{name}=={version}\n" for name, version in versions(kind).items()),
    }
