"""Noise: one generator a picture."""

from __future__ import annotations

import pytest
import torch

from limner.diffusion.noise import Noise, seeds_from
from limner.errors import RequestError

SHAPE = (4, 8, 8)


def test_a_picture_does_not_depend_on_its_batch() -> None:
    batch, alone = Noise(seeds_from(7, 3), SHAPE), Noise([9], SHAPE)
    assert torch.equal(batch.start()[2:], alone.start())
    for _ in range(3):
        assert torch.equal(batch(batch.start())[2:], alone(alone.start()))


def test_a_picture_does_not_depend_on_its_dtype() -> None:
    full, half = Noise([3], SHAPE), Noise([3], SHAPE)
    drawn = half(half.start().to(torch.bfloat16))
    assert drawn.dtype == torch.bfloat16
    assert torch.equal(full(full.start()).to(torch.bfloat16), drawn)


def test_the_start_is_what_torch_draws_from_the_seed() -> None:
    expected = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Noise([0], SHAPE).start()[0], expected)


def test_steps_never_repeat_the_start() -> None:
    """Also where the start came from elsewhere and `start` was not asked for."""
    asked, unasked = Noise([5], SHAPE), Noise([5], SHAPE)
    start = asked.start()
    first = unasked(start)
    assert not torch.equal(first, start)
    assert torch.equal(first, asked(start))
    assert torch.equal(start, asked.start())


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seeds_out_of_range_are_refused(seed: int) -> None:
    with pytest.raises(RequestError, match="between 0 and"):
        Noise([seed], SHAPE)
