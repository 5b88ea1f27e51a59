"""Checks a model folder before it becomes a base model. Only reads the files and runs none of their code."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import templates
from storage import progress
from storage.bases import architectures
from storage.bases import checkpoint_headers as headers
from storage.rendering.renderer import LOADING, TRYING, Renderer
from templates.errors import BadInput, Problem

CHAT_DIR = Path(templates.__file__).parent / "chat"
CONFIG_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)
"""Files taken from a folder besides the weights; no others are."""
ANNOUNCING = ("config.json", "tokenizer_config.json", "chat_template.jinja")
"""Files that tell, before the others are fetched, whether a model can be a base."""
PAPERS = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md")
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
CAUSAL_ENDING = "ForCausalLM"
CAUSAL_BY_ANOTHER_NAME = ("GPT2LMHeadModel",)
OTHER_SENSES = ("text_config", "vision_config", "audio_config")
"""Parts of a config that only models for pictures or sound have."""
OWN_CODE = "auto_map"
WANTED = "Give a name of the catalogue, a hub id (owner/name), a folder in Hugging Face layout, or a GGUF file."
SMALL_FILE_BYTES = 200_000_000
_NO_TOKENIZER = Problem(
    "is missing.",
    file="tokenizer.json",
    remedy="Save it again: `AutoTokenizer.from_pretrained(folder).save_pretrained(folder)`.",
)
TRIAL_ROW = {"prompt": "Is this thing on?", "completion": "It is."}


@cache
def chat_templates() -> dict[str, str]:
    """The chat templates on offer for a model that has none: name → text."""
    return {path.stem: path.read_text("utf-8") for path in sorted(CHAT_DIR.glob("*.jinja"))}


def folder_problems(folder: Path, chat_template: str | None) -> list[Problem]:
    """Every problem with the model in `folder`; empty when it can be a base model."""
    try:
        if not folder.is_dir():
            what = "is a file, not a folder" if folder.exists() else "does not exist on this machine"
            return [Problem(f"“{folder}” {what}.", field="path", remedy=WANTED)]
        names = {path.name for path in folder.iterdir()}
    except (OSError, ValueError) as error:  # no permission, a name too long, a NUL in it
        return [Problem(f"“{str(folder)[:200]}” can't be read ({type(error).__name__}).", field="path", remedy=WANTED)]
    if "config.json" not in names:
        return small_file_problems(folder, names, chat_template)
    problems = small_file_problems(folder, names, chat_template) + weights_problems(names)
    if not problems:
        try:
            headers.facts(folder)
        except BadInput as error:
            problems += error.problems
    return problems


def small_file_problems(folder: Path, names: Collection[str], chat_template: str | None) -> list[Problem]:
    """Problems apart from the weights: config, tokenizer, chat template."""
    if "config.json" not in names:
        return [_no_config(folder.name, names)]
    problems = _links_out(folder, names)
    if problems:
        return problems
    try:
        config = headers.read_json(folder / "config.json")
    except BadInput as error:
        return error.problems
    tokenizer_config: dict[str, Any] = {}
    if "tokenizer_config.json" in names:
        try:
            tokenizer_config = headers.read_json(folder / "tokenizer_config.json")
        except BadInput as error:
            problems += error.problems
    return [
        *problems,
        *_config_problems(config),
        *_tokenizer_problems(folder, config),
        *_template_problems(names, tokenizer_config, chat_template),
    ]


def _no_config(what: str, names: Collection[str]) -> Problem:
    adapter = "adapter_config.json" in names
    return Problem(
        "is an adapter, not a base model." if adapter else "has no config.json, so it is not a model folder.",
        file=what,
        remedy="Give the base model it belongs to." if adapter else WANTED,
    )


def announced_problems(folder: Path, what: str, names: Collection[str], chat_template: str | None) -> list[Problem]:
    """Problems that the files in `ANNOUNCING` show; `names` are those of all files of the model, called `what`."""
    if "config.json" not in names:
        return [_no_config(what, names)]
    problems: list[Problem] = []
    read: dict[str, dict[str, Any]] = {}
    for name in ANNOUNCING[:2]:
        try:
            read[name] = headers.read_json(folder / name) if name in names else {}
        except BadInput as error:
            problems += error.problems
    if "config.json" in read:
        problems += _config_problems(read["config.json"])
    if "tokenizer.json" not in names:
        problems.append(_NO_TOKENIZER)
    return problems + _template_problems(names, read.get("tokenizer_config.json", {}), chat_template)


def _links_out(folder: Path, names: Collection[str]) -> list[Problem]:
    """Files that link to outside the folder, or that are too large for their kind."""
    problems, inside = [], folder.resolve()
    for name in sorted(names):
        path = folder / name
        if name not in (*CONFIG_FILES, *PAPERS) and not name.endswith((".safetensors", headers.INDEX)):
            continue
        if inside not in path.resolve().parents:
            remedy = "Copy the folder with its links followed (`cp -rL`), or give the hub id."
            problems.append(Problem("links to a place outside its folder.", file=name, remedy=remedy))
        elif not path.is_file():
            problems.append(Problem("is not a file.", file=name))
        elif not name.endswith(".safetensors") and path.stat().st_size > SMALL_FILE_BYTES:
            problems.append(Problem("is too large for a file of its kind.", file=name))
    return problems


def _config_problems(config: Mapping[str, Any]) -> list[Problem]:
    problems = _architecture_problems(config)
    if config.get("quantization_config"):
        problems.append(
            Problem(
                "says that the weights are already quantized.",
                file="config.json",
                field="quantization_config",
                remedy="Add the original model; the studio quantizes it when a job asks for nf4 or int8.",
            )
        )
    return problems


def _architecture_problems(config: Mapping[str, Any]) -> list[Problem]:
    """Why transformers' own code can't run this as a causal language model."""
    architecture, model_type = headers.architecture(config), config.get("model_type")

    def wrong(what: str, remedy: str, field: str = "architectures") -> list[Problem]:
        return [Problem(what, file="config.json", field=field, remedy=remedy)]

    if any(isinstance(config.get(part), Mapping) for part in OTHER_SENSES):
        what = f"handles more than text ({architecture}); so far, the studio adapts only text models."
        return wrong(what, "Choose a text-only model, perhaps another one of the same family.")
    if not architecture.endswith(CAUSAL_ENDING) and architecture not in CAUSAL_BY_ANOTHER_NAME:
        what = (
            f"has {f'the class {architecture}' if architecture else 'no known class'}; only causal "
            f"language models (…{CAUSAL_ENDING}) can be adapted, not embedding models, encoders or classifiers."
        )
        return wrong(what, "Choose a text-generation model.")
    if not isinstance(model_type, str):
        return [Problem("is missing.", file="config.json", field="model_type")]
    own_code, known = config.get(OWN_CODE), architectures.native().get(model_type)
    if own_code and known != architecture:
        what = "needs its own code to run (`auto_map`); the studio never runs code that comes with a model."
        return wrong(what, "Choose a model whose architecture is part of transformers.")
    if known is None:
        what = f"“{model_type}” is not an architecture that transformers {architectures.version()} can run."
        remedy = "Choose another model, or update transformers if a newer version supports it."
        return wrong(what, remedy, "model_type")
    return []


def _tokenizer_problems(folder: Path, config: Mapping[str, Any]) -> list[Problem]:
    from tokenizers import Tokenizer  # needed late: the web process starts faster and smaller without it

    file = folder / "tokenizer.json"
    if not file.is_file():
        return [_NO_TOKENIZER]
    try:
        with progress.step(LOADING):
            tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises a bare Exception for any flaw in the file
        return [Problem(f"can't be loaded as a tokenizer: {error}.", file=file.name)]
    # Added tokens beyond the embedding are common (Gemma 3 has one for images); the renderer refuses texts with them.
    added = tokenizer.get_added_tokens_decoder()
    highest = max((i for i in tokenizer.get_vocab(with_added_tokens=True).values() if i not in added), default=0)
    vocab_size = config.get("vocab_size")
    if isinstance(vocab_size, int) and highest >= vocab_size:
        message = f"has token ids up to {highest}, but the model has only {vocab_size} tokens (`vocab_size`)."
        return [Problem(message, file=file.name, remedy="Use the tokenizer that belongs to this model.")]
    return []


def _template_problems(
    names: Collection[str], tokenizer_config: Mapping[str, Any], chosen: str | None
) -> list[Problem]:
    offered = ", ".join(chat_templates())
    if chosen is not None:
        if chosen in chat_templates():
            return []
        return [Problem(f"“{chosen}” is not known.", field="chat_template", remedy=f"Choose one of: {offered}.")]
    if "chat_template.jinja" in names or tokenizer_config.get("chat_template"):
        return []
    return [Problem("the model has no chat template.", field="chat_template", remedy=f"Choose one of: {offered}.")]


def weights_problems(names: Collection[str]) -> list[Problem]:
    """Problems with these files' weights format."""
    if headers.WEIGHTS in names or headers.INDEX in names:
        return []
    pickles = sorted(name for name in names if name.endswith(PICKLES))
    if pickles:
        message = (
            f"the weights exist only as a pickle ({pickles[0]}); a pickle can run code, so the studio never loads one."
        )
        return [Problem(message, field="path", remedy=headers.CONVERT)]
    if any(name.endswith(".gguf") for name in names):
        remedy = "Download one of its GGUF files and add that file, or add the original model that it was made from."
        return [Problem("the weights are GGUF files.", field="path", remedy=remedy)]
    message = f"has neither {headers.WEIGHTS} nor {headers.INDEX}."
    return [Problem(message, field="path", remedy="Give a folder with weights in safetensors format.")]


def make_ready(folder: Path, chat_template: str | None) -> None:
    """Make the copied model usable: no reference to its own code, and the chosen template.

    Renders one exchange as training and chat would. Raises `BadInput` when tokenizer or template fail.
    """
    for name in ("config.json", "tokenizer_config.json"):
        _drop(folder / name, OWN_CODE)
    if chat_template is not None:
        (folder / "chat_template.jinja").write_text(chat_templates()[chat_template], "utf-8")
        _drop(folder / "tokenizer_config.json", "chat_template")
    renderer = Renderer(folder)
    with progress.step(TRYING):
        shown = renderer.row("prompt_completion", TRIAL_ROW)
        asked = renderer.prompt([{"role": "user", "content": TRIAL_ROW["prompt"]}])
    if not asked or not shown.n_trained:
        raise BadInput(
            Problem(
                "the model's chat template leaves out the answer.",
                field="chat_template",
                remedy=f"Choose one of: {', '.join(chat_templates())}.",
            )
        )


def _drop(file: Path, key: str) -> None:
    """Remove an entry from a JSON file that may not exist."""
    config = headers.read_json(file) if file.is_file() else {}
    if key in config:
        kept = {name: value for name, value in config.items() if name != key}
        file.write_text(json.dumps(kept, indent=2, ensure_ascii=False), "utf-8")


def stated_license(folder: Path) -> str | None:
    """The licence that the model card's front matter names."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    lines = card.read_text("utf-8", "replace").splitlines()
    if not lines or lines[0].strip() != "---":
        return None
    for line in lines[1:200]:
        if line.strip() == "---":
            return None
        key, _, value = line.partition(":")
        if key == "license" and value.strip():
            return value.strip().strip("\"'")
    return None
