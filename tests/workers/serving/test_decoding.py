"""Whatever rows share a batch, each is answered as if it were alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from storage.bases import base_models
from storage.gallery import artifacts
from storage.models import Artifact, BaseModelRow, User
from templates.errors import StudioError
from templates.methods import lora
from workers.serving import catalogue
from workers.serving.answers import Answer
from workers.serving.decoding import BASE, Batch, Row
from workers.serving.events import Ended, Event
from workers.serving.loaded import Loaded

Publish = Callable[..., Artifact]
CPU = torch.device("cpu")
PROMPTS = ["Hello", "What is a much longer question about cards that never arrived?", "1 2 3", "中文"]


def make_row(loaded: Loaded, adapter: str = BASE, prompt: str = PROMPTS[0], **more: Any) -> tuple[Row, list[Event]]:
    told: list[Event] = []
    ids = loaded.renderer.prompt([{"role": "user", "content": prompt}])
    settings: dict[str, Any] = {"max_tokens": 12, "eos_ids": frozenset(), **more}
    decoder = Answer(lambda ids: " ".join(map(str, ids)))
    return Row(prompt=ids, adapter=adapter, answer=decoder, tell=told.append, **settings), told


def text(told: list[Event]) -> str:
    return "".join(event.text for event in told if not isinstance(event, Ended))  # type: ignore[union-attr]


def alone(loaded: Loaded, adapter: str = BASE, prompt: str = PROMPTS[0], **more: Any) -> str:
    row, told = make_row(loaded, adapter, prompt, **more)
    batch = Batch(loaded.forward, CPU)
    batch.start([row])
    while batch.rows:
        batch.step()
    return text(told)


def reference(base: Path, adapter: Path | None, ids: list[int], n_tokens: int = 12) -> str:
    """The greedy answer by transformers and PEFT themselves."""
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter)
    model.eval()
    given = torch.tensor([ids])
    out = model.generate(
        input_ids=given,
        attention_mask=torch.ones_like(given),
        max_new_tokens=n_tokens,
        min_new_tokens=n_tokens,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    return " ".join(map(str, out[0, len(ids) :].tolist()))


@pytest.fixture
def two(publish: Publish) -> tuple[Artifact, Artifact]:
    return publish("first", seed=1), publish("second", seed=2)


@pytest.fixture
def loaded(studio: User, tiny: BaseModelRow, two: tuple[Artifact, Artifact]) -> Loaded:
    made = Loaded(base_models.folder(tiny), CPU)
    for artifact in two:
        made.attach(catalogue.find(studio, artifact.name))
    return made


def test_a_mixed_batch_answers_as_transformers_and_peft_do_alone(
    loaded: Loaded, tiny: BaseModelRow, two: tuple[Artifact, Artifact]
) -> None:
    adapters = [BASE, two[0].id, two[1].id, two[0].id]
    rows = [make_row(loaded, adapter, prompt) for adapter, prompt in zip(adapters, PROMPTS, strict=True)]
    batch = Batch(loaded.forward, CPU)
    batch.start([row for row, _ in rows])
    while batch.rows:
        batch.step()
    folders = {BASE: None, two[0].id: artifacts.folder(two[0]), two[1].id: artifacts.folder(two[1])}
    expected = [reference(base_models.folder(tiny), folders[row.adapter], row.prompt) for row, _ in rows]
    assert [text(told) for _, told in rows] == expected
    assert len(set(expected)) == 4


def test_base_rows_of_a_mixed_batch_equal_the_untouched_base(
    loaded: Loaded, tiny: BaseModelRow, two: tuple[Artifact, Artifact]
) -> None:
    untouched = AutoModelForCausalLM.from_pretrained(base_models.folder(tiny), dtype=torch.float32).eval()
    ids = torch.tensor([loaded.renderer.prompt([{"role": "user", "content": "Hello"}])])
    with torch.inference_mode():
        expected = untouched(input_ids=ids).logits[0, -1]
        three = ids.repeat(3, 1)
        positions = torch.arange(ids.shape[1]).expand_as(three)
        logits, _ = loaded.forward(three, torch.ones_like(three), positions, None, [BASE, two[0].id, two[1].id])
    assert torch.allclose(logits[0], expected, atol=1e-5)
    assert logits[0].argmax() == expected.argmax()
    assert (logits[1] - expected).abs().max() > 0.1
    assert (logits[1] - logits[2]).abs().max() > 0.1


def test_rows_that_come_later_and_leave_early_change_nothing(loaded: Loaded, two: tuple[Artifact, Artifact]) -> None:
    cases = [(BASE, PROMPTS[0], 20), (two[0].id, PROMPTS[1], 5), (two[1].id, PROMPTS[2], 9), (BASE, PROMPTS[3], 3)]
    expected = [alone(loaded, adapter, prompt, max_tokens=n) for adapter, prompt, n in cases]
    rows = [make_row(loaded, adapter, prompt, max_tokens=n) for adapter, prompt, n in cases]
    batch = Batch(loaded.forward, CPU)
    batch.start([rows[0][0]])
    for row, _ in rows[1:]:
        batch.step()
        fresh = Batch(loaded.forward, CPU)
        fresh.start([row])
        batch.join(fresh)
    while batch.rows:
        batch.step()
    assert [text(told) for _, told in rows] == expected


def test_sampling_is_by_the_rows_own_seed(loaded: Loaded) -> None:
    warm = {"temperature": 1.5, "seed": 7}
    expected = alone(loaded, **warm)
    assert alone(loaded, **warm) == expected
    assert alone(loaded, temperature=1.5, seed=8) != expected
    (row, told), (other, _) = make_row(loaded, **warm), make_row(loaded, temperature=1.5, seed=8)
    batch = Batch(loaded.forward, CPU)
    batch.start([other, row])
    while batch.rows:
        batch.step()
    assert text(told) == expected


def test_top_p_leaves_out_the_unlikely(loaded: Loaded) -> None:
    assert alone(loaded, temperature=5.0, top_p=1e-6, seed=3) == alone(loaded)
    row, _ = make_row(loaded, temperature=1.0, top_p=0.5, seed=1)
    logits = torch.log(torch.tensor([0.4, 0.3, 0.2, 0.1]))
    assert {row.choose(logits) for _ in range(60)} == {0, 1}


def test_a_cancelled_row_leaves_at_the_next_step(loaded: Loaded) -> None:
    (kept, told), (leaver, leaver_told) = make_row(loaded), make_row(loaded, prompt=PROMPTS[1])
    batch = Batch(loaded.forward, CPU)
    batch.start([leaver, kept])
    leaver.cancelled = True
    batch.step()
    assert batch.rows == [kept]
    while batch.rows:
        batch.step()
    assert text(told) == alone(loaded)
    assert not any(isinstance(event, Ended) for event in leaver_told)


def test_an_end_token_ends_the_row_and_is_not_text(loaded: Loaded) -> None:
    tokens = [int(token) for token in alone(loaded).split()]
    row, told = make_row(loaded, eos_ids=frozenset({tokens[4]}))
    batch = Batch(loaded.forward, CPU)
    batch.start([row])
    while batch.rows:
        batch.step()
    ended = told[-1]
    assert isinstance(ended, Ended)
    assert ended.reason == "stop"
    assert text(told).split() == [str(token) for token in tokens[: tokens.index(tokens[4])]]


def test_dora_answers_in_a_lane_of_its_own(studio: User, tiny: BaseModelRow, loaded: Loaded, publish: Publish) -> None:
    dora = publish("dora", seed=5, use_dora=True)
    entry = catalogue.find(studio, "dora")
    assert not entry.mixes
    loaded.attach(entry)
    assert loaded.lane(dora.id) == dora.id != loaded.lane(BASE)
    row, _ = make_row(loaded, dora.id)
    expected = reference(base_models.folder(tiny), artifacts.folder(dora), row.prompt)
    before = alone(loaded)
    assert alone(loaded, dora.id) == expected
    assert alone(loaded) == before == reference(base_models.folder(tiny), None, row.prompt)


def test_only_exclusive_adapters_leave_the_base_untouched(studio: User, tiny: BaseModelRow, publish: Publish) -> None:
    dora = publish("dora", seed=5, use_dora=True)
    loaded = Loaded(base_models.folder(tiny), CPU)
    before = alone(loaded)
    loaded.attach(catalogue.find(studio, "dora"))
    assert loaded.self_tests[dora.id].outcome == "passed"
    assert alone(loaded) == before != alone(loaded, dora.id)
    loaded.detach(dora.id)
    assert loaded.adapters == set()
    assert alone(loaded) == before


def test_detaching_leaves_the_others(loaded: Loaded, two: tuple[Artifact, Artifact]) -> None:
    base, second = alone(loaded), alone(loaded, two[1].id)
    loaded.detach(two[0].id)
    assert (alone(loaded), alone(loaded, two[1].id)) == (base, second)
    loaded.detach(two[1].id)
    assert alone(loaded) == base


def test_the_self_test_says_what_it_proved(loaded: Loaded, two: tuple[Artifact, Artifact]) -> None:
    test = loaded.self_tests[two[0].id]
    assert test.outcome == "passed"
    assert test.base_difference == 0.0
    assert test.adapter_effect is not None
    assert test.adapter_effect > 0.1


def test_an_adapter_that_changes_nothing_is_told(studio: User, tiny: BaseModelRow, publish: Publish) -> None:
    idle = publish("idle", strength=0.0)
    loaded = Loaded(base_models.folder(tiny), CPU)
    loaded.attach(catalogue.find(studio, "idle"))
    assert loaded.self_tests[idle.id].outcome == "no_effect"


def test_an_adapter_that_changes_the_base_gets_its_own_copy(studio: User, publish: Publish) -> None:
    pissa = publish("pissa", init_lora_weights="pissa")
    assert catalogue.find(studio, "pissa").resident == f"artifact-{pissa.id}"
    assert catalogue.find(studio, "tiny").resident != f"artifact-{pissa.id}"


def test_an_adapter_that_would_change_the_base_is_refused_by_the_self_test(
    studio: User, tiny: BaseModelRow, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("pissa", init_lora_weights="pissa")
    monkeypatch.setattr(lora, "LEAVES_BASE_ALONE", ("pissa",))
    loaded = Loaded(base_models.folder(tiny), CPU)
    with pytest.raises(StudioError, match="changes the base model's answers"):
        loaded.attach(catalogue.find(studio, "pissa"))
    assert loaded.adapters == set()
