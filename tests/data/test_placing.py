"""Where things go, before there are pictures of them."""

from __future__ import annotations

import random

import pytest
import torch

from limner.data.placing import (
    Extent,
    Spot,
    extent_of,
    floor_of,
    lies_behind,
    place_alone,
    place_apart,
    place_pair,
)
from limner.language.scene import Relation, Size

WHOLE = Extent()
NARROW = Extent(left=0.3, top=0.2, right=0.7, bottom=0.9)
PAIRS = [r for r in Relation if r not in (Relation.IN, Relation.WITH)]


def within(spot: Spot) -> bool:
    ends = (spot.left, spot.top, spot.left + spot.side, spot.top + spot.side)
    return all(-1e-9 <= end <= 1 + 1e-9 for end in ends)


@pytest.mark.parametrize("relation", PAIRS)
@pytest.mark.parametrize("sizes", [(Size.PLAIN, Size.PLAIN), (Size.BIG, Size.SMALL)])
def test_pairs_are_within_the_canvas(relation, sizes):
    chance = random.Random(0)
    for _ in range(200):
        for extents in ((WHOLE, NARROW), (NARROW, WHOLE)):
            assert all(map(within, place_pair(relation, sizes, extents, chance)))


def test_left_and_above_never_touch():
    chance = random.Random(0)
    for _ in range(500):
        sizes = (chance.choice(list(Size)), Size.SMALL)
        one, two = place_pair(Relation.LEFT, sizes, (WHOLE, WHOLE), chance)
        assert one.left + one.side <= two.left + 1e-9
        one, two = place_pair(Relation.BELOW, sizes, (WHOLE, WHOLE), chance)
        assert two.top + two.side <= one.top + 1e-9


def test_what_is_on_something_stands_on_what_is_visible_of_it():
    chance = random.Random(0)
    for _ in range(200):
        upper, lower = place_pair(Relation.ON, (Size.PLAIN, Size.BIG), (NARROW, NARROW), chance)
        foot = upper.top + upper.side * NARROW.bottom
        surface = lower.top + lower.side * NARROW.top
        assert surface - 1e-9 <= foot <= surface + 0.07


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("floor", [None, 0.6])
def test_several_are_apart_and_within(count, floor):
    chance = random.Random(0)
    for _ in range(200):
        spots = place_apart(count, chance, floor)
        assert len(spots) == count
        assert all(map(within, spots))
        boxes = [spot.pixels(128) for spot in spots]
        for index, one in enumerate(boxes):
            for two in boxes[:index]:
                apart_across = one[2] <= two[0] or two[2] <= one[0]
                assert apart_across or one[3] <= two[1] or two[3] <= one[1]


def test_thing_alone_stands_on_the_floor():
    chance = random.Random(0)
    for size in Size:
        for _ in range(100):
            spot = place_alone(size, chance, 0.7)
            assert within(spot)
            assert spot.top + spot.side >= min(0.7, 1.0) - 1e-9


def test_floor_moves_all_alike_and_none_out():
    spots = [Spot(left=0.1, top=0.0, side=0.3), Spot(left=0.5, top=0.1, side=0.3)]
    moved = floor_of(spots, 0.6)
    assert [round(m.top - s.top, 6) for m, s in zip(moved, spots, strict=True)] == [0.22, 0.22]
    assert floor_of(spots, None) == spots
    assert floor_of(spots, 0.2) == spots


def test_covering_follows_the_relation():
    assert lies_behind(Relation.BEHIND)
    assert lies_behind(Relation.UNDER)
    assert not lies_behind(Relation.IN_FRONT)


def test_extent_is_what_is_visible():
    picture = torch.zeros(4, 8, 8, dtype=torch.uint8)
    assert extent_of(picture) == Extent()
    picture[3, 2:6, 1:3] = 255
    assert extent_of(picture) == Extent(left=0.125, top=0.25, right=0.375, bottom=0.75)
