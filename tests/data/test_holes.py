"""Random masks: what they cover, and that they are a function of their numbers."""

import pytest
import torch

from limner.data.holes import NUMBERS, SHARES, holes


def drawn(count, seed=0):
    return torch.rand(count, NUMBERS, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [16, 64])
def test_every_mask_repaints_something_and_only_the_whole_ones_leave_nothing(size):
    numbers = drawn(2000)
    masks = holes(numbers, size)
    assert masks.shape == (2000, 1, size, size)
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    covered = masks.flatten(1).mean(1)
    assert covered.min() > 0
    whole = numbers[:, 0] >= sum(SHARES[:-1])
    assert torch.equal(covered == 1, whole)
    assert 0.35 < covered.mean() < 0.6


def test_a_mask_depends_on_its_own_numbers_alone():
    numbers = drawn(50)
    assert torch.equal(holes(numbers, 32)[10:20], holes(numbers[10:20], 32))


def of_kind(kind, **numbers):
    row = torch.full((1, NUMBERS), 0.5)
    row[0, 0] = kind
    for place, value in numbers.items():
        row[0, 1 + int(place[1:])] = value
    return holes(row, 40)[0, 0]


def test_a_box_lies_where_its_numbers_say():
    mask = of_kind(0.0, n0=0.0, n1=0.5, n2=0.0, n3=1.0)  # a fifth wide, half high, bottom left
    assert mask.sum() == 8 * 20
    assert mask[20:, :8].all()


def test_a_side_is_level_or_upright():
    right = of_kind(0.4, n0=0.1, n1=0.0, n2=1.0)  # all beyond a quarter of the way
    assert right[:, 10:].all()
    assert not right[:, :10].any()
    below = of_kind(0.4, n0=0.3, n1=0.0, n2=0.0)
    assert below[32:].all()
    assert not below[:32].any()


def test_a_stroke_is_as_thick_as_its_pen():
    points = {f"n{i}": 0.5 for i in range(10)} | {"n0": 0.1, "n2": 0.9}  # level, from 0.1 to 0.9
    mask = of_kind(0.7, **points, n10=0.0)
    upright = mask[:, 20].sum() / 40
    assert 0.1 <= upright <= 0.15
    assert mask[20, 4:36].all()
    assert not mask[:, 0].any()
