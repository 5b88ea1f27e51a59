"""The tokens of each label as an answer, and the tree that they form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from storage.rendering.renderer import Renderer
from templates.errors import BadInput

Endings = Sequence[tuple[int, ...]]
"""The tokens of each label with the one that ends the answer."""
TEXTS = ("Which label does this text have?", "7")
"""Texts that a label's tokens are tried behind."""
SHAPE = "classification"
MOST_NODES = 512
"""Tokens of one tree; more labels make several."""


@dataclass(frozen=True)
class LabelEndings:
    """The labels to choose from, without surrounding blanks, and their tokens."""

    labels: tuple[str, ...]
    endings: Endings

    @classmethod
    def of(cls, renderer: Renderer, rows: Iterable[Mapping[str, Any]]) -> LabelEndings:
        """Every label of these rows, in the tokens of its most frequent spelling. Raises as `endings` does."""
        counted = Counter(str(row["label"]) for row in rows)
        spelt = {text.strip(): text for text, _ in reversed(counted.most_common())}
        labels = tuple(sorted(spelt))
        return cls(labels, endings(renderer, [spelt[label] for label in labels]))

    @property
    def longest(self) -> int:
        """Tokens of the longest label."""
        return max(map(len, self.endings))


def endings(renderer: Renderer, labels: Sequence[str]) -> list[tuple[int, ...]]:
    """The learned tokens of each label behind a prompt.

    Raises `BadInput` if the chat template or the tokenizer makes them depend on the text.
    """
    found = [[_ending(renderer, text, label) for label in labels] for text in TEXTS]
    if found[0] != found[1] or None in found[0]:
        raise BadInput(
            "This base model's chat template or tokenizer joins a label with the text before it, so labels can't be "
            "scored by themselves.",
            code="labels_not_separate",
            remedy="Choose the objective sft, or another base model.",
        )
    return [ending for ending in found[0] if ending is not None]


def _ending(renderer: Renderer, text: str, label: str) -> tuple[int, ...] | None:
    prompt = renderer.answer_prompt([{"role": "user", "content": text}])
    made = renderer.row(SHAPE, {"text": text, "label": label})
    learned = [place for place, is_learned in enumerate(made.trained) if is_learned]
    if made.ids[: len(prompt)] != prompt or not learned or learned[-1] < len(prompt):
        return None
    return tuple(made.ids[len(prompt) : learned[-1] + 1])


@dataclass(frozen=True)
class LabelTree:
    """Labels as a tree of tokens behind a prompt; labels that begin alike share nodes. Last tokens are no nodes."""

    endings: Endings
    tokens: tuple[int, ...]
    """The token of each node."""
    parents: tuple[int, ...]
    """The node before each node; -1: the prompt."""
    paths: tuple[tuple[int, ...], ...]
    """For each label the nodes that its tokens are predicted from; -1: the prompt."""

    @classmethod
    def of(cls, endings: Endings) -> LabelTree:
        """The tree of these labels."""
        nodes: dict[tuple[int, ...], int] = {}
        tokens, parents, paths = list[int](), list[int](), list[tuple[int, ...]]()
        for ending in endings:
            path = [-1]
            for end in range(1, len(ending)):
                if ending[:end] not in nodes:
                    nodes[ending[:end]] = len(tokens)
                    tokens.append(ending[end - 1])
                    parents.append(path[-1])
                path.append(nodes[ending[:end]])
            paths.append(tuple(path))
        return cls(endings, tuple(tokens), tuple(parents), tuple(paths))

    @cached_property
    def depths(self) -> list[int]:
        """How far each node is behind the prompt, from 0."""
        found: list[int] = []
        for parent in self.parents:
            found.append(0 if parent < 0 else found[parent] + 1)
        return found

    @cached_property
    def sees(self) -> torch.Tensor:
        """Whether a node sees another, `(nodes, nodes)`: itself and those before it on its way."""
        found = torch.eye(len(self.tokens), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                found[node] |= found[parent]
        return found

    @cached_property
    def predicted(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """For each label where its tokens are predicted (0: after the prompt), which they are, and which count."""
        longest = max(map(len, self.endings))
        places, tokens = (torch.zeros(len(self.endings), longest, dtype=torch.long) for _ in range(2))
        counts = torch.zeros(len(self.endings), longest, dtype=torch.bool)
        for label, (ending, path) in enumerate(zip(self.endings, self.paths, strict=True)):
            n = len(ending)
            places[label, :n] = torch.tensor(path) + 1
            tokens[label, :n] = torch.tensor(ending)
            counts[label, :n] = True
        return places, tokens, counts


def trees(endings: Endings, most_nodes: int = MOST_NODES) -> Iterator[tuple[list[int], LabelTree]]:
    """The labels as trees of about `most_nodes` nodes at most, each with the places of its labels."""
    part, n_nodes = list[int](), 0
    for place in sorted(range(len(endings)), key=lambda at: endings[at]):  # those that begin alike stay together
        if part and n_nodes + len(endings[place]) > most_nodes:
            yield part, LabelTree.of([endings[at] for at in part])
            part, n_nodes = [], 0
        part.append(place)
        n_nodes += len(endings[place]) - 1
    yield part, LabelTree.of([endings[at] for at in part])
