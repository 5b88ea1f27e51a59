"""Labels as tokens and as a tree."""

from __future__ import annotations

import pytest

from storage.rendering.renderer import Renderer
from templates.errors import BadInput
from workers.classification import label_tokens
from workers.classification.label_tokens import LabelEndings, LabelTree


def test_a_label_is_learned_as_it_is_scored(renderer: Renderer, labels: LabelEndings) -> None:
    for label, ending in zip(labels.labels, labels.endings, strict=True):
        row = renderer.row("classification", {"text": "anything", "label": label})
        learned = [token for token, is_learned in zip(row.ids, row.trained, strict=True) if is_learned]
        assert tuple(learned) == ending
        assert ending[-1] in renderer.eos_ids, "the token that ends the answer tells “card” from “card lost”"


def test_labels_that_begin_alike_share_nodes() -> None:
    tree = LabelTree.of([(1, 9), (1, 2, 9), (1, 2, 3, 9), (4, 9)])
    assert tree.tokens == (1, 2, 3, 4)
    assert tree.parents == (-1, 0, 1, -1)
    assert tree.depths == [0, 1, 2, 0]
    assert tree.paths == ((-1, 0), (-1, 0, 1), (-1, 0, 1, 2), (-1, 3))
    assert tree.sees.int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]]


def test_many_labels_make_several_trees() -> None:
    endings = [(place, place + 1, 9) for place in range(0, 40, 2)]
    made = list(label_tokens.trees(endings, most_nodes=12))
    assert len(made) > 1
    assert sorted(place for places, _ in made for place in places) == list(range(20))
    assert all(tree.endings == [endings[place] for place in places] for places, tree in made)


class _Joins(Renderer):
    """A renderer whose labels depend on the text before them."""

    def answer_prompt(self, messages: object, tools: object = ()) -> list[int]:  # type: ignore[override]
        return [*super().answer_prompt(messages), 7]  # type: ignore[arg-type]


def test_labels_that_are_not_separate_are_refused(renderer: Renderer) -> None:
    with pytest.raises(BadInput, match="joins a label with the text before it"):
        label_tokens.endings(_Joins(renderer.folder), ["card"])
