from __future__ import annotations

import math

import pytest
import torch
from diffusers.models.embeddings import TimestepEmbedding, Timesteps

from limner.nn.embeddings import TimeEmbedding, sinusoidal, sinusoidal_grid

TIMES = torch.tensor([0.0, 1.0, 12.5, 500.0, 999.0])


@pytest.mark.parametrize("width", [32, 320])
def test_sinusoids_equal_diffusers(width: int) -> None:
    theirs = Timesteps(width, flip_sin_to_cos=True, downscale_freq_shift=0)(TIMES)
    assert torch.allclose(sinusoidal(TIMES, width), theirs, atol=1e-6)


def test_sinusoids_equal_their_formula() -> None:
    ours = sinusoidal(TIMES, 8, max_period=100.0)
    for row, t in zip(ours.tolist(), TIMES.tolist(), strict=True):
        angles = [t * 100.0 ** (-i / 4) for i in range(4)]
        expected = [math.cos(a) for a in angles] + [math.sin(a) for a in angles]
        assert row == pytest.approx(expected, abs=1e-4)


def test_sinusoids_are_fp32_whatever_the_input() -> None:
    assert sinusoidal(TIMES.half(), 8).dtype == torch.float32


def test_grid_is_row_major_and_rows_come_first() -> None:
    grid = sinusoidal_grid(3, 5, 16)
    assert grid.shape == (15, 16)
    places = torch.arange(5.0)
    assert torch.equal(grid[2 * 5 + 4, :8], sinusoidal(places, 8)[2])
    assert torch.equal(grid[2 * 5 + 4, 8:], sinusoidal(places, 8)[4])


def test_grid_does_not_depend_on_its_extent() -> None:
    small, large = sinusoidal_grid(3, 4, 16), sinusoidal_grid(6, 9, 16).reshape(6, 9, 16)
    assert torch.equal(small, large[:3, :4].reshape(12, 16))


def test_grid_is_computed_where_it_is_needed() -> None:
    assert sinusoidal_grid(3, 5, 16, torch.device("meta")).device.type == "meta"


@torch.no_grad()
def test_time_embedding_equals_diffusers() -> None:
    torch.manual_seed(0)
    theirs = TimestepEmbedding(32, 64)
    ours = TimeEmbedding(32, 64)
    ours.load_state_dict(theirs.state_dict())
    sinusoids = sinusoidal(TIMES, 32)
    assert torch.allclose(ours(sinusoids), theirs(sinusoids), atol=1e-6)
