"""Quantiles of the Beta distribution against scipy's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from limner.diffusion.beta_distribution import symmetric_beta_quantiles


@settings(max_examples=25)
@given(level=st.floats(1e-9, 1 - 1e-9), shape=st.floats(0.3, 4.0))
def test_quantiles_are_those_of_scipy(level: float, shape: float) -> None:
    (found,) = symmetric_beta_quantiles([level], shape)
    assert found == pytest.approx(stats.beta.ppf(level, shape, shape), rel=1e-9, abs=1e-12)


def test_the_ends_are_exact_and_the_middle_is_a_half() -> None:
    low, middle, high = symmetric_beta_quantiles([0.0, 0.5, 1.0], 0.6)
    assert (low, high) == (0.0, 1.0)
    assert middle == pytest.approx(0.5, rel=1e-12)
