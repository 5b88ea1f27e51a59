"""Weights that don't fit the config are refused by name when the model is added; known prefixes are removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from storage.bases import base_models, weights_comparison, weights_fit
from storage.models import User
from templates.errors import BadInput

Tensors = dict[str, Any]
Copy = Callable[[Callable[[Tensors], Tensors]], Path]
real_comparison = weights_comparison.compared


@pytest.fixture
def changed(tiny_model_folder: Path, tmp_path: Path) -> Copy:
    """Makes a copy of the model with other tensors."""

    def make(change: Callable[[Tensors], Tensors]) -> Path:
        folder = tmp_path / "changed"
        shutil.copytree(tiny_model_folder, folder, dirs_exist_ok=True)
        save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})
        return folder

    return make


def named(rename: Callable[[str], str]) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {rename(name): tensor for name, tensor in tensors.items()}


def without(*ends: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if not name.endswith(ends)}


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod.", "base_model.model.", "model."])
def test_a_known_prefix_is_removed_and_that_is_said(
    studio: User, tiny_model_folder: Path, changed: Copy, prefix: str
) -> None:
    folder = changed(named(lambda name: prefix + name))
    row = base_models.add(studio, "mine", str(folder))
    assert f"lost the prefix “{prefix}”" in base_models.summary(row)
    original, added = (load_file(at / "model.safetensors") for at in (tiny_model_folder, base_models.folder(row)))
    assert original.keys() == added.keys()
    assert all((original[name] == added[name]).all() for name in original)
    assert base_models.facts(row).n_parameters == sum(tensor.size for tensor in original.values())


def test_a_prefix_inside_the_names_is_removed_too(studio: User, changed: Copy) -> None:
    folder = changed(named(lambda name: name.replace("model.", "model._orig_mod.", 1)))
    row = base_models.add(studio, "mine", str(folder))
    assert "lost the prefix “_orig_mod.”" in base_models.summary(row)


def test_shards_lose_their_prefix_in_the_index_too(studio: User, changed: Copy) -> None:
    folder = changed(named(lambda name: f"_orig_mod.{name}"))
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    files = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(tensors)}
    for file in set(files.values()):
        save_file({name: tensors[name] for name in tensors if files[name] == file}, folder / file, {"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    added = base_models.folder(base_models.add(studio, "mine", str(folder)))
    index = json.loads((added / "model.safetensors.index.json").read_text())["weight_map"]
    assert set(index) == {name.removeprefix("_orig_mod.") for name in files}


def test_an_architectures_own_names_stay() -> None:
    for names in (["model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight"], ["transformer.wte.weight"]):
        assert weights_fit.renamed(names) == {}


MISFITS: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "unknown prefix": (named(lambda name: f"old.{name}"), r"the files lack .*model\.layers.*no place for old\.model\."),
    "norm missing": (without("model.norm.weight"), r"the files lack model\.norm\.weight"),
    "one layer's tensor missing": (without("layers.1.mlp.up_proj.weight"), r"lack model\.layers\.1\.mlp\.up_proj"),
    "in no layer": (without("mlp.up_proj.weight"), r"lack model\.layers\.0\.mlp\.up_proj.weight, model\.layers\.1"),
    "one too many": (
        lambda tensors: {**tensors, "model.extra.weight": tensors["model.norm.weight"].copy()},
        r"no place for model\.extra\.weight",
    ),
    "another shape": (
        lambda tensors: {**tensors, "model.norm.weight": tensors["model.norm.weight"][:8].copy()},
        r"another shape than the config says: model\.norm\.weight",
    ),
    "a layer missing": (
        lambda tensors: {name: tensor for name, tensor in tensors.items() if ".layers.1." not in name},
        r"num_hidden_layers.*the files have no tensors of the layers numbered 1",
    ),
    "the same twice": (
        lambda tensors: {**tensors, "_orig_mod.model.norm.weight": tensors["model.norm.weight"].copy()},
        r"model\.norm\.weight twice",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_weights_that_do_not_fit_are_refused_by_name(studio: User, changed: Copy, case: str) -> None:
    change, sentence = MISFITS[case]
    with pytest.raises(BadInput, match=sentence):
        base_models.add(studio, "mine", str(changed(change)))
    assert [row.name for row in base_models.of_user(studio)] == list(base_models.bundled())


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("vocab_size", 10**12, "1,000,000,000,000 is not plausible"),
        ("vocab_size", 6000, r"is 6,000, but the tensor model\.embed_tokens\.weight has 4,864 rows"),
        ("num_hidden_layers", 10**9, "is not plausible"),
        ("num_hidden_layers", 7, "no tensors of the layers numbered 2, 3, 4 …"),
        ("hidden_size", 128, "weights don't fit its config.json|another shape"),
        ("intermediate_size", 10**15, "is not plausible"),
        ("num_attention_heads", 7, "can't build the model|don't fit"),
    ],
)
def test_numbers_that_contradict_the_weights_are_refused(
    studio: User, changed: Copy, field: str, value: int, sentence: str
) -> None:
    folder = changed(lambda tensors: tensors)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, field: value}))
    with pytest.raises(BadInput, match=sentence):
        base_models.add(studio, "mine", str(folder))


@pytest.mark.slow
def test_the_comparison_is_a_process_of_its_own(changed: Copy) -> None:
    assert real_comparison(changed(without("model.norm.weight"))) == "the files lack model.norm.weight"
