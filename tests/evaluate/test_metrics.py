from __future__ import annotations

import math

import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.errors import UsageError
from limner.evaluate.metrics import frechet_distance, kernel_distance, nearest, psnr, top_k_hits


def samples(count: int, width: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=generator)
    return torch.randn(count, width, generator=generator) @ mix + torch.randn(
        width, generator=generator
    )


def frechet_by_scipy(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a.double().numpy(), b.double().numpy()
    first = torch.from_numpy(a).T.cov().numpy()
    second = torch.from_numpy(b).T.cov().numpy()
    root = scipy.linalg.sqrtm(first @ second).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + (first + second - 2 * root).trace()


def test_top_k_counts_by_hand():
    logits = torch.tensor([[0.1, 0.9, 0.5], [3.0, 2.0, 1.0], [0.0, 0.0, 7.0]])
    labels = torch.tensor([2, 0, 1])
    assert top_k_hits(logits, labels).tolist() == [False, True, False]
    assert top_k_hits(logits, labels, 2).tolist()[:2] == [True, True]
    assert top_k_hits(logits, labels, 5).all()


@settings(max_examples=15, deadline=None)
@given(width=st.integers(2, 9), seed=st.integers(0, 10_000))
def test_frechet_agrees_with_scipy(width, seed):
    a, b = samples(40, width, seed), samples(60, width, seed + 1)
    assert frechet_distance(a, b) == pytest.approx(frechet_by_scipy(a, b), rel=1e-6, abs=1e-6)


def test_frechet_in_one_dimension_by_hand():
    """(mu_a - mu_b)^2 + (sigma_a - sigma_b)^2."""
    a, b = torch.tensor([[0.0], [2.0]]), torch.tensor([[3.0], [9.0]])
    expected = (1 - 6) ** 2 + (math.sqrt(2) - math.sqrt(18)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected)


def test_frechet_of_a_shift_is_its_square_and_of_itself_nothing():
    a = samples(50, 5, 0)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, a + 2.0) == pytest.approx(5 * 4.0, rel=1e-4)


def test_frechet_with_fewer_samples_than_width_is_finite_and_symmetric():
    a, b = samples(4, 12, 0), samples(5, 12, 1)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-5)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-4)


def test_kernel_distance_is_its_double_sum():
    a, b = samples(5, 3, 0), samples(4, 3, 1)

    def k(x, y):
        return (float(x.double() @ y.double()) / 3 + 1) ** 3

    first = sum(k(a[i], a[j]) for i in range(5) for j in range(5) if i != j) / 20
    second = sum(k(b[i], b[j]) for i in range(4) for j in range(4) if i != j) / 12
    across = sum(k(x, y) for x in a for y in b) / 20
    assert kernel_distance(a, b) == pytest.approx(first + second - 2 * across)


def test_kernel_distance_is_unbiased():
    """Its mean over many small draws of one distribution is zero; that of Frechet is not."""
    pool = torch.randn(400, 20, 4, generator=torch.Generator().manual_seed(0))
    draws = torch.tensor([kernel_distance(pool[2 * i], pool[2 * i + 1]) for i in range(200)])
    error = draws.std() / math.sqrt(200)
    assert draws.mean().abs() < 3 * error
    assert draws.min() < 0


def test_nearest_looks_at_directions():
    bank = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    found = nearest(torch.tensor([[0.0, 5.0], [-3.0, 3.0], [4.0, 0.0]]), bank)
    assert found.indices[0] == 1
    assert found.indices[2] == 0
    assert found.distances.tolist() == pytest.approx([0.0, 1 - math.sqrt(0.5), 0.0], abs=1e-6)


def test_sets_that_cannot_be_compared_are_refused():
    with pytest.raises(UsageError, match="width 3 and 4"):
        frechet_distance(torch.zeros(5, 3), torch.zeros(5, 4))
    with pytest.raises(UsageError, match="needs 2 of each, not 1 and 5"):
        kernel_distance(torch.zeros(1, 3), torch.zeros(5, 3))


def test_psnr_of_a_known_error():
    a = torch.zeros(2, 4, 3, 3)
    assert psnr(a, a + 0.2) == pytest.approx(20.0, abs=1e-4)
    assert psnr(a, a + 0.02) == pytest.approx(40.0, abs=1e-4)
