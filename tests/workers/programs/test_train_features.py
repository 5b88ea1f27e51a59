"""Distillation of hidden states and attention relations: the layer map, the losses, and whole trainings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard

from templates.errors import StudioError
from tests.contracts import small_models
from workers import models
from workers.distillation import features
from workers.programs import train
from workers.protocol import Checkpointed, Done, Measured, Order, Report

MakeOrder = Callable[..., Order]
PROMPTS = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])


@pytest.fixture
def make_featured(make_order: MakeOrder, teacher_folder: Path) -> MakeOrder:
    def make(**settings: Any) -> Order:
        given = {"max_steps": 12, "eval_steps": 12, "learning_rate": 1e-2, "method": "full", **settings}
        return make_order(objective="distill_features", teacher=teacher_folder, **given)

    return make


@pytest.mark.parametrize("way", ["hidden_states", pytest.param("relations", marks=pytest.mark.long)])
def test_features_come_near_then_the_probabilities(make_featured: MakeOrder, heard: Heard, way: str) -> None:
    done = train.run(make_featured(features=way, feature_share=0.5), heard)
    assert isinstance(done, Done)
    points = {one.step: one.values for one in heard.of(Measured) if one.split == "train"}
    distances = [point["feature_distance"] for point in points.values() if "feature_distance" in point]
    assert len(distances) == 6, "half of the updates"
    assert distances[-1] < 0.95 * distances[0]
    assert heard.losses("held_out")[12] < heard.losses("held_out")[0]
    assert done.result["teacher"]["name"] == "big"


def test_layers_are_spread_evenly_and_the_last_maps_to_the_last() -> None:
    assert features.layer_map(2, 6) == [3, 6]
    assert features.layer_map(3, 3) == [1, 2, 3]
    assert features.layer_map(4, 2)[-1] == 2


def test_a_model_is_at_no_distance_from_itself(tiny_model_folder: Path) -> None:
    model, mask = models.load_base(tiny_model_folder), torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1]])
    with torch.no_grad(), features.projected(model) as found:
        states = model(input_ids=PROMPTS, attention_mask=mask, output_hidden_states=True).hidden_states
        others = model(input_ids=PROMPTS.flip(0), attention_mask=mask, output_hidden_states=True).hidden_states
        moved = dict(found)
        model(input_ids=PROMPTS, attention_mask=mask)
    maps = features.matrices(model, model).requires_grad_(False)
    assert features.of_states(states, states, maps, mask) == pytest.approx(0, abs=1e-9)
    assert features.of_states(states, others, maps, mask) > 0.1
    assert features.of_relations(found, found, 4, mask) == pytest.approx(0, abs=1e-6)
    assert features.of_relations(found, moved, 4, mask) > 1e-6
    with pytest.raises(StudioError, match="do not divide a width of 64"):
        features.of_relations(found, moved, 7, mask)


def test_relations_need_separate_projections(tmp_path: Path) -> None:
    model = models.load_base(small_models.write("phi3", tmp_path))
    with pytest.raises(StudioError, match="hidden_states"), features.projected(model):
        pass


@pytest.mark.long
def test_a_killed_training_goes_on_with_its_matrices(make_featured: MakeOrder, heard: Heard) -> None:
    shared = {"max_steps": 8, "save_steps": 2, "eval_steps": 8, "feature_share": 0.75}
    train.run(make_featured(**shared), heard)
    shutil.rmtree(make_featured().checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 4:
            raise KeyboardInterrupt

    before, again = Heard(on_say=die), Heard()
    with pytest.raises(KeyboardInterrupt):
        train.run(make_featured(**shared), before)
    assert isinstance(train.run(make_featured(attempt=2, **shared), again), Done)
    assert {**before.losses(), **again.losses()} == pytest.approx(heard.losses(), abs=1e-5)
