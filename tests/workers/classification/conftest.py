"""The tiny model that reads labels, and prompts of different lengths with one instruction."""

from pathlib import Path
from typing import Any

import pytest
import torch

from storage.rendering.renderer import Renderer
from workers import models
from workers.classification.label_tokens import LabelEndings

LABELS = ["card", "card lost", "card lost abroad", "refund", "top_up", "top_up_failed"]


@pytest.fixture(scope="session")
def tiny(tiny_model_folder: Path) -> Any:
    """Two random layers: loads in milliseconds, answers nonsense."""
    torch.set_num_threads(1)
    return models.load_base(tiny_model_folder)


@pytest.fixture(scope="session")
def renderer(tiny_model_folder: Path) -> Renderer:
    """Of the tiny model, with an instruction long enough to be shared."""
    return Renderer(tiny_model_folder).instructed(f"Answer with one of: {', '.join(LABELS)}. " * 2)


@pytest.fixture(scope="session")
def prompts(renderer: Renderer) -> list[list[int]]:
    """Eight prompts."""
    texts = [f"message {i} " + "about my card " * i for i in range(8)]
    return [renderer.answer_prompt([{"role": "user", "content": text}]) for text in texts]


@pytest.fixture(scope="session")
def labels(renderer: Renderer) -> LabelEndings:
    """Labels that begin alike and end at different places."""
    spelt = [f" {label} " for label in LABELS] + LABELS * 2
    return LabelEndings.of(renderer, [{"label": label} for label in spelt])
