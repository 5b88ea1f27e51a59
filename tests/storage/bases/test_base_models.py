"""Base models: the bundled one is there, a user's own is checked, copied and pinned."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from storage import db, files, users
from storage.bases import base_model_checks, base_models
from storage.bases.model_check import Readied
from storage.models import BaseModelRow, User
from storage.rendering.limited_process import GIB, Limits
from storage.rendering.renderer import Renderer
from storage.settings import settings
from templates.errors import BadInput, NotFound, StudioError
from tests.contracts import small_models

Edit = Callable[[Path], None]


def rows() -> list[BaseModelRow]:
    with db.reading() as session:
        return list(session.exec(select(BaseModelRow)).all())


def test_the_bundled_model_is_there(studio: User, nano_folder: Path) -> None:
    row = base_models.get(studio, "studio-nano")
    facts = base_models.facts(row)
    assert (row.source, row.license, row.owner_id) == ("bundled", "Apache-2.0", None)
    assert base_models.folder(row) == nano_folder
    assert facts.architecture == "LlamaForCausalLM"
    assert facts.n_parameters == 1_902_208
    assert "q_proj" in facts.linear_modules
    assert "2 M" in base_models.summary(row)
    assert base_models.get(studio, row.id) == row


def test_every_bundled_folder_is_in_the_catalogue() -> None:
    folders = {path.name for path in base_models.BUNDLED_DIR.iterdir() if path.is_dir()}
    assert set(base_models.bundled()) == folders


def test_many_at_once_give_one_row(studio: User) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: base_models.sync_bundled(), range(16)))
    assert sorted(row.name for row in rows()) == sorted(base_models.bundled())


def test_an_update_of_the_product_retires_the_old_row(
    studio: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = base_models.get(studio, "studio-nano")
    shutil.copytree(base_models.BUNDLED_DIR, tmp_path / "models")
    (tmp_path / "models" / "studio-nano" / "generation_config.json").write_text("{}")
    monkeypatch.setattr(base_models, "BUNDLED_DIR", tmp_path / "models")
    new = base_models.get(studio, "studio-nano")
    assert new.id != old.id
    retired = base_models.get(studio, old.id)
    assert retired.deleted_at is not None
    with pytest.raises(StudioError, match="gone or were replaced"):
        base_models.folder(retired)
    monkeypatch.undo()
    assert base_models.get(studio, "studio-nano").id == old.id


def test_a_model_that_is_no_longer_bundled_is_retired_under_another_name(
    studio: User, nano_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = base_models.get(studio, nano_folder.name)
    rest = {name: entry for name, entry in base_models.bundled().items() if name != nano_folder.name}
    monkeypatch.setattr(base_models, "bundled", lambda: rest)
    assert old.id not in {row.id for row in base_models.of_user(studio)}
    with pytest.raises(NotFound):
        base_models.get(studio, nano_folder.name)
    assert base_models.get(studio, old.id).name == f"{nano_folder.name}@{old.revision[:12]}"
    monkeypatch.undo()
    assert base_models.get(studio, nano_folder.name).id == old.id


def test_bundled_models_stand_in_the_catalogues_order(studio: User, tiny_model_folder: Path) -> None:
    base_models.add(studio, "a-model-of-mine", str(tiny_model_folder))
    names = [row.name for row in base_models.of_user(studio)]
    assert names == [*base_models.bundled(), "a-model-of-mine"]


def test_a_folder_becomes_a_base_model(studio: User, tiny_model_folder: Path) -> None:
    row = base_models.add(studio, "tiny", str(tiny_model_folder), license="MIT")
    copied = base_models.folder(row)
    assert copied.is_relative_to(settings().files)
    assert files.flaw(copied) is None
    assert {path.name for path in copied.iterdir()} == {
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
        "chat_template.jinja", "model.safetensors", "manifest.json",
    }  # fmt: skip
    assert (row.source, row.origin, row.license) == ("folder", tiny_model_folder.name, "MIT")
    assert len(row.revision) == 64
    assert [other.name for other in base_models.of_user(studio)] == [*base_models.bundled(), "tiny"]
    assert not list((settings().files / "bases").glob(".draft-*"))


def test_the_facts_are_those_of_the_loaded_model(studio: User, tiny_model_folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    facts = base_models.facts(base_models.add(studio, "tiny", str(tiny_model_folder)))
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype="auto")
    linear = {
        name: module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    }
    assert facts.n_parameters == model.num_parameters()
    assert facts.n_linear_parameters == sum(linear.values())
    assert set(facts.linear_modules) == {name.split(".")[-1] for name in linear}


def test_somebody_elses_base_model_is_not_found(studio: User, tiny_model_folder: Path) -> None:
    row = base_models.add(studio, "tiny", str(tiny_model_folder))
    other = users.add("eve", "correct horse battery")
    for name in ("tiny", row.id):
        with pytest.raises(NotFound):
            base_models.get(other, name)
    assert [row.name for row in base_models.of_user(other)] == list(base_models.bundled())
    with pytest.raises(BadInput, match="already the name"):
        base_models.add(studio, "tiny", str(tiny_model_folder))
    own = base_models.add(other, "tiny", str(tiny_model_folder))
    assert base_models.get(other, "tiny").id == own.id, "the name doesn't tell that somebody else has it"
    assert base_models.get(studio, "tiny").id == row.id


def set_json(name: str, **values: Any) -> Edit:
    def edit(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        document.update(values)
        (folder / name).write_text(json.dumps({k: v for k, v in document.items() if v is not None}))

    return edit


def write(name: str, content: bytes) -> Edit:
    return lambda folder: (folder / name).write_bytes(content) and None  # type: ignore[func-returns-value]


def remove(name: str) -> Edit:
    return lambda folder: (folder / name).unlink()


def only_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def link_out(folder: Path) -> None:
    outside = folder.parent / "outside.json"
    (folder / "config.json").rename(outside)
    (folder / "config.json").symlink_to(outside)


def cut_short(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])


def half_sharded(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))


def shard_elsewhere(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../x.safetensors"}}))


BAD_FOLDERS: dict[str, tuple[Edit, str]] = {
    "no config": (remove("config.json"), "has no config.json"),
    "config not JSON": (write("config.json", b"{"), "can't be read as JSON"),
    "config nested too deep": (write("config.json", b"[" * 200_000), "can't be read as JSON"),
    "embedding model": (set_json("config.json", architectures=["BertModel"]), "has the class BertModel"),
    "no architecture": (set_json("config.json", architectures=None), "has no known class"),
    "remote code": (
        set_json("config.json", auto_map={"AutoModel": "x.Y"}, architectures=["OwnForCausalLM"]),
        "never runs code",
    ),
    "unknown architecture": (set_json("config.json", model_type="unheard-of"), "“unheard-of” is not an architecture"),
    "pictures": (
        set_json("config.json", architectures=["Gemma3ForConditionalGeneration"], text_config={}, vision_config={}),
        "handles more than text (Gemma3ForConditionalGeneration); so far, the studio adapts only text models",
    ),
    "already quantized": (set_json("config.json", quantization_config={"bits": 4}), "already quantized"),
    "hidden size of text": (set_json("config.json", hidden_size="big"), "must be a positive whole number"),
    "no layers": (set_json("config.json", num_hidden_layers=None), "“num_hidden_layers”: is missing"),
    "exist only as a pickle": (only_pickle, "a pickle can run code, so the studio never loads one"),
    "no weights": (remove("model.safetensors"), "has neither model.safetensors nor"),
    "pickle renamed": (write("model.safetensors", pickle.dumps({"a": 1})), "is a pickle named like"),
    "GGUF renamed": (write("model.safetensors", b"GGUF" + bytes(64)), "is a GGUF file named like"),
    "header of 2^63": (write("model.safetensors", struct.pack("<Q", 2**63) + b"{}"), "its header claims 9,223,372,036"),
    "empty weights": (write("model.safetensors", b""), "it has only 0 bytes"),
    "header not JSON": (write("model.safetensors", struct.pack("<Q", 4) + b"!!!!"), "has a damaged header"),
    "weights cut short": (cut_short, "but the file holds"),
    "a shard missing": (half_sharded, "“model-00002-of-00002.safetensors”: is missing"),
    "a shard elsewhere": (shard_elsewhere, "which is not a safetensors file of this folder"),
    "no tokenizer": (remove("tokenizer.json"), "“tokenizer.json”: is missing"),
    "broken tokenizer": (write("tokenizer.json", b"{}"), "can't be loaded as a tokenizer"),
    "another model's tokenizer": (set_json("config.json", vocab_size=100), "has only 100 tokens"),
    "no chat template": (remove("chat_template.jinja"), "Choose one of: chatml, instruct, plain"),
    "broken template": (write("chat_template.jinja", b"{% for %}"), "template"),
    "template of gigabytes": (
        write("chat_template.jinja", b"{{ 'a' * 2000000000 }}"),
        "chat template of “mine” needs more",
    ),
    "template without end": (
        write(
            "chat_template.jinja", b"{% for i in range(99999) %}{% for j in range(99999) %}" * 2 + b"{% endfor %}" * 4
        ),
        "the chat template of “mine” takes too long",
    ),
    "deep tokenizer": (write("tokenizer.json", b"[" * 3_000_000), "can't be loaded as a tokenizer"),
    "template without answers": (write("chat_template.jinja", b"hello"), "template leaves out the answer"),
    "link to outside": (link_out, "links to a place outside its folder"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_a_bad_folder_is_refused_in_words(
    studio: User, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    edit, sentence = BAD_FOLDERS[case]
    monkeypatch.setattr(Readied, "limits", Limits(GIB, cpu_s=0, within_s=60.0))
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_folder, folder)
    edit(folder)
    with pytest.raises(BadInput) as refused:
        base_models.add(studio, "mine", str(folder))
    assert sentence in str(refused.value)
    assert rows() == []
    assert not (settings().files / "bases").exists() or not list((settings().files / "bases").iterdir())


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/etc", "has no config.json"),
        ("/etc/passwd", "is a file, not a folder"),
        ("../other", "does not exist"),
        ("/no/such/folder", "does not exist"),
        ("file:///etc", "does not exist"),
        ("https://example.org/a/b", "does not exist"),
        ("", "does not exist"),
        ("~nobody-of-this-name/x", "does not exist"),
        ("x" * 5000, "can't be read"),
        ("a\0b", "does not exist|can't be read"),
    ],
)
def test_a_path_that_is_no_model_is_refused(studio: User, path: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        base_models.add(studio, "mine", path)


def test_an_adapter_is_no_base_model(studio: User, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(BadInput, match="is an adapter, not a base model"):
        base_models.add(studio, "mine", str(tmp_path))


@pytest.mark.parametrize("name", ["../../x", "", "a b", "x" * 400, "a\0", "studio-nano", "'; drop table user"])
def test_bad_names_come_with_the_other_problems(studio: User, name: str) -> None:
    base_models.sync_bundled()
    with pytest.raises(BadInput) as refused:
        base_models.add(studio, name, "/etc", chat_template="klingon")
    assert {problem.field for problem in refused.value.problems} == {"name", None}


def test_own_code_is_not_followed_where_the_architecture_is_native(
    studio: User, tiny_model_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_folder, folder)
    set_json("config.json", auto_map={"AutoConfig": "x.Config", "AutoModelForCausalLM": "x.Y"})(folder)
    set_json("tokenizer_config.json", auto_map={"AutoTokenizer": ["x.Tokenizer", None]})(folder)
    added = base_models.folder(base_models.add(studio, "mine", str(folder)))
    for name in ("config.json", "tokenizer_config.json"):
        assert "auto_map" not in json.loads((added / name).read_text("utf-8"))
        assert "auto_map" in json.loads((folder / name).read_text("utf-8")), "the original stays as it is"


def test_a_token_beyond_the_embedding_is_accepted_and_texts_with_it_are_refused(studio: User, tmp_path: Path) -> None:
    folder = small_models.write("gemma3img", tmp_path / "model")
    renderer = Renderer(base_models.folder(base_models.add(studio, "mine", str(folder))))
    row = {"prompt": "my order", "completion": "late"}
    assert renderer.row("prompt_completion", row).n_trained
    spelt = "my <image_soft_token> order"
    for ask in (
        lambda: renderer.row("prompt_completion", {**row, "prompt": spelt}),
        lambda: renderer.row("text", {"text": spelt}),
        lambda: renderer.prompt([{"role": "user", "content": spelt}]),
    ):
        with pytest.raises(BadInput, match=r"contains “<image_soft_token>”, a token that .* the base model can't read"):
            ask()


@pytest.mark.parametrize(
    ("config", "of_tokenizer", "expected"),
    [
        ({"max_position_embeddings": 64}, 32, (64, False)),
        ({"seq_length": 48}, 32, (48, False)),
        ({"n_ctx": 40}, None, (40, False)),
        ({}, 32, (32, False)),
        ({}, 1e30, (2048, True)),
        ({}, None, (2048, True)),
    ],
)
def test_the_context_length_is_the_models_own_or_said_to_be_assumed(
    studio: User,
    tiny_model_folder: Path,
    tmp_path: Path,
    config: dict[str, int],
    of_tokenizer: float | None,
    expected: tuple[int, bool],
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_folder, folder)
    set_json("config.json", **{"max_position_embeddings": None, **config})(folder)
    set_json("tokenizer_config.json", model_max_length=of_tokenizer)(folder)
    row = base_models.add(studio, "mine", str(folder))
    facts = base_models.facts(row)
    assert (facts.context_length, facts.context_assumed) == expected
    assert ("2,048 tokens are assumed" in base_models.summary(row)) == expected[1]


@pytest.mark.parametrize("chosen", base_model_checks.chat_templates())
def test_a_chosen_template_replaces_the_models_own(
    studio: User, tiny_model_folder: Path, tmp_path: Path, chosen: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_folder, folder)
    (folder / "chat_template.jinja").unlink()
    set_json("tokenizer_config.json", chat_template="{{ messages }}")(folder)
    row = base_models.add(studio, "mine", str(folder), chat_template=chosen)
    renderer = Renderer(base_models.folder(row))
    answer = {"prompt": "Ping?", "completion": "Pong."}
    rendered = renderer.row("prompt_completion", answer)
    learned = [token for token, trained in zip(rendered.ids, rendered.trained, strict=True) if trained]
    assert renderer.decode(learned).strip() == "Pong."
    assert learned[-1] in renderer.eos_ids
    asked = renderer.prompt([{"role": "user", "content": "Ping?"}])
    assert rendered.ids[: len(asked)] == asked
    assert "chat_template" not in json.loads((base_models.folder(row) / "tokenizer_config.json").read_text())


def test_an_unknown_template_is_refused(studio: User, tiny_model_folder: Path) -> None:
    with pytest.raises(BadInput, match="“klingon” is not known"):
        base_models.add(studio, "mine", str(tiny_model_folder), chat_template="klingon")


def test_the_licence_comes_from_the_model_card(studio: User, tiny_model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_folder, folder)
    assert base_models.add(studio, "one", str(folder)).license == "not stated"
    (folder / "README.md").write_text("---\ntags: [x]\nlicense: mit\n---\n# Model\n")
    assert base_models.add(studio, "two", str(folder)).license == "mit"
