"""Philox: the published words, the published Gaussians of CUDA, and the moments."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from limner.diffusion.philox import Philox, gaussian, philox4x32, plane

PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
ALL = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ALL, ALL, ALL, ALL), (ALL, ALL), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (PI, (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
)
def test_the_known_answers_of_random123(
    counter: tuple[int, ...], key: tuple[int, int], words: tuple[int, ...]
) -> None:
    # Three equal counters: a vectorised round must not mix its columns.
    counters = np.tile(np.array(counter, dtype=np.uint32)[:, None], (1, 3))
    assert philox4x32(counters, key).T.tolist() == [list(words)] * 3


def test_seed_zero_begins_as_on_cuda() -> None:
    published = torch.tensor([-0.924662, -0.425344, -2.643846])  # to the sixth digit
    torch.testing.assert_close(Philox(0).randn((3,)), published, atol=1e-6, rtol=0)


def test_a_draw_is_one_counter_after_the_other() -> None:
    """Number i of call k, for a seed of more than 32 bits, has counter (k, 0, i, 0)."""
    seed = 5 + (7 << 32)
    stream = Philox(seed)
    draws = [stream.randn((2, 3, 4)) for _ in range(3)]
    counter = np.array([[2], [0], [23], [0]], dtype=np.uint32)
    first, second, _, _ = philox4x32(counter, (5, 7))
    assert draws[2][1, 2, 3].item() == np.float32(gaussian(first, second)[0])
    assert torch.equal(Philox(seed).randn((24,)).reshape(2, 3, 4), draws[0])


def test_the_extreme_words_give_finite_numbers() -> None:
    first, second = (np.array([0, 0, ALL, ALL], dtype=np.uint32) for _ in range(2))
    values = gaussian(first, second[::-1].copy())
    assert np.isfinite(values).all()
    assert abs(values).max() <= math.sqrt(2 * 33 * math.log(2))


def test_it_is_gaussian() -> None:
    values = Philox(1).randn((4, 128, 128)).flatten()
    assert values.dtype == torch.float32
    assert stats.kstest(values.numpy(), "norm").pvalue > 0.01
    neighbours = torch.corrcoef(torch.stack([values[:-1], values[1:]]))[0, 1]
    assert abs(neighbours) < 4 / math.sqrt(len(values))


def test_seeds_and_calls_are_independent() -> None:
    one, other = Philox(1), Philox(2)
    draws = torch.stack([one.randn((10000,)), one.randn((10000,)), other.randn((10000,))])
    correlations = torch.corrcoef(draws) - torch.eye(3)
    assert abs(correlations).max() < 4 / math.sqrt(10000)


def test_a_part_of_a_plane_is_cut_out_of_the_whole() -> None:
    whole = plane(7, range(40), range(50))
    assert torch.equal(plane(7, range(10, 30), range(3, 50)), whole[:, 10:30, 3:50])
    others = [plane(8, range(40), range(50)), plane(7, range(40), range(50), number=1)]
    assert all(not torch.equal(other, whole) for other in others)


def test_a_plane_is_gaussian_and_its_numbers_are_unrelated() -> None:
    numbers = plane(2**40 + 3, range(100, 300), range(200)).double()
    assert stats.kstest(numbers.flatten().numpy(), "norm").pvalue > 0.01
    assert torch.corrcoef(numbers.flatten(1)).fill_diagonal_(0).abs().max() < 0.02
    for shifted in (numbers.roll(1, -1), numbers.roll(1, -2)):
        assert abs((numbers * shifted).mean()) < 0.01
