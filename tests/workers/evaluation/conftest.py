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


LABELS = ["refund", "lost_card", "card_arrival", "top_up"]


@pytest.fixture(scope="session")
def classified() -> list[dict[str, Any]]:
    """Held-out rows with labels; texts of very different lengths."""
    return [
        {"text": f"message {i} " + "about my card " * (i % 7), "label": LABELS[i % 4], "source_row": 10 + i}
        for i in range(24)
    ]
