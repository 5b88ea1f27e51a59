"""Judged answers as the trainers read them: TRL's own padding, and prompts with answers to other prompts."""

from __future__ import annotations

import torch
from trl.trainer.dpo_trainer import DataCollatorForPreference
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

from workers.preferences.token_rows import Judged, padded_judged, padded_pairs
from workers.training.batches import Example, Pair


def example(prompt: list[int], answer: list[int]) -> Example:
    return Example([*prompt, *answer], [False] * len(prompt) + [True] * len(answer))


def test_pairs_are_padded_as_trl_pads_them() -> None:
    one = Pair(0, example([1, 2], [3, 4]), example([1, 2], [5]))
    two = Pair(1, example([7], [9]), example([7], [8, 6]))
    theirs = DataCollatorForPreference(pad_token_id=3)(
        [
            {"prompt_ids": [1, 2], "chosen_ids": [3, 4], "rejected_ids": [5]},
            {"prompt_ids": [7], "chosen_ids": [9], "rejected_ids": [8, 6]},
        ]
    )
    ours = padded_pairs([one, two], 3)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name


def test_answers_to_different_prompts_are_moved_on_by_one_as_in_trl() -> None:
    answers = [Judged(n, example([n, n + 1], [10 + n] * (n + 1)), n % 2 == 0) for n in range(3)]
    theirs = DataCollatorForUnpairedPreference(pad_token_id=3)(
        [
            {
                "prompt_ids": [n, n + 1],
                "completion_ids": [10 + n] * (n + 1),
                "KL_completion_ids": [10 + (n - 1) % 3] * ((n - 1) % 3 + 1),
                "label": n % 2 == 0,
            }
            for n in range(3)
        ]
    )
    ours = padded_judged(answers, answers, 3, 64)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name


def test_no_prompt_gets_an_answer_of_its_own() -> None:
    """The two answers of a pair stand side by side here, so moving on by one would mix up the pair."""
    answers = [Judged(row, example([row], [10 * (row + 1) + side]), not side) for row in range(2) for side in range(2)]
    mixed = padded_judged(answers, answers, 3, 64)["KL_input_ids"].tolist()
    assert all(answer // 10 - 1 != prompt for prompt, answer in mixed)
    alone = padded_judged(answers[:1], answers, 3, 64)["KL_input_ids"].tolist()
    assert alone == [[0, 20]], "another row lends its answer to a step of one"


def test_a_borrowed_answer_is_cut_where_rows_are() -> None:
    answers = [Judged(0, example([1, 1, 1], [5]), True), Judged(1, example([2], [6, 7, 8, 9]), False)]
    mixed = padded_judged(answers, answers, 0, 5)
    assert mixed["KL_input_ids"].tolist() == [[1, 1, 1, 6, 7], [2, 5, 0, 0, 0]]
    assert mixed["KL_completion_mask"].tolist() == [[0, 0, 0, 1, 1], [0, 1, 0, 0, 0]]
