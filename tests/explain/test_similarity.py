"""Cosines, neighbours and analogies, on vectors made by hand."""

import pytest
import torch

from limner.errors import UsageError
from limner.explain.similarity import analogy, cosines, nearest
from limner.explain.tiles import SIZE, tiles

EAST, NORTH = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])


def test_cosines():
    first = torch.stack([2 * EAST, NORTH, -EAST])
    second = torch.stack([EAST, EAST + NORTH])
    half = 0.5**0.5
    expected = torch.tensor([[1, half], [0, half], [-1, -half]])
    torch.testing.assert_close(cosines(first, second), expected)
    torch.testing.assert_close(cosines(first.half(), second.half()), expected, atol=1e-6, rtol=0)


def test_two_spaces_have_no_cosines():
    with pytest.raises(UsageError, match="of 2 and of 3 numbers are of two spaces"):
        cosines(torch.ones(1, 2), torch.ones(1, 3))


def test_nearest_first_whatever_the_lengths():
    known = torch.stack([NORTH, 9 * (EAST + NORTH), 0.1 * EAST, -EAST])
    found = nearest(EAST, known, count=3)
    assert [row for row, _ in found] == [2, 1, 0]
    assert [cosine for _, cosine in found] == pytest.approx([1, 0.5**0.5, 0], abs=1e-6)
    assert [row for row, _ in nearest(EAST, known, without=[2, 0])] == [1, 3]
    with pytest.raises(UsageError, match="count is 0"):
        nearest(EAST, known, count=0)


def test_king_is_to_man_as_queen_to_woman():
    man, woman, royal, fruit = torch.eye(4)
    king, queen = man + royal, woman + royal
    known = torch.stack([king, queen, man, woman, fruit])
    query = analogy(king, man + 0 * royal, 5 * woman)
    torch.testing.assert_close(query, king / 2**0.5 - man + woman)
    assert nearest(query, known, without=[0, 2, 3])[0][0] == 1


def test_tiles_are_brighter_where_the_number_is_greater():
    rows = tiles(torch.tensor([[1.0, 0.2], [0.6, 1.0]]))
    assert [len(row) for row in rows] == [2, 2]
    assert {tile.size for row in rows for tile in row} == {SIZE}
    light = {place: sum(rows[place[0]][place[1]].getpixel((0, 0))) for place in
             ((0, 0), (0, 1), (1, 0), (1, 1))}  # fmt: skip
    assert light[0, 1] < light[1, 0] < light[0, 0] == light[1, 1]
    assert tiles(torch.ones(1, 1))[0][0].size == SIZE  # one value is all the values
