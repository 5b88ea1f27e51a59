"""Renders rows as the exact token ids used in training, and marks the learned ones.

It uses tokenizer and chat template without transformers, so that the web can show before launch
what the worker will train on: both call this module. Ids and learned tokens equal those of
transformers' `apply_chat_template`. It finds the learned tokens like this:

- a template with `{% generation %}` markers: the text between them;
- one without: each assistant turn, from where the generation prompt ends to the turn's end token
  (`storage.rendering.turn_spans`);
- no template: the turns one below the other, each answer followed by the end token.

Conversations with tools are rendered whole or refused (`storage.rendering.whole_turns`); templates whose
prompts can't be answered as they are trained are mended (`storage.rendering.mended_templates`).
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from storage import progress
from storage.rendering import mended_templates, tokenizer_files, turn_ends
from storage.rendering.chat_templates import ChatTemplate
from storage.rendering.examples import Encoded, Piece, Rendered, tokens_within
from storage.rendering.reasoning import Reasoning, ReasoningStream, Said
from storage.rendering.unreadable_tokens import UnreadableTokens
from storage.rendering.whole_turns import WholeTurns
from templates import instructions, registry, turns
from templates.errors import BadInput

__all__ = ["Piece", "Rendered", "Renderer", "remembered", "tokens_within"]

LOADING, TRYING, RENDERING = "Loading the tokenizer", "Trying the chat template", "Counting tokens"
"""Steps of work that may take long with a model that nobody has checked."""
PLAIN_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content + eos_token }}"
    "{% endgeneration %}{% if not loop.last %}{{ '\\n' }}{% endif %}"
    "{% else %}{{ m.content + '\\n' }}{% endif %}{% endfor %}"
)
"""The template for a base model without its own."""
_ASKED = "q0zx"


class Opening(NamedTuple):
    """The beginning of a conversation, or of a text, which a model can go on from."""

    ids: list[int]
    ends: list[int]
    """Ids that end what follows."""
    of_user: bool
    """A user's text follows; otherwise any text."""


class Renderer:
    """The tokenizer and chat template of the base model in `base_folder`."""

    def __init__(self, base_folder: Path):
        """Raises `BadInput` when the folder has no usable tokenizer or template."""
        self.folder = base_folder
        with progress.step(LOADING):
            self._tokenizer = tokenizer_files.tokenizer(base_folder)
        vocab_size = tokenizer_files.document(base_folder, "config.json").get("vocab_size")
        self._unreadable = UnreadableTokens(self._tokenizer, vocab_size)
        self._named = tokenizer_files.named_tokens(base_folder)
        self.eos_ids = tokenizer_files.eos_ids(base_folder, self._tokenizer, self._named.get("eos_token"))
        """Ids that end an answer: the tokenizer's own first, then those that end turns in the trained text."""
        self._eos = str(self._tokenizer.id_to_token(self.eos_ids[0]))
        self._named.setdefault("eos_token", self._eos)
        own = tokenizer_files.template(base_folder)
        self.has_template = own is not None
        added = self._tokenizer.get_added_tokens_decoder().values()
        special = [token.content for token in added if token.special]
        self._control_tokens = re.compile("|".join(map(re.escape, special)) or "(?!)")
        source = self._opening() + PLAIN_TEMPLATE if own is None else own
        with progress.step(TRYING):
            self.mended = mended_templates.mended(source, self._named, special, lambda text: self._encode(text).ids)
        """What was changed in the base model's own template, so that answers follow prompts as they are trained."""
        self.template = self.mended.source
        """The chat template's text."""
        self.template_sha256 = hashlib.sha256(self.template.encode()).hexdigest()
        declared = {str(self._tokenizer.id_to_token(i)) for i in self.eos_ids} if self.mended.ends_last else None
        self._template = ChatTemplate(self.template, self._named, special, ends=declared)
        self._turns = WholeTurns(self._template)
        ends = turn_ends.found(self._template)
        ids = [self._tokenizer.token_to_id(token) for token in ends.always]
        self.eos_ids += [i for i in ids if i is not None and i not in self.eos_ids]
        self.reasoning = replace(Reasoning.of(self._template, self.template), ends=ends.after_answers)
        """How answers are told from reasoning."""
        self.instruction = ""
        """The system turn of every conversation without its own; "" for none."""

    def instructed(self, instruction: str) -> Renderer:
        """The same renderer with this instruction before every conversation."""
        made = copy.copy(self)
        made.instruction = instruction
        return made

    def row(
        self, shape_key: str, row: Mapping[str, Any], *, max_length: int | None = None, trains_prompt: bool = False
    ) -> Rendered:
        """One row as one example, cut at `max_length` tokens.

        Raises `BadInput` when the template refuses the conversation, `ToolsLeftOut` when it would omit tools.
        """
        encoded, trained, is_partly = self.encoded(shape_key, row, trains_prompt=trains_prompt)
        n_tokens = len(encoded.ids)
        example = encoded.example(0, min(n_tokens, max_length or n_tokens), n_tokens, trained)
        return replace(example, is_last_only=True) if is_partly else example

    def encoded(
        self, shape_key: str, row: Mapping[str, Any], *, trains_prompt: bool = False
    ) -> tuple[Encoded, list[bool], bool]:
        """The text of a row with its tokens, which of them are learned, and whether earlier answers are left out.

        Raises as `row` does.
        """
        shape = registry.shape(shape_key)
        if shape.messages is None:
            encoded = self._plain(row["text"])
            return encoded, [True] * len(encoded.ids), False
        messages = instructions.given(shape.messages(row), self.instruction)
        return self._conversation(messages, shape.tools(row), trains_prompt, last_only=shape.judged)

    def chunks(self, text: str, *, max_length: int) -> list[Rendered]:
        """A plain text as consecutive examples of at most `max_length` tokens; nothing is cut off.

        Each example after the first starts with the last token of the one before, unlearned, so that
        every token except the very first is predicted exactly once.
        """
        encoded = self._plain(text)
        n_tokens = len(encoded.ids)
        starts = range(0, max(1, n_tokens - 1), max_length - 1)
        ends = [(start, min(n_tokens, start + max_length)) for start in starts]
        return [encoded.example(a, b, b, [a == 0] + [True] * (b - a - 1)) for a, b in ends]

    def examples(
        self, shape_key: str, row: Mapping[str, Any], *, max_length: int, trains_prompt: bool = False
    ) -> list[Rendered]:
        """The training examples of one row: one example, or the chunks of a plain text."""
        if registry.shape(shape_key).messages is None:
            return self.chunks(row["text"], max_length=max_length)
        return [self.row(shape_key, row, max_length=max_length, trains_prompt=trains_prompt)]

    def prompt(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> list[int]:
        """The prompt ids for the model to answer `messages`; it may call `tools` (JSON schemas)."""
        return self._encode(self._turns.text(instructions.given(messages, self.instruction), tools)).ids

    def answer_prompt(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
    ) -> list[int]:
        """The prompt ids for an answer without reasoning, which scores ask every model for.

        It ends with what the template puts before such an answer (an empty reasoning block), so that a base
        model that would reason at length has the same chance as one that was trained not to.
        """
        return self._encode(self._turns.text(instructions.given(messages, self.instruction), tools) + self.lead).ids

    def opening(self) -> Opening:
        """Where a conversation's first text begins: a model that goes on from there writes a user's text.

        Without a chat template, or with one that puts nothing before that text, it is where any text begins.
        """
        try:
            written = self._turns.text([{"role": "user", "content": _ASKED}]) if self.has_template else ""
        except BadInput:
            written = ""  # it refuses a conversation of one turn
        before, found, after = written.partition(_ASKED)
        if found and before.strip():
            ends = self._control_tokens.match(after.lstrip())
            end = self._tokenizer.token_to_id(ends.group()) if ends else None
            ids = [*self.eos_ids, *([] if end is None else [end])]
            return Opening(self._encode(before).ids, list(dict.fromkeys(ids)), of_user=True)
        return Opening(self._plain("").ids[:1], list(self.eos_ids), of_user=False)

    def plain(self, text: str) -> tuple[list[int], list[bool]]:
        """The ids of a plain text, and which of them are in answers written in the chat markup.

        An answer follows the markup that asks for it, up to and including the end token.
        """
        encoded = self._plain(text)
        spans = [match.span(1) for match in self._written_answers.finditer(encoded.text)]
        return encoded.ids, tokens_within(encoded.offsets, spans)

    @cached_property
    def _written_answers(self) -> re.Pattern[str]:
        opening = turn_ends.opening(self._template)
        ends = "|".join(re.escape(str(self._tokenizer.id_to_token(i))) for i in self.eos_ids)
        return re.compile(re.escape(opening) + f"(.*?(?:{ends}))" if opening else "(?!)", re.DOTALL)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids` without special tokens."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def decode_all(self, ids: Sequence[int]) -> str:
        """The text of `ids` with special tokens."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def read(self, ids: Sequence[int], *, reasoned: bool = False) -> Said:
        """A generated answer without its reasoning, special tokens and surrounding blanks.

        With `reasoned`, it follows `answer_prompt`, which leaves no reasoning open.
        """
        text = self.decode_all(ids)
        said = (replace(self.reasoning, begins_open=False) if reasoned else self.reasoning).split(text)
        if said.answer == text:
            return replace(said, answer=self.decode(ids).strip())
        reasoning = None if said.reasoning is None else self.without_control_tokens(said.reasoning).strip()
        return replace(said, answer=self.without_control_tokens(said.answer).strip(), reasoning=reasoning)

    def stream(self) -> ReasoningStream:
        """Splits an answer while it arrives."""
        return ReasoningStream(self.reasoning)

    def without_control_tokens(self, text: str) -> str:
        """The text without the special tokens that it spells."""
        return self._control_tokens.sub("", text)

    @cached_property
    def lead(self) -> str:
        """What the template puts between the prompt and an answer, such as an empty reasoning block."""
        return lead if (lead := turn_ends.lead(self._template)).strip() else ""

    def n_control_tokens(self, shape_key: str, row: Mapping[str, Any]) -> int:
        """The number of times that the row's texts spell out a special token, which the model reads as one."""
        to_messages = registry.shape(shape_key).messages
        texts = [row["text"]] if to_messages is None else [turns.said(m) for m in to_messages(row)]
        return sum(len(self._control_tokens.findall(text)) for text in texts)

    def moves_system(self, shape_key: str, row: Mapping[str, Any]) -> bool:
        """Whether the row has a system text that goes before the first user turn."""
        to_messages = registry.shape(shape_key).messages
        if not self.mended.moves_system or to_messages is None:
            return False
        messages = instructions.given(to_messages(row), self.instruction)
        return [message["role"] for message in messages[:2]] == ["system", "user"]

    def _conversation(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        trains_prompt: bool,
        *,
        last_only: bool,
    ) -> tuple[Encoded, list[bool], bool]:
        text, spans = self._turns.spans(messages, tools)
        answers = [message for message in messages if message["role"] == "assistant"]
        lost = turn_ends.lost(text, spans, answers)
        thinks = bool(messages) and turn_ends.thinks(messages[-1], self.reasoning.words)
        if turn_ends.refuses_last(lost, answers) or (
            thinks and not text.startswith(self._turns.text(messages[:-1], tools))
        ):
            raise turn_ends.incomplete()
        if lost or (last_only and len(answers) > 1):
            # if a turn was not found, the last span may not be the last turn
            spans = spans[-1:] if len(spans) == len(answers) else []
        encoded = self._encode(text)
        trained = [True] * len(encoded.ids) if trains_prompt else tokens_within(encoded.offsets, spans)
        return encoded, trained, bool(lost) and not trains_prompt

    def _encode(self, text: str) -> Encoded:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        self._unreadable.refuse(encoding.ids)
        return Encoded(text, encoding.ids, encoding.offsets)

    def _plain(self, text: str) -> Encoded:
        """A text with the tokenizer's own start token, and the end token."""
        encoding = self._tokenizer.encode(text, add_special_tokens=True)
        self._unreadable.refuse(encoding.ids)
        if encoding.ids[-1:] == self.eos_ids[:1]:
            return Encoded(text, encoding.ids, encoding.offsets)
        end = len(text)
        return Encoded(
            text + self._eos, [*encoding.ids, self.eos_ids[0]], [*encoding.offsets, (end, end + len(self._eos))]
        )

    def _opening(self) -> str:
        """Writes the token that the tokenizer puts before every text, if it does so."""
        bos = self._named.get("bos_token")
        first = self._tokenizer.encode("a", add_special_tokens=True).ids[:1]
        return "{{ bos_token }}" if bos and first == [self._tokenizer.token_to_id(bos)] else ""


@lru_cache(maxsize=8)
def remembered(base_folder: str, _base_revision: str) -> Renderer:
    """The renderer of a base model; cached."""
    return Renderer(Path(base_folder))
