"""Keys and values that grow in place are those that transformers' own cache holds."""

from __future__ import annotations

import torch
from transformers import DynamicCache

from workers.serving import row_caches


def filled(rows: int, time: int, seed: int) -> DynamicCache:
    torch.manual_seed(seed)
    cache = DynamicCache()
    for layer in range(2):
        cache.update(torch.randn(rows, 2, time, 4), torch.randn(rows, 2, time, 4), layer)
    return cache


def test_steps_are_written_in_place_until_the_room_is_used_up() -> None:
    ours, theirs = filled(3, 5, 1), filled(3, 5, 1)
    row_caches.make_room(ours)
    assert row_caches.joinable(ours)
    places = set()
    for _ in range(row_caches.ROOM + 3):
        states = torch.randn(2, 3, 2, 1, 4)
        for layer in range(2):
            found = ours.update(states[0], states[1], layer)
            torch.testing.assert_close(found, theirs.update(states[0], states[1], layer), rtol=0, atol=0)
        places.add(ours.layers[0].keys.data_ptr())
        assert ours.get_seq_length() == theirs.get_seq_length()
    assert len(places) == 2, "copied once in that many steps"


def test_rows_join_and_leave() -> None:
    ours, other = filled(2, 7, 1), filled(1, 4, 2)
    first, second = ours.layers[1].keys.clone(), other.layers[1].keys.clone()
    for cache in (ours, other):
        row_caches.make_room(cache)
    row_caches.join(ours, other, 7)
    keys = ours.layers[1].keys
    assert torch.equal(keys[:2], first)
    assert torch.equal(keys[2:, :, 3:], second)
    assert not keys[2:, :, :3].any()
    row_caches.keep(ours, torch.tensor([2]), 3)
    assert torch.equal(ours.layers[1].keys, second)
    ours.update(torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4), 1)
    assert torch.equal(ours.layers[1].keys[:, :, :4], second)
    assert ours.layers[1].keys[:, :, 4:].eq(1).all()
