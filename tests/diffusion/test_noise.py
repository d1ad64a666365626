"""Noise: its modes, the variations of a start, and that no picture depends on its batch."""

from __future__ import annotations

import pytest
import torch
from diffusers.utils.torch_utils import randn_tensor

from limner.diffusion.noise import Noise, Variation, seeds_from, slerp
from limner.diffusion.philox import Philox
from limner.errors import RequestError

SHAPE = (4, 8, 8)


@pytest.mark.parametrize("mode", ["cpu", "nv"])
def test_a_picture_does_not_depend_on_its_batch(mode: str) -> None:
    batch, alone = Noise(seeds_from(7, 3), SHAPE, mode=mode), Noise([9], SHAPE, mode=mode)
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


def test_nv_draws_what_cuda_draws_for_the_start_and_the_steps() -> None:
    noise, stream = Noise([0], SHAPE, mode="nv"), Philox(0)
    for drawn in (noise.start(), noise(noise.start()), noise(noise.start())):
        assert torch.equal(drawn[0], stream.randn(SHAPE))


def test_batch_is_what_diffusers_draws_with_one_generator() -> None:
    noise, generator = Noise([3, 4], SHAPE, mode="batch"), torch.Generator().manual_seed(3)
    for drawn in (noise.start(), noise(noise.start())):
        assert torch.equal(drawn, randn_tensor((2, *SHAPE), generator=generator))


def test_an_unknown_mode_says_which_there_are() -> None:
    with pytest.raises(RequestError, match="noise 'gpu' is unknown: one of cpu, nv, batch"):
        Noise([0], SHAPE, mode="gpu")


def test_steps_never_repeat_the_start() -> None:
    """Also where the start came from elsewhere and `start` was not asked for."""
    asked, unasked = Noise([5], SHAPE), Noise([5], SHAPE)
    start = asked.start()
    first = unasked(start)
    assert not torch.equal(first, start)
    assert torch.equal(first, asked(start))
    assert torch.equal(start, asked.start())


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range_are_refused(seed: int) -> None:
    with pytest.raises(RequestError, match="between 0 and"):
        Noise([seed], SHAPE)


def varied(strength: float, *, mode: str = "cpu", seeds: tuple[int, ...] = (1,)) -> Noise:
    variation = Variation(seeds=[100 + seed for seed in seeds], strength=strength)
    return Noise(seeds, SHAPE, mode=mode, variation=variation)


@pytest.mark.parametrize("mode", ["cpu", "nv", "batch"])
def test_a_variation_leads_from_one_seed_to_the_other(mode: str) -> None:
    here, there = (Noise([seed], SHAPE, mode=mode).start() for seed in (1, 101))
    assert torch.equal(varied(0.0, mode=mode).start(), here)
    torch.testing.assert_close(varied(1.0, mode=mode).start(), there, atol=1e-5, rtol=1e-5)
    starts = [varied(strength, mode=mode).start() for strength in (0.0, 0.2, 0.5, 0.8, 1.0)]
    away = [(start - here).norm() for start in starts]
    assert away == sorted(away)


def test_the_steps_of_a_variation_have_the_noise_of_its_seed() -> None:
    plain, other = Noise([1], SHAPE), varied(0.7)
    assert torch.equal(plain(plain.start()), other(other.start()))


def test_a_variation_in_a_batch_is_the_one_alone() -> None:
    together = varied(0.3, seeds=(5, 6, 7)).start()
    assert torch.equal(together[1:2], varied(0.3, seeds=(6,)).start())


def test_slerp_is_the_arc_in_the_plane_of_each_column() -> None:
    """In the plane of two orthogonal columns a of length 2 and b of length 3, by hand."""
    low = torch.tensor([2.0, 0.0]).reshape(1, 2, 1)
    high = torch.tensor([0.0, 3.0]).reshape(1, 2, 1)
    third = slerp(low, high, 1 / 3).flatten()
    torch.testing.assert_close(third, torch.tensor([2 * 0.75**0.5, 3 * 0.5]))


def test_slerp_keeps_the_variance_where_a_line_would_not() -> None:
    low, high = torch.randn(2, 4, 64, 64)
    assert slerp(low, high, 0.5).std() == pytest.approx(1.0, abs=0.02)
    assert torch.lerp(low, high, 0.5).std() < 0.75


def test_slerp_of_nearly_the_same_is_the_line() -> None:
    low = torch.randn(SHAPE)
    high = low + 1e-4 * torch.randn(SHAPE)
    assert torch.equal(slerp(low, high, 0.3), torch.lerp(low, high, 0.3))


def test_slerp_is_finite_where_columns_have_no_plane() -> None:
    """Columns of one number, or none at all, point the same or opposite ways."""
    low = torch.tensor([1.0, 2.0, 0.0, 1.0]).reshape(1, 1, 4)
    high = torch.tensor([1.0, -2.0, 1.0, -1.0]).reshape(1, 1, 4)
    assert torch.isfinite(slerp(low, high, 0.5)).all()


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_variation_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(RequestError, match="from 0 to 1"):
        Variation(seeds=[0], strength=strength)
