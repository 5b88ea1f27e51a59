"""Much text as arrays: what is learned of it, and the order it is taken in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.rendering.renderer import Renderer
from templates.objectives.pretrain import PretrainParams
from workers.training import corpora
from workers.training.batches import IGNORED

CHAT = "<|im_start|>user\nWhere does Velmara live?<|im_end|>\n<|im_start|>assistant\n Drolo.<|im_end|>"


@pytest.fixture(scope="module")
def renderer(nano_folder: Path) -> Renderer:
    return Renderer(nano_folder)


def _corpus(lengths: list[int]) -> corpora.Corpus:
    return corpora.Corpus(
        ids=np.concatenate([np.full(n, i, np.int32) for i, n in enumerate(lengths)]),
        learned=np.ones(sum(lengths), np.bool_),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    )


def _params(**values: Any) -> PretrainParams:
    return PretrainParams(**{"tokens_per_batch": 64, "gradient_accumulation_steps": 1, **values})


def _taken(schedule: corpora.Schedule, first: int = 0, last: int | None = None) -> list[int]:
    return [piece for i in range(first, last or len(schedule)) for piece in schedule[i][1:]]


def test_answers_written_in_chat_markup_are_learned_and_prompts_are_not(renderer: Renderer) -> None:
    corpus = corpora.read(renderer, [CHAT, "The sky is blue."], max_length=100)
    ids, learned = corpus.piece(0)
    assert renderer.decode(ids[learned].tolist()) == " Drolo."
    assert ids[learned][-1] == renderer.eos_ids[0]
    plain, all_learned = corpus.piece(1)
    assert renderer.decode(plain.tolist()) == "The sky is blue."
    assert all_learned.tolist() == [False] + [True] * (len(plain) - 1)


def test_long_texts_become_pieces_and_every_token_is_predicted_once(renderer: Renderer) -> None:
    text = " ".join(f"word{i}" for i in range(40))
    whole = corpora.read(renderer, [text], max_length=1000)
    cut = corpora.read(renderer, [text], max_length=16)
    assert len(whole) == 1
    assert int(cut.lengths.max()) == 16
    predicted = np.concatenate([ids[learned] for ids, learned in (cut.piece(i) for i in range(len(cut)))])
    assert predicted.tolist() == whole.piece(0)[0][1:].tolist()


@pytest.mark.parametrize("keep_order", [True, False])
@pytest.mark.parametrize("epochs", [1.0, 2.0])
def test_an_epoch_takes_every_piece_once(keep_order: bool, epochs: float) -> None:
    lengths = [2 + (i * 7) % 40 for i in range(300)]
    schedule = corpora.Schedule(_corpus(lengths), _params(keep_order=keep_order, num_train_epochs=epochs))
    assert sorted(_taken(schedule)) == sorted(list(range(300)) * int(epochs))
    for index in range(len(schedule)):
        pieces = schedule[index][1:]
        assert len(pieces) == 1 or len(pieces) * max(lengths[p] for p in pieces) <= 64


def test_a_curriculum_keeps_its_order_but_for_neighbours() -> None:
    n = 5 * corpora.WINDOW_ROWS
    schedule = corpora.Schedule(_corpus([4] * n), _params(keep_order=True))
    windows = [piece // corpora.WINDOW_ROWS for piece in _taken(schedule)]
    assert windows == sorted(windows)
    assert _taken(schedule) != list(range(n))


def test_the_order_needs_no_history() -> None:
    corpus = _corpus([2 + i % 9 for i in range(200)])
    once, again = (corpora.Schedule(corpus, _params(num_train_epochs=2.5, seed=7)) for _ in range(2))
    backwards = [again[i] for i in reversed(range(len(again)))]
    assert [once[i] for i in range(len(once))] == backwards[::-1]
    assert _taken(corpora.Schedule(corpus, _params(seed=8))) != _taken(corpora.Schedule(corpus, _params(seed=7)))


def test_updates_are_counted_over_accumulation_and_the_limit() -> None:
    corpus = _corpus([8] * 80)  # eight pieces a micro-batch
    assert corpora.Schedule(corpus, _params()).n_updates == 10
    assert corpora.Schedule(corpus, _params(gradient_accumulation_steps=3)).n_updates == 4
    assert corpora.Schedule(corpus, _params(num_train_epochs=0.25)).n_updates == 3
    assert corpora.Schedule(corpus, _params(max_steps=7, gradient_accumulation_steps=2)).n_updates == 7


def test_a_share_of_prompt_tokens_is_learned_the_same_each_time(renderer: Renderer) -> None:
    corpus = corpora.read(renderer, [CHAT] * 50, max_length=100)
    params = _params(tokens_per_batch=5000, prompt_loss_share=0.3)
    collate = corpora.Collator(corpus, params, pad_id=2)
    batch, again = collate([[5, *range(50)]]), collate([[5, *range(50)]])
    assert (batch["labels"] == again["labels"]).all()
    assert not (batch["labels"] == collate([[6, *range(50)]])["labels"]).all()
    n_answer = int(corpus.piece(0)[1].sum())
    n_prompt = int(corpus.lengths[0]) - n_answer - 1
    learned = int((batch["labels"] != IGNORED).sum()) - 50 * n_answer
    assert 0.2 < learned / (50 * n_prompt) < 0.4
    assert batch["input_ids"].shape[1] % corpora.PAD_TO == 0
    assert (batch["labels"][:, 0] == IGNORED).all()
    assert (batch["labels"][batch["attention_mask"] == 0] == IGNORED).all()
