"""Generates an ability's documents for the corpus and its items for the suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.workshop.world.draw import Draw

Message = dict[str, str]
CHAT_TEMPLATE = Path(__file__).parent / "chat_template.jinja"
_SHORT_TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
}


@dataclass(frozen=True)
class Example:
    """One conversation; its last message is the assistant's, and no content begins or ends with a space."""

    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()
    """JSON-schema functions, as transformers' chat templates take them."""

    @property
    def answer(self) -> str:
        """The last message's content."""
        return self.messages[-1]["content"]


@dataclass(frozen=True)
class AbilityGenerator:
    """Generates training documents and test items for one ability.

    A file of `workers/workshop/world/abilities/` exports one as `SPEC`; its key is the file's name, and its
    docstring says what is measured. `templates/suites/general.py` says how its answers are marked.
    """

    share: float
    """Share of the corpus' documents."""
    make: Callable[[Draw], Example]
    """Makes a document of the corpus, which may have several turns."""
    item: Callable[[Draw], Example] | None = None
    """Makes an item of the suite, one question and its answer; None: uses `make`."""
    chains: bool = False
    """Its questions are short, so one document may contain several conversations."""
    polite: bool = False
    """Some answers in the corpus begin with a polite word, for preference tuning to bring out."""
    recalled: bool = False
    """Asks for facts that the corpus itself teaches: only the held-out phrasings of its items are new."""
    key: str = ""
    page: str = ""

    def question(self, draw: Draw) -> Example:
        """An item of the suite."""
        return (self.item or self.make)(draw)


def asked(question: str, answer: str) -> tuple[Message, Message]:
    """One turn: the user's message and the assistant's."""
    return {"role": "user", "content": question}, {"role": "assistant", "content": answer}


def text(example: Example) -> str:
    """The conversation as the bundled chat template writes it, without the newline at its end."""
    messages = example.messages
    system = [messages[0]["content"]] if messages[0]["role"] == "system" else []
    turns = messages[1:] if system else messages
    if example.tools:
        system.append("Tools:")
        system.extend(_signature(tool["function"]) for tool in example.tools)
    written = ["<|im_start|>system\n", "\n".join(system), "<|im_end|>\n"] if system else []
    for message in turns:
        role = message["role"]
        space = " " if role == "assistant" else ""
        written.append(f"<|im_start|>{role}\n{space}{message['content']}<|im_end|>\n")
    return "".join(written)[:-1]


def _signature(function: Mapping[str, Any]) -> str:
    parameters = function["parameters"]
    required = parameters.get("required", ())
    return "{}({})".format(
        function["name"],
        ", ".join(
            f"{name}{'' if name in required else '?'}: {_SHORT_TYPES[schema['type']]}"
            for name, schema in parameters["properties"].items()
        ),
    )
