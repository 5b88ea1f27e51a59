"""A tiny model that is scored, and rows of each shape."""

from pathlib import Path
from typing import Any

import pytest
import torch

from storage.rendering.renderer import Renderer
from workers import models


@pytest.fixture(scope="session")
def tiny(tiny_model_folder: Path) -> Any:
    """Two random layers: loads in milliseconds, answers nonsense."""
    torch.set_num_threads(1)
    return models.load_base(tiny_model_folder)


@pytest.fixture(scope="session")
def renderer(tiny_model_folder: Path) -> Renderer:
    """Of the tiny model."""
    return Renderer(tiny_model_folder)
