"""The texts that go with an artifact."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard

from templates import recipe as recipes
from templates.metrics import Metric
from tests.small_suite import small_forgotten
from tests.workers.export.conftest import SIDE
from workers.evaluation import measures, verdict
from workers.evaluation.forgetting import Forgotten
from workers.evaluation.scoring import Scores
from workers.export import card
from workers.orders.train import TrainingOrder

ACTUAL: Mapping[str, Any] = {"steps": 12, "trained_tokens": 34567, "tokens_per_s": None, "seconds": {"training": 3.0}}


@pytest.fixture
def written(scores: tuple[Scores, Scores]) -> Callable[[TrainingOrder], dict[str, str]]:
    """The texts for an order."""
    judged = verdict.judge(*scores, "classification", SIDE)
    return lambda order: card.texts(order, "adapter", judged, ACTUAL, "f" * 64, [2, 7])


def test_a_card_says_where_it_comes_from_and_how_good_it_is(
    order_for: Callable[..., TrainingOrder], written: Callable[[TrainingOrder], dict[str, str]]
) -> None:
    text = written(order_for(split_seed=7))["README.md"]
    for said in (
        "# tickets",
        "Better. Label accuracy 92 % [65, 99] against 0 % [0, 24] for the base and 50 % [25, 75] for "
        "always answering “refund”, on 12 held-out rows.",
        "| Label accuracy | 0 % [0, 24] | 92 % [65, 99] | +92 points [+43, +100] |",
        "banking, classification: 8 training rows, 12 held out (split seed 7)",
        "d" * 64,
        "e" * 40,
        "f" * 64,
        "| Tokens read in training | 34,567 |",
        "| `learning_rate` | 0.002 |",
        "| `r` | 16 |",
        "transformers 5.",
    ):
        assert said in text, said
    assert "None" not in text
    assert not re.search(r"\n{3,}|[ \t]+\n", text), "no holes in the text"


def test_a_card_says_how_often_the_held_out_side_was_opened(
    order_for: Callable[..., TrainingOrder], scores: tuple[Scores, Scores]
) -> None:
    judged = verdict.judge(*scores, "classification", SIDE)

    def text(opening: int | None) -> str:
        found = judged.model_copy(update={"opening": opening})
        return card.texts(order_for(), "adapter", found, ACTUAL, "f" * 64, [2])["README.md"]

    third = "\n\n3 verdicts have used these held-out rows; each of them makes a lucky result likelier.\n\n"
    assert third in text(3)
    assert "One verdict has used these held-out rows." in text(1)
    assert "these held-out rows" not in text(None), "a verdict of an older version does not know"


def test_a_card_says_what_its_objective_measured(
    order_for: Callable[..., TrainingOrder], scores: tuple[Scores, Scores]
) -> None:
    values = np.array([0.0, 1.0] * 10)
    metric = Metric("margin", "Reward margin", "nats")
    found = measures.compare([metric], {"margin": values}, {"margin": values + 2})
    judged = verdict.judge(*scores, "classification", SIDE).model_copy(update={"measures": found})
    text = card.texts(order_for(), "adapter", judged, ACTUAL, "f" * 64, [2])["README.md"]
    line = "- Reward margin: 2.5 nats against 0.5 nats for the base: +2 nats [+2, +2] on 20 rows, better."
    assert f"\n\n{line}\n\n" in text


def test_a_card_says_what_was_forgotten(order_for: Callable[..., TrainingOrder], scores: tuple[Scores, Scores]) -> None:
    judged = verdict.judge(*scores, "classification", SIDE)
    forgotten = Forgotten.model_validate(small_forgotten())
    judged = judged.model_copy(update={"forgotten": forgotten})
    text = card.texts(order_for(), "adapter", judged, ACTUAL, "f" * 64, [2])["README.md"]
    for said in (
        "## What it forgot\n\nLost 30 points [20, 40] of its general abilities, most in colours (−30).\n",
        "| passages value | 80 % [70, 90] | 80 % [70, 90] | +0 points [-10, +10] |",
        "| mean over abilities | 80 % [70, 90] | 50 % [40, 60] | -30 points [-40, -20] |",
        "the same 18 items of the general suite",
        "- 7 items are &lt;too> long.",
        "only on held-out rows of its own data and on the general suite",
    ):
        assert said in text, said
    assert not re.search(r"\n{3,}|[ \t]+\n", text), "no holes in the text"


def test_its_front_matter_is_what_the_hub_reads(
    order_for: Callable[..., TrainingOrder], written: Callable[[TrainingOrder], dict[str, str]]
) -> None:
    order = order_for(base_source="hub", base_origin="acme/small-1b", base_license='odd: "licence"')
    read = ModelCard(written(order)["README.md"]).data.to_dict()
    assert read["library_name"] == "peft"
    assert read["base_model"] == "acme/small-1b"
    assert read["license"] == 'odd: "licence"'
    assert read["pipeline_tag"] == "text-generation"
    assert {"base_model:adapter:acme/small-1b", "lora", "sft"} <= set(read["tags"])
    bundled = yaml.safe_load(written(order_for(base_license=""))["README.md"].split("---")[1])
    assert bundled["license"] == "other"
    assert "base_model" not in bundled


def test_names_are_inert_in_the_card_and_in_the_script(
    order_for: Callable[..., TrainingOrder], written: Callable[[TrainingOrder], dict[str, str]]
) -> None:
    hostile = "x\n# big <img src=x onerror=1> [a](javascript:1) | b"
    order = order_for(name=hostile, dataset_name=hostile, base_source="folder", base_origin='\'; import os #\n"""')
    texts = written(order)
    assert "\n# big" not in texts["README.md"]
    assert "\\<img" in texts["README.md"]
    assert not re.search(r"(?<!\\)\[a\]", texts["README.md"])
    assert not re.search(r"(?<!\\)<img", texts["README.md"])
    compile(texts["use_me.py"], "use_me.py", "exec")
    assert "\nimport os" not in texts["use_me.py"]


@pytest.mark.parametrize("source", ["bundled", "folder", "hub"])
@pytest.mark.parametrize("kind", ["adapter", "full_model"])
def test_every_script_compiles_and_is_short(
    order_for: Callable[..., TrainingOrder], scores: tuple[Scores, Scores], source: str, kind: Any
) -> None:
    judged = verdict.judge(*scores, "classification", SIDE)
    texts = card.texts(order_for(base_source=source, base_origin="a/b"), kind, judged, {}, "f" * 64, [2])
    compile(texts["use_me.py"], "use_me.py", "exec")
    assert len([line for line in texts["use_me.py"].splitlines() if line]) < 30
    assert ("PeftModel" in texts["use_me.py"]) == (kind == "adapter")


def test_a_quantized_training_says_so(
    order_for: Callable[..., TrainingOrder], written: Callable[[TrainingOrder], dict[str, str]]
) -> None:
    order = order_for(recipe=recipes.compose("sft", "lora", quantization="nf4"))
    assert "trained on a base in nf4" in written(order)["README.md"]
    assert "trained on a base in" not in written(order_for())["README.md"]


def test_requirements_are_pinned_without_build_tags() -> None:
    assert list(card.versions("adapter")) == ["torch", "transformers", "peft", "safetensors"]
    assert not any("+" in version for version in card.versions("full_model").values())
