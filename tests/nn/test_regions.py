"""Which tokens a place of the picture may look at, and that attention keeps to it."""

import pytest
import torch

from limner.errors import UsageError
from limner.nn.attention import Attention
from limner.nn.prepared import Beside, told_of
from limner.nn.regions import grid_of, visible_of


@pytest.mark.parametrize(
    ("places", "size", "grid"),
    [
        (256, (16, 16), (16, 16)),
        (16, (16, 16), (4, 4)),
        (32, (16, 32), (4, 8)),
        (6, (5, 9), (2, 3)),
    ],
)
def test_grids(places, size, grid):
    assert grid_of(places, size) == grid
    with pytest.raises(UsageError, match="7 places"):
        grid_of(7, size)


def test_the_left_half_sees_the_first_text():
    seen = visible_of(6, 2, upright=False, size=(2, 4))
    left, right = [True] * 3 + [False] * 3, [False] * 3 + [True] * 3
    assert seen.shape == (1, 6, 2, 4)
    for row in range(2):
        assert seen[0, :, row].T.tolist() == [left, left, right, right]


def test_the_upper_part_sees_the_first_text():
    seen = visible_of(6, 3, upright=True, size=(6, 3))
    parts = [seen[0, :, row, 2].nonzero().flatten().tolist() for row in range(6)]
    assert parts == [[0, 1], [0, 1], [2, 3], [2, 3], [4, 5], [4, 5]]


def test_texts_of_different_lengths_have_no_parts():
    with pytest.raises(UsageError, match="7 tokens do not divide into 2 texts"):
        visible_of(7, 2, upright=False, size=(4, 8))


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize(("parts", "size"), [(2, (8, 24)), (3, (16, 8)), (5, (8, 8))])
def test_a_coarser_map_is_cut_as_the_latent_is(parts, size, upright):
    """Every place of it sees what it saw where the coarse map itself was cut into parts."""
    tokens, (height, width) = 6 * parts, size
    told = told_of(
        None, None, Beside(visible=visible_of(tokens, parts, upright=upright, size=size))
    )
    for step in (1, 2, 4, 8):
        rows, columns = height // step, width // step
        place = torch.arange(rows * columns)
        along, length = (place // columns, rows) if upright else (place % columns, columns)
        own = (along * parts // length)[:, None] == (torch.arange(tokens) * parts // tokens)[None]
        assert torch.equal(told.at(step).mask, own[None, None])


def test_a_half_is_what_its_own_text_makes_of_it():
    attention, x = Attention(8, heads=2, context_width=6), torch.randn(2, 8, 8)
    first, second = torch.randn(2, 3, 6), torch.randn(2, 3, 6)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    both, masks = torch.cat([first, second], dim=1), torch.cat([mask, mask], dim=1)
    beside = Beside(visible=visible_of(6, 2, upright=True, size=(4, 2)))
    told = told_of(both, masks, beside).at(1)
    with torch.no_grad():
        cross = attention(x, both, told.mask)
        torch.testing.assert_close(cross[:, :4], attention(x, first, mask)[:, :4])
        torch.testing.assert_close(cross[:, 4:], attention(x, second, mask)[:, 4:])
