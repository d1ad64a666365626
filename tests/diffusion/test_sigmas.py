"""Formulas of levels, against others' formulas and published numbers."""

from __future__ import annotations

import math

import pytest

from limner.diffusion.sigmas import (
    beta_sigmas,
    exponential_sigmas,
    karras_sigmas,
    kl_optimal_sigmas,
    linear_quadratic_sigmas,
    stretched,
)

LOW, HIGH = 0.0291675, 14.614642


def test_polyexponential_is_k_diffusions() -> None:
    """exp(ramp^rho (log high - log low) + log low), the ramp from 1 to 0."""
    for rho in (0.5, 1.0, 2.0):
        expected = [
            math.exp((1 - i / 9) ** rho * (math.log(HIGH) - math.log(LOW)) + math.log(LOW))
            for i in range(10)
        ]
        assert exponential_sigmas(10, LOW, HIGH, rho) == pytest.approx(expected)
    assert exponential_sigmas(5, LOW, HIGH)[2] == pytest.approx(math.sqrt(LOW * HIGH))


def test_kl_optimal_is_even_in_the_arctangent() -> None:
    sigmas = kl_optimal_sigmas(10, LOW, HIGH)
    assert (sigmas[0], sigmas[-1]) == pytest.approx((HIGH, LOW))
    ends = math.atan(HIGH), math.atan(LOW)
    mixed = [math.tan(ends[1] * i / 9 + (1 - i / 9) * ends[0]) for i in range(10)]
    assert sigmas == pytest.approx(mixed)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 25, 50])
def test_linear_quadratic_is_mochis(steps: int) -> None:
    """The published parabola, by its three coefficients."""
    straight, threshold = steps // 2, 0.025
    bent, expected = steps - straight, [1.0]
    if steps > 1:
        ahead = straight - threshold * steps
        a = ahead / (straight * bent**2)
        b = threshold / straight - 2 * ahead / bent**2
        c = a * straight**2
        line = [i * threshold / straight for i in range(straight)]
        curve = [a * i**2 + b * i + c for i in range(straight, steps)]
        expected = [1 - part for part in line + curve]
    assert linear_quadratic_sigmas(steps, 1.0) == pytest.approx(expected)
    assert linear_quadratic_sigmas(steps, HIGH) == pytest.approx([HIGH * e for e in expected])


def test_one_step_is_the_most_noise() -> None:
    for formula in (karras_sigmas, exponential_sigmas, kl_optimal_sigmas, beta_sigmas):
        assert formula(1, LOW, HIGH) == pytest.approx([HIGH])


def test_stretching_keeps_1() -> None:
    assert stretched([1.0, 0.6, 0.2], 0.5) == pytest.approx([1.0, 0.75, 0.5])
