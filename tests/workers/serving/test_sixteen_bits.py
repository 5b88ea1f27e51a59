"""In 16 bits on a processor, a row's answer is the same in any company, or the model answers in 32 bits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformers import AutoModelForCausalLM

from storage.bases import base_models
from storage.models import Artifact, BaseModelRow, User
from workers import precision
from workers.serving import catalogue, company
from workers.serving.decoding import BASE
from workers.serving.loaded import Loaded

Publish = Callable[..., Artifact]
CPU = torch.device("cpu")
PROMPTS = ([7, 30, 12], [41, 9, 80, 22, 5, 61, 17, 3, 90], [8] * 5, [70, 2])

pytestmark = pytest.mark.skipif(
    not precision.multiplies_bfloat16(CPU), reason="this processor has no bfloat16 instructions"
)


@pytest.fixture(autouse=True)
def _sixteen_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "fastest_dtype", lambda _where, _width: torch.bfloat16)


@pytest.fixture
def loaded(studio: User, tiny: BaseModelRow, publish: Publish) -> Loaded:
    made = Loaded(base_models.folder(tiny), CPU)
    for seed, name in enumerate(("first", "second", "third")):
        publish(name, seed=seed, r=4 + seed)
        made.attach(catalogue.find(studio, name))
    return made


def test_rows_of_several_adapters_and_lengths_are_undisturbed(loaded: Loaded) -> None:
    assert (loaded.dtype, loaded.joins, loaded.exact) == (torch.bfloat16, True, True)
    adapters = [BASE, *sorted(loaded.adapters)]
    assert {loaded.lane(adapter) for adapter in adapters} == {BASE}
    rows = list(zip(PROMPTS, adapters, strict=True))
    assert company.difference(loaded.forward, CPU, rows) == 0
    assert company.difference(loaded.forward, CPU, [*rows, *rows[::-1]]) == 0


def test_the_base_answers_as_transformers_does(loaded: Loaded, tiny: BaseModelRow) -> None:
    untouched = AutoModelForCausalLM.from_pretrained(base_models.folder(tiny), dtype=torch.bfloat16).eval()
    ids = torch.tensor([PROMPTS[1]])
    positions = torch.arange(ids.shape[1])[None]
    with torch.inference_mode():
        found, _ = loaded.forward(ids, torch.ones_like(ids), positions, None, [BASE])
        expected = untouched(input_ids=ids).logits[:, -1]
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected)
    assert all(test.base_difference == 0 and test.outcome == "passed" for test in loaded.self_tests.values())


def test_a_model_whose_rows_disturb_each_other_answers_in_32_bits(
    tiny: BaseModelRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company, "difference", lambda *_: 2.0**-8)
    loaded = Loaded(base_models.folder(tiny), CPU)
    assert (loaded.dtype, loaded.joins, loaded.exact) == (torch.float32, True, False)


def test_an_adapter_whose_rows_disturb_others_is_decoded_by_itself(
    studio: User, tiny: BaseModelRow, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = publish("one", seed=1)
    loaded = Loaded(base_models.folder(tiny), CPU)
    monkeypatch.setattr(company, "difference", lambda *_: 2.0**-8)
    loaded.attach(catalogue.find(studio, "one"))
    assert loaded.lane(found.id) == found.id
