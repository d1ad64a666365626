from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.text.masks import PadMask, pad_mask

START, END = 8, 9


def _mask(row: list[int], policy: PadMask, pad: int) -> list[bool]:
    mask = pad_mask(torch.tensor([row]), policy, end=END, pad=pad)
    assert mask is not None
    return mask[0].tolist()


def test_pad_is_end():
    ids = [START, 1, 2, END, END, END]
    assert pad_mask(torch.tensor([ids]), PadMask.NONE, end=END, pad=END) is None
    assert _mask(ids, PadMask.PAD, END) == [True, True, True, True, False, False]
    assert _mask(ids, PadMask.STRICT, END) == [True, True, True, False, False, False]


def test_pad_is_another_token():
    ids = [START, 1, 2, END, 0, 0]
    for policy in (PadMask.PAD, PadMask.STRICT):
        assert _mask(ids, policy, 0) == [True, True, True, True, False, False]


def test_full_row():
    ids = [START, 1, 2, 3, END]
    assert _mask(ids, PadMask.PAD, END) == [True] * 5
    assert _mask(ids, PadMask.STRICT, END) == [True] * 4 + [False]


@settings(deadline=None)
@given(
    contents=st.lists(st.lists(st.integers(1, 7), max_size=5), min_size=1, max_size=4),
    pad=st.sampled_from([0, END]),
)
def test_each_row_by_its_definition(contents, pad):
    rows = [[START, *c, END] + [pad] * (5 - len(c)) for c in contents]
    ids = torch.tensor(rows)
    strict = pad_mask(ids, PadMask.STRICT, end=END, pad=pad)
    kept = pad_mask(ids, PadMask.PAD, end=END, pad=pad)
    assert strict.tolist() == [[t != pad for t in row] for row in rows]  # lecture eq. 10
    assert kept.tolist() == [[i < len(c) + 2 for i in range(7)] for c in contents]
