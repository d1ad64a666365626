"""Brownian paths: torchsde's numbers, the laws of Brownian motion, and no memory of the order."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.diffusion.brownian import BrownianPath, BrownianPaths, Interval
from limner.diffusion.noise import Noise

LOW, HIGH = 0.029167, 14.614641  # Stable Diffusion's
SHAPE = (4, 2, 2)


def _interval(start: float, end: float) -> Interval:
    return Interval(start=start, end=end, lowest=LOW, highest=HIGH)


# k-diffusion's BrownianTreeNoiseSampler over torchsde 0.2.6 with the seeds 7 and 2^40 + 3: the
# first channel of the first picture and the last of the second.
TORCHSDE = [
    (14.614641, 6.5, [-0.2181, -0.0306, 0.7779, -1.9253], [0.1508, 1.0878, -0.7514, 0.8417]),
    (6.5, 0.3, [-0.01981, 0.80798, 0.16325, -0.60511], [0.39636, -0.86694, -0.4486, 1.67726]),
    (0.3, 0.1234567, [-1.67821, -0.14909, 0.1222, 0.06653], [-0.97191, -0.2718, -0.28514, 1.25306]),
    (0.05, 0.029167, [0.4343, 1.1029, -0.37545, 0.41064], [0.00679, -1.29223, 0.66062, -0.00092]),
    (14.614641, 0.029167, [-0.18517, 0.5592, 0.71487, -1.699], [0.3193, 0.13672, -0.8621, 1.99353]),
]  # fmt: skip


@pytest.mark.parametrize(("start", "end", "first", "second"), TORCHSDE)
def test_the_numbers_are_those_of_torchsde(
    start: float, end: float, first: list[float], second: list[float]
) -> None:
    moved = BrownianPaths([7, 2**40 + 3], SHAPE)(_interval(start, end))
    assert moved[0, 0].flatten().tolist() == pytest.approx(first, abs=6e-5)
    assert moved[1, 3].flatten().tolist() == pytest.approx(second, abs=6e-5)


@settings(max_examples=10)
@given(sigmas=st.lists(st.floats(LOW, HIGH), min_size=3, max_size=6, unique=True))
def test_a_path_does_not_remember_what_was_asked(sigmas: list[float]) -> None:
    paths = [BrownianPath(5, SHAPE, lowest=LOW, highest=HIGH) for _ in range(2)]
    forwards = {sigma: paths[0].at(sigma) for sigma in sigmas}
    for sigma in reversed(sigmas):
        assert torch.equal(paths[1].at(sigma), forwards[sigma])


def test_parts_of_an_interval_add_up_to_it() -> None:
    path = BrownianPath(1, SHAPE, lowest=LOW, highest=HIGH)
    parts = [(10.0, 4.0), (4.0, 0.7)]
    total = sum(math.sqrt(a - b) * path.increment(a, b) for a, b in parts)
    torch.testing.assert_close(total, math.sqrt(9.3) * path.increment(10.0, 0.7))
    torch.testing.assert_close(path.increment(4.0, 10.0), -path.increment(10.0, 4.0))


def test_increments_are_normal_and_independent() -> None:
    path = BrownianPath(3, (1, 100, 100), lowest=LOW, highest=HIGH)
    one, two = path.increment(9.0, 3.0), path.increment(3.0, 1.5)
    # Four standard errors of a mean, a variance and a correlation of 10^4 numbers.
    for moved in (one, two):
        assert abs(float(moved.mean())) < 0.04
        assert abs(float(moved.var()) - 1) < 4 * math.sqrt(2 / 1e4)
    assert abs(float((one * two).mean())) < 0.04


def test_a_picture_does_not_depend_on_its_batch_or_dtype() -> None:
    like = torch.zeros(1, *SHAPE)
    batch, alone = Noise([4, 9], SHAPE), Noise([9], SHAPE)
    moved = batch(torch.zeros(2, *SHAPE), _interval(5.0, 2.0))
    assert torch.equal(moved[1:], alone(like, _interval(5.0, 2.0)))
    half = alone(like.half(), _interval(5.0, 2.0))
    assert torch.equal(half, moved[1:].half())


def test_a_path_takes_nothing_from_the_noise_of_steps() -> None:
    plain, both = Noise([4], SHAPE), Noise([4], SHAPE)
    like = both.start()
    both(like, _interval(5.0, 2.0))
    assert torch.equal(both(like), plain(like))


def test_sigmas_outside_count_as_the_ends() -> None:
    path = BrownianPath(1, SHAPE, lowest=LOW, highest=HIGH)
    assert torch.equal(path.at(20.0), path.at(HIGH))
    assert torch.equal(path.at(0.0), torch.zeros(SHAPE).double())
