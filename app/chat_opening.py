"""Opens a chat with the instruction that its models were trained with, as a system turn for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from storage.gallery import artifacts
from storage.models import User
from templates.errors import NotFound


def instruction(user: User, models: Sequence[str]) -> str:
    """The instruction of the first adapted model among `models` (names); "" if none has one."""
    for name in models:
        try:
            found = artifacts.instruction_of(artifacts.get(user, name)) if name else ""
        except NotFound:
            continue  # a base model has none
        if found:
            return found
    return ""


def system(instruction: str) -> list[dict[str, str]]:
    """The instruction as a system turn; nothing for an empty one."""
    return [{"role": "system", "content": instruction.strip()}] if instruction.strip() else []


def turns(instruction: str, prompt: str) -> list[dict[str, str]]:
    """The turns that ask for a first answer."""
    return [*system(instruction), {"role": "user", "content": prompt}]
