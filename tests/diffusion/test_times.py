"""The times a training sees, against the distributions' closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from limner.diffusion.process import EDM, DiscreteDiffusion, RectifiedFlow
from limner.diffusion.times import LogitNormalTimes, UniformTimes
from limner.errors import UsageError

COUNT = 4000


def _draw(sampling: UniformTimes | LogitNormalTimes, process: object) -> torch.Tensor:
    uniform = torch.rand(COUNT, generator=torch.Generator().manual_seed(0))
    return sampling.times_of(process, uniform)


def test_uniform_times_of_a_flow_are_uniform() -> None:
    times = _draw(UniformTimes(), RectifiedFlow())
    assert stats.kstest(times.numpy(), "uniform").pvalue > 0.01


def test_uniform_times_of_a_chain_are_whole_and_reach_both_ends() -> None:
    times = _draw(UniformTimes(), DiscreteDiffusion(steps=10, beta_end=0.5))
    assert sorted(set(times.tolist())) == [float(t) for t in range(10)]
    assert stats.chisquare(torch.bincount(times.long()).numpy()).pvalue > 0.01


def test_logit_normal_times_are_logit_normal() -> None:
    times = _draw(LogitNormalTimes(mean=0.3, deviation=0.8), RectifiedFlow())
    assert stats.kstest(times.double().logit().numpy(), "norm", (0.3, 0.8)).pvalue > 0.01


def test_a_shift_adds_its_logarithm_to_the_logit() -> None:
    """s t / (1 + (s - 1) t) multiplies the odds t / (1 - t) by s."""
    plain = _draw(LogitNormalTimes(), RectifiedFlow()).double()
    moved = _draw(LogitNormalTimes(shift=3.0), RectifiedFlow()).double()
    expected = plain.logit() + math.log(3)
    torch.testing.assert_close(moved.logit(), expected, rtol=0, atol=1e-4)


def test_edm_times_are_log_normal_as_in_the_paper() -> None:
    process = EDM(sigma_data=0.5)
    sigmas = _draw(LogitNormalTimes(mean=-1.2 - math.log(0.5), deviation=1.2), process)
    assert stats.kstest(sigmas.double().log().numpy(), "norm", (-1.2, 1.2)).pvalue > 0.01


@pytest.mark.parametrize("wrong", [{"shift": 0.0}, {"deviation": -1.0}, {"shift": math.nan}])
def test_shift_and_deviation_must_be_positive(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be above 0"):
        LogitNormalTimes(**wrong)
