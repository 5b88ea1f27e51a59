"""Which adapters share a batch is found out by trying, and what can't is decoded by itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, RwkvConfig

from storage.bases import base_models
from storage.gallery import artifacts
from storage.gallery import strength as strengths
from storage.models import Artifact, BaseModelRow, User
from tests.contracts import small_models
from workers.serving import catalogue
from workers.serving.decoding import BASE
from workers.serving.loaded import Loaded

Publish = Callable[..., Artifact]
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def lively_model_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The architecture that a test names instead of the usual tiny model."""
    return small_models.write(request.param, tmp_path_factory.mktemp(request.param) / "model")


def on(architecture: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("lively_model_folder", [architecture], indirect=True)


@torch.inference_mode()
def logits(loaded: Loaded, *adapters: str, strength: float = 1.0) -> torch.Tensor:
    """What follows the same prompt with each adapter, computed together."""
    ids = torch.tensor([loaded.renderer.prompt([{"role": "user", "content": "my card"}])] * len(adapters))
    positions = torch.arange(ids.shape[1]).expand_as(ids)
    return loaded.forward(ids, torch.ones_like(ids), positions, None, adapters, [strength] * len(adapters))[0]


@torch.inference_mode()
def reference(base: Path, adapter: Path | None, loaded: Loaded) -> torch.Tensor:
    """The same by transformers and PEFT themselves."""
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, adapter) if adapter else model
    ids = torch.tensor([loaded.renderer.prompt([{"role": "user", "content": "my card"}])])
    found: torch.Tensor = model.eval()(input_ids=ids).logits[:, -1]
    return found


def attached(user: User, row: BaseModelRow, *found: Artifact) -> Loaded:
    loaded = Loaded(base_models.folder(row), CPU)
    for artifact in found:
        loaded.attach(catalogue.find(user, artifact.name))
    return loaded


@on("qwen3moe")
def test_an_adapter_on_experts_is_decoded_by_itself_and_others_still_mix(
    studio: User, tiny: BaseModelRow, publish: Publish, tmp_path: Path
) -> None:
    attention = publish("attention", seed=1, target_modules=["q_proj", "v_proj"])
    experts = publish("experts", seed=2, strength=0.3)

    def weakened(which: str, to: Path) -> Path:
        """The adapter at half its strength, as it is downloaded."""
        found = next(one for one in (attention, experts) if one.id == which)
        folder = Path(shutil.copytree(artifacts.folder(found), to / which))
        (folder / "README.md").write_text("# An adapter\n")
        for name, content in strengths.rewritten(found, folder, 0.5).items():
            (folder / name).write_bytes(content)
        return folder

    loaded = attached(studio, tiny, attention)
    assert loaded.lane(attention.id) == BASE, "no layer refuses to mix"
    loaded.attach(catalogue.find(studio, "experts"))
    assert (loaded.lane(attention.id), loaded.lane(experts.id)) == (BASE, experts.id)
    base = base_models.folder(tiny)
    for which, adapter in ((BASE, None), (attention.id, attention), (experts.id, experts), (BASE, None)):
        expected = reference(base, artifacts.folder(adapter) if adapter else None, loaded)
        torch.testing.assert_close(logits(loaded, which), expected, atol=1e-5, rtol=1e-5)
        if which != experts.id:
            mixed = logits(loaded, which, BASE, attention.id)
            torch.testing.assert_close(mixed[:1], expected, atol=1e-5, rtol=1e-5)
    for which, lane in ((experts.id, f"{experts.id}@0.5"), (attention.id, BASE)):
        assert loaded.lane(which, 0.5) == lane
        half = logits(loaded, which, strength=0.5)
        assert not torch.allclose(half, logits(loaded, which), atol=1e-4)
        assert not torch.allclose(half, logits(loaded, BASE), atol=1e-4)
        torch.testing.assert_close(half, reference(base, weakened(which, tmp_path), loaded), atol=1e-5, rtol=1e-5)
    loaded.detach(experts.id)
    torch.testing.assert_close(logits(loaded, BASE), reference(base, None, loaded), atol=1e-5, rtol=1e-5)


@on("llama32")
def test_a_mixed_batch_that_fails_leaves_nothing_behind(
    studio: User, tiny: BaseModelRow, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish("first", seed=1)
    loaded = attached(studio, tiny, first)
    assert loaded.lane(first.id) == BASE
    before = logits(loaded, BASE, first.id)

    def fail(*_given: Any, **_named: Any) -> None:
        raise RuntimeError("out of breath")

    with monkeypatch.context() as patch:
        patch.setattr(loaded._base.lm_head, "forward", fail)
        with pytest.raises(RuntimeError, match="out of breath"):
            logits(loaded, first.id, BASE)
    assert torch.equal(logits(loaded, BASE, first.id), before)
    torch.testing.assert_close(torch.cat([logits(loaded, BASE), logits(loaded, first.id)]), before)


@on("llama32")
def test_an_adapter_too_weak_to_be_told_from_the_base_is_decoded_by_itself(
    studio: User, tiny: BaseModelRow, publish: Publish
) -> None:
    weak = publish("weak", strength=1e-9)
    loaded = attached(studio, tiny, weak)
    assert loaded.lane(weak.id) == weak.id


def test_a_model_without_a_usual_cache_answers_from_the_whole_text(tmp_path: Path) -> None:
    folder = small_models.write("qwen25base", tmp_path / "recurrent")
    size = Loaded(folder, CPU).renderer._tokenizer.get_vocab_size()
    torch.manual_seed(0)
    config = RwkvConfig(vocab_size=size, hidden_size=32, num_hidden_layers=2, attention_hidden_size=32)
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    loaded = Loaded(folder, CPU)
    assert not loaded.joins
    ids = torch.tensor([loaded.renderer.prompt([{"role": "user", "content": "my card"}])])
    mask, cache, given = torch.ones_like(ids), None, ids
    with torch.inference_mode():
        for length in range(ids.shape[1], ids.shape[1] + 4):
            found, cache = loaded.forward(given, mask, torch.tensor([[length]]), cache, [BASE])
            torch.testing.assert_close(found, model.eval()(input_ids=cache).logits[:, -1])
            given = found.argmax(-1, keepdim=True)
            mask = torch.cat([mask, torch.ones_like(given)], dim=-1)
