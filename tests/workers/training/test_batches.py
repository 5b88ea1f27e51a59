"""The order of rows and the tensors made of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from storage.rendering.renderer import Renderer
from templates.spec import TrainingParams
from workers.training import batches
from workers.training.batches import Deck, Example, Schedule


def _examples(lengths: list[int]) -> list[Example]:
    return [Example([index] * length, [False] * (length - 1) + [True]) for index, length in enumerate(lengths)]


def _params(**values: Any) -> TrainingParams:
    return TrainingParams(**{"per_device_train_batch_size": 4, "num_train_epochs": 1.0, **values})


def _rows(schedule: Schedule, first: int = 0, last: int | None = None) -> list[int]:
    return [example.ids[0] for index in range(first, last or len(schedule)) for example in schedule[index]]


@pytest.mark.parametrize("n_rows", [1, 3, 4, 5, 63, 64, 65, 200])
def test_an_epoch_holds_every_row_once(n_rows: int) -> None:
    schedule = Schedule(_examples([3 + i % 17 for i in range(n_rows)]), _params(num_train_epochs=2.0))
    first, second = _rows(schedule, 0, schedule.per_epoch), _rows(schedule, schedule.per_epoch)
    assert sorted(first) == sorted(second) == list(range(n_rows))
    if n_rows > 8:
        assert first != second


def test_the_order_follows_from_the_seed_and_needs_no_history() -> None:
    examples = _examples([2 + i % 9 for i in range(50)])
    once, again = (Schedule(examples, _params(num_train_epochs=3.0, seed=7)) for _ in range(2))
    backwards = [_rows(again, i, i + 1) for i in reversed(range(len(again)))]
    assert [_rows(once, i, i + 1) for i in range(len(once))] == backwards[::-1]
    assert _rows(Schedule(examples, _params(seed=8))) != _rows(Schedule(examples, _params(seed=7)))


def test_updates_are_counted_over_epochs_accumulation_and_the_limit() -> None:
    examples = _examples([5] * 30)  # 8 micro-batches an epoch
    assert Schedule(examples, _params(num_train_epochs=0.5)).n_updates == 4
    assert Schedule(examples, _params(num_train_epochs=2.0, gradient_accumulation_steps=3)).n_updates == 6
    assert Schedule(examples, _params(num_train_epochs=0.001)).n_updates == 1
    assert Schedule(examples, _params(max_steps=5, gradient_accumulation_steps=3)).n_updates == 5
    assert len(Schedule(examples, _params(max_steps=5, gradient_accumulation_steps=3))) == 15


def test_rows_of_a_batch_are_about_equally_long_and_the_largest_batch_comes_first() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(4, 200, (400,), generator=generator).tolist()
    schedule = Schedule(_examples(lengths), _params(per_device_train_batch_size=8))
    work = [len(batch) * max(len(e.ids) for e in batch) for batch in (schedule[i] for i in range(len(schedule)))]
    assert work[0] == max(work)
    assert sum(lengths) / sum(work) > 0.9


def test_padding_is_masked_and_only_learned_tokens_are_labels() -> None:
    batch = batches.padded([Example([5, 6, 7], [False, False, True]), Example([8, 9], [True, True])], pad_id=3)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [3, 8, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 1, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 2], [0, 0, 1]]
    assert batch["labels"].tolist() == [[-100, -100, 7], [-100, -100, 9]]


def test_leaving_out_prompt_logits_changes_neither_loss_nor_gradient(tiny_model_folder: Any) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype=torch.float32)
    rows = [
        Example([5, 6, 7, 8, 9, 10], [False, False, False, True, True, False]),
        Example([11, 12, 13], [False, True, True]),
        Example([14, 15, 16, 17], [True, True, True, True]),
    ]
    losses, gradients = [], []
    for some in (rows, rows[:2]):
        for answers_only in (False, True):
            model.zero_grad()
            batch = batches.padded(some, 3, answers_only=answers_only)
            loss = model(**batch, num_items_in_batch=torch.tensor(4)).loss
            loss.backward()
            losses.append(float(loss))
            gradients.append(model.model.embed_tokens.weight.grad.clone())
        assert losses[-1] == pytest.approx(losses[-2], abs=1e-6)
        torch.testing.assert_close(gradients[-1], gradients[-2], atol=1e-6, rtol=1e-5)
    alone = [float(model(**batches.padded([row])).loss) * row.n_trained for row in rows[:2]]
    assert losses[-1] * 4 == pytest.approx(sum(alone), abs=1e-5)


def test_rendering_cuts_refuses_and_names(nano_folder: Any) -> None:
    rows = [
        {"prompt": "hello", "completion": "you", "source_row": 2},
        {"prompt": "hello " * 50, "completion": "you", "source_row": 3},
        {"prompt": "hello", "completion": "you " * 50, "source_row": 4},
    ]
    made = batches.render(Renderer(nano_folder), "prompt_completion", rows, max_length=32, trains_prompt=False)
    assert (made.refused, made.cut) == ([3], [3, 4])
    assert [len(example.ids) <= 32 for example in made.kept] == [True, True]
    whole = batches.render(Renderer(nano_folder), "text", [{"text": "hello " * 50}], max_length=16, trains_prompt=True)
    assert len(whole.kept) > 2
    assert whole.cut == []
    assert Counter(len(example.ids) <= 16 for example in whole.kept) == {True: len(whole.kept)}


def test_decks_deal_every_example_before_any_comes_again() -> None:
    examples = _examples([4] * 10 + [4] * 6)
    decks = [Deck(10, 4), Deck(6, 8)]
    schedule = Schedule(examples, _params(num_train_epochs=5.0), decks)
    assert schedule.per_epoch == 3
    epochs = [_rows(schedule, 3 * e, 3 * (e + 1)) for e in range(5)]
    assert [len([row for row in epoch if row < 10]) for epoch in epochs] == [4] * 5
    small, large = (
        Counter(r for epoch in epochs for r in epoch if low <= r < low + n) for low, n in ((0, 10), (10, 6))
    )
    assert set(small.values()) == {2}, "20 cards of a deck of 10"
    assert set(large.values()) == {6, 7}, "40 cards of a deck of 6"
    assert len({*epochs[0], *epochs[1], *epochs[2]} & set(range(10))) == 10, "all ten have come in the first twelve"


def test_what_decks_deal_follows_from_the_seed_and_needs_no_history() -> None:
    examples, decks = _examples([2 + i % 9 for i in range(50)]), [Deck(30, 12), Deck(20, 45)]
    once, again = (Schedule(examples, _params(num_train_epochs=3.0, seed=7), decks) for _ in range(2))
    backwards = [_rows(again, i, i + 1) for i in reversed(range(len(again)))]
    assert [_rows(once, i, i + 1) for i in range(len(once))] == backwards[::-1]
    other = Schedule(examples, _params(num_train_epochs=3.0, seed=8), decks)
    assert _rows(other) != _rows(once)


def test_a_deck_may_deal_nothing() -> None:
    assert Deck(size=5, per_epoch=0).dealt(3, [1]) == []
