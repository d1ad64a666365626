"""Which tokens a place of the picture may look at, and that attention keeps to it."""

import pytest
import torch

from limner.errors import UsageError
from limner.nn.attention import Attention, multi_head_attention
from limner.nn.regions import grid_of, parted, visible


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
    seen = visible(8, 6, 2, upright=False, size=(4, 8))  # two rows of four places
    left, right = [True] * 3 + [False] * 3, [False] * 3 + [True] * 3
    assert seen.tolist() == [left, left, right, right] * 2


def test_the_upper_part_sees_the_first_text():
    seen = visible(18, 6, 3, upright=True, size=(6, 3))  # six rows of three places
    parts = [seen[row * 3].nonzero().flatten().tolist() for row in range(6)]
    assert parts == [[0, 1], [0, 1], [2, 3], [2, 3], [4, 5], [4, 5]]


def test_texts_of_different_lengths_have_no_parts():
    with pytest.raises(UsageError, match="7 tokens do not divide into 2 texts"):
        visible(8, 7, 2, upright=False, size=(4, 8))


class TwoKinds(torch.nn.Module):
    """Self-attention and cross-attention."""

    def __init__(self):
        super().__init__()
        self.own = Attention(8, heads=2)
        self.cross = Attention(8, heads=2, context_width=6)

    def forward(self, x, context, mask=None):
        return self.cross(x, context, mask), self.own(x)


def test_a_half_is_what_its_own_text_makes_of_it_and_afterwards_all_is_as_before():
    torch.manual_seed(0)
    model, x = TwoKinds(), torch.randn(2, 8, 8)
    first, second = torch.randn(2, 3, 6), torch.randn(2, 3, 6)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    both, masks = torch.cat([first, second], dim=1), torch.cat([mask, mask], dim=1)
    before = model(x, both)
    with torch.no_grad():
        with parted(model, 2, upright=True, size=(4, 2)):
            cross, own = model(x, both, masks)
        torch.testing.assert_close(cross[:, :4], model(x, first, mask)[0][:, :4])
        torch.testing.assert_close(cross[:, 4:], model(x, second, mask)[0][:, 4:])
        assert torch.equal(own, before[1])
    assert torch.equal(model(x, both)[0], before[0])
    assert model.cross.attend is multi_head_attention
