"""README, CONTRIBUTING and docs are true: commands parse, settings exist, the example method works."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from app import cli
from storage.bases import checkpoint_headers
from storage.settings import Settings
from templates import recipe, registry

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
TEXTS = README + "".join((ROOT / "docs" / name).read_text("utf-8") for name in ("data.md", "keeping.md"))
COMMANDS = re.findall(r"^(?:\.venv/bin/)?(studio .+)$", TEXTS, re.M) + re.findall(r"`(studio [^`]+)`", TEXTS)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_documented_command_parses(line: str) -> None:
    words = shlex.split(line)[1:]
    command, context = get_command(cli.app), None
    while hasattr(command, "resolve_command"):
        context = command.make_context(command.name, list(words), parent=context, ignore_unknown_options=True)
        name, command, words = command.resolve_command(context, words)
        assert command is not None, name
    if line != "studio users add NAME":
        command.make_context(command.name, list(words), parent=context)


def test_the_readme_names_real_targets_and_settings() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z]+)$", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
    names = set(re.findall(r"\bSTUDIO_([A-Z_]+)\b", README))
    assert names
    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_the_method_in_contributing_works(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    import templates.methods
    from workers import models

    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.+?)```", text, re.S)
    (tmp_path / "ia3.py").write_text(example)
    monkeypatch.setattr(templates.methods, "__path__", [*templates.methods.__path__, str(tmp_path)])
    registry.methods.cache_clear()
    try:
        made = recipe.compose("sft", "ia3", facts=checkpoint_headers.facts(tiny_model_folder))
        adapted = models.adapt(models.load_base(tiny_model_folder, where=torch.device("cpu")), made)
        assert any(p.requires_grad for p in adapted.parameters())
        assert not all(p.requires_grad for p in adapted.parameters())
    finally:
        registry.methods.cache_clear()
        sys.modules.pop("templates.methods.ia3", None)
