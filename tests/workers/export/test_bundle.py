"""The bundle: complete, sealed, free of this machine, and of use without any of our code."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import files
from storage.rendering.renderer import Renderer
from templates import recipe as recipes
from templates.errors import StudioError
from tests.workers.export.conftest import SIDE
from workers import models
from workers.evaluation import compared, row_outcomes, verdict
from workers.evaluation.generation import answers
from workers.evaluation.scoring import Scores
from workers.export import bundle
from workers.export.bundle import Staged
from workers.orders.train import Rewarding, TrainingOrder
from workers.protocol import ModelRef

CANARY = "hf_CANARYcanaryCANARYcanary"
CONTEXT = 256
"""Of the tiny model; an answer may fill it."""
PROMPT = "where is my card?"
ACTUAL = {"steps": 12, "trained_tokens": 3456, "tokens_per_s": 810.5, "peak_memory_bytes": 123_456_789}


def stage(order: TrainingOrder, save: Callable[[Path], Any], scores: tuple[Scores, Scores]) -> Staged:
    judged = verdict.judge(*scores, "classification", SIDE)
    rows = [{"text": f"text {i}", "label": "card"} for i in range(len(scores[1].n_tokens))]
    outcomes = row_outcomes.of(scores[1], rows, "classification", SIDE)
    return bundle.stage(order, save, judged, compared.compare(*scores), outcomes, ACTUAL)


def greedy(model: Any, folder: Path, instruction: str = "") -> str:
    renderer = Renderer(folder).instructed(instruction)
    prompt = renderer.prompt([{"role": "user", "content": PROMPT}])
    room = CONTEXT - len(prompt)
    given = answers(model, [prompt], eos_ids=renderer.eos_ids, max_new_tokens=room)[0]
    return renderer.decode(given.ids).strip()


def use_me(folder: Path, elsewhere: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as its receiver would: away from our code, which must not be importable."""
    shield = elsewhere / "shield"
    for name in ("app", "workers", "storage", "templates"):
        (shield / name).mkdir(parents=True, exist_ok=True)
        (shield / name / "__init__.py").write_text("raise ImportError('none of ours')")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(elsewhere),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(shield),
    }
    environment |= {"HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-P", str(folder / "use_me.py"), *arguments],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def everything_in(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_an_adapter_bundle_is_complete_and_sealed(
    order_for: Callable[..., TrainingOrder], adapter: Any, scores: tuple[Scores, Scores]
) -> None:
    order = order_for()
    staged = stage(order, adapter.save_pretrained, scores)
    folder = Path(order.staging)
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} == {
        *("README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "manifest.json"),
        *("recipe.toml", "requirements.txt", "tokenizer.json", "tokenizer_config.json", "use_me.py", "verdict.json"),
        "generation_config.json",
        *("base/chat_template.jinja", "base/config.json", "base/generation_config.json", "base/model.safetensors"),
        *("base/tokenizer.json", "base/tokenizer_config.json", "evaluation/answers.jsonl", "evaluation/outcomes.json"),
    }
    assert staged.artifact_kind == "adapter"
    assert json.loads((folder / "generation_config.json").read_bytes())["eos_token_id"] == 2
    assert staged.weights_sha256 == files.sha256_of(folder / "adapter_model.safetensors")
    assert staged.size_bytes == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    files.verify(folder, staged.manifest_sha256)
    lines = (folder / "evaluation" / "answers.jsonl").read_text().splitlines()
    assert len(lines) == 12
    assert json.loads(lines[0])["change"] == "better"
    assert json.loads(lines[-1])["expected"] == "card"
    assert recipes.compose(**recipes.read_toml((folder / "recipe.toml").read_text()), facts=order.facts) == order.recipe


def test_nothing_of_this_machine_is_in_it(
    order_for: Callable[..., TrainingOrder],
    adapter: Any,
    scores: tuple[Scores, Scores],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tiny_model_folder: Path,
) -> None:
    monkeypatch.setenv("HF_TOKEN", CANARY)
    order = order_for()

    def save(folder: Path) -> None:
        adapter.save_pretrained(folder)
        (folder / "training_args.bin").write_bytes(CANARY.encode())
        (folder / "README.md").write_text(f"made in {Path.cwd()}")
        (folder / "global_step12").mkdir()
        (folder / "global_step12" / "optimizer.pt").write_bytes(CANARY.encode())

    stage(order, save, scores)
    content = everything_in(Path(order.staging))
    for secret in (CANARY, str(tmp_path), str(tiny_model_folder), str(Path.cwd()), str(Path.home()) + "/"):
        assert secret.encode() not in content, secret
    config = json.loads((Path(order.staging) / "adapter_config.json").read_bytes())
    assert config["base_model_name_or_path"] == "base"
    assert config["revision"] is None
    assert not list(Path(order.staging).rglob("*.bin"))


@pytest.mark.slow
def test_use_me_gives_the_greedy_answer_without_our_code(
    order_for: Callable[..., TrainingOrder],
    adapter: Any,
    scores: tuple[Scores, Scores],
    tmp_path: Path,
    tiny_model_folder: Path,
) -> None:
    told = "Answer with one of: card, refund."
    order = order_for(recipe=recipes.compose("sft", "lora", instruction=told, facts=order_for().facts))
    stage(order, adapter.save_pretrained, scores)
    expected = greedy(adapter, tiny_model_folder, told)
    assert expected != greedy(adapter, tiny_model_folder), "without the instruction it answers differently"
    assert told in (Path(order.staging) / "README.md").read_text()
    with adapter.disable_adapter():
        assert expected != greedy(adapter, tiny_model_folder, told)
    received = tmp_path / "received"
    Path(order.staging).rename(received)
    ran = use_me(received, tmp_path, PROMPT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == expected + "\n"
    source = (received / "use_me.py").read_text()
    assert not {"import app", "import workers", "import storage", "import templates"} & set(source.splitlines())


@pytest.mark.long
def test_use_me_of_a_base_that_is_not_shipped(
    order_for: Callable[..., TrainingOrder],
    adapter: Any,
    scores: tuple[Scores, Scores],
    tmp_path: Path,
    tiny_model_folder: Path,
) -> None:
    order = order_for(base_source="folder", base_origin="our 'old' model")
    stage(order, adapter.save_pretrained, scores)
    folder = Path(order.staging)
    assert not (folder / "base").exists()
    assert json.loads((folder / "adapter_config.json").read_bytes())["base_model_name_or_path"] == "our 'old' model"
    assert "--base" in use_me(folder, tmp_path, PROMPT).stderr
    ran = use_me(folder, tmp_path, PROMPT, "--base", str(tiny_model_folder))
    assert ran.stdout == greedy(adapter, tiny_model_folder) + "\n", ran.stderr


def test_a_base_from_the_hub_is_pinned(
    order_for: Callable[..., TrainingOrder], adapter: Any, scores: tuple[Scores, Scores]
) -> None:
    order = order_for(base_source="hub", base_origin="acme/small-1b")
    stage(order, adapter.save_pretrained, scores)
    folder = Path(order.staging)
    config = json.loads((folder / "adapter_config.json").read_bytes())
    assert (config["base_model_name_or_path"], config["revision"]) == ("acme/small-1b", "e" * 40)
    assert "'acme/small-1b'" in (folder / "use_me.py").read_text()
    assert 'base_model: "acme/small-1b"' in (folder / "README.md").read_text()


@pytest.mark.long
def test_a_whole_model_stands_alone(
    order_for: Callable[..., TrainingOrder], scores: tuple[Scores, Scores], tmp_path: Path, tiny_model_folder: Path
) -> None:
    model = models.load_base(tiny_model_folder)
    order = order_for(method="full")
    staged = stage(order, model.save_pretrained, scores)
    folder = Path(order.staging)
    assert staged.artifact_kind == "full_model"
    assert staged.weights_sha256 == files.sha256_of(folder / "model.safetensors")
    assert not (folder / "base").exists()
    assert "peft" not in (folder / "requirements.txt").read_text()
    ref = ModelRef(name="m", base_folder=str(folder), base_revision="")
    assert greedy(models.load(ref), folder) == greedy(model, tiny_model_folder)
    ran = use_me(folder, tmp_path, PROMPT)
    assert ran.stdout == greedy(model, tiny_model_folder) + "\n", ran.stderr


def test_shards_are_hashed_together(
    order_for: Callable[..., TrainingOrder], scores: tuple[Scores, Scores], tiny_model_folder: Path
) -> None:
    model = models.load_base(tiny_model_folder)
    order = order_for(method="full")
    staged = stage(order, lambda folder: model.save_pretrained(folder, max_shard_size="400KB"), scores)
    shards = sorted(Path(order.staging).glob("model-*.safetensors"))
    assert len(shards) > 1
    assert (Path(order.staging) / "model.safetensors.index.json").is_file()
    assert staged.weights_sha256 not in [files.sha256_of(shard) for shard in shards]


def test_no_weights_is_an_error(order_for: Callable[..., TrainingOrder], scores: tuple[Scores, Scores]) -> None:
    with pytest.raises(StudioError, match="no weights"):
        stage(order_for(), lambda folder: None, scores)


def test_recipe_file_is_toml(
    order_for: Callable[..., TrainingOrder], adapter: Any, scores: tuple[Scores, Scores]
) -> None:
    order = order_for()
    stage(order, adapter.save_pretrained, scores)
    assert tomllib.loads((Path(order.staging) / "recipe.toml").read_text())["method"] == "lora"


def test_the_recipe_names_what_rewarded_the_answers(
    order_for: Callable[..., TrainingOrder], adapter: Any, scores: tuple[Scores, Scores], tiny_model_folder: Path
) -> None:
    ref = ModelRef(name="my-judge", base_folder=str(tiny_model_folder), base_revision="e" * 40, weights_sha256="a")
    recipe = recipes.compose("rloo", "lora", settings={"verifiers": [], "reward_model_weight": 1 / 3})
    order = order_for(recipe=recipe, reward=Rewarding(ref=ref, license="Apache-2.0"))
    stage(order, adapter.save_pretrained, scores)
    read = recipes.read_toml((Path(order.staging) / "recipe.toml").read_text())
    assert read.pop("reward") == "my-judge"
    assert recipes.compose(**read) == recipe
