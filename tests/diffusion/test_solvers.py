"""Solvers on data N(mu, s^2), where the denoised picture and the ODE's path are known exactly."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from limner.diffusion.process import EDM, DiscreteDiffusion, Level, Process, RectifiedFlow
from limner.diffusion.sample import drive, last
from limner.diffusion.schedules import levels
from limner.diffusion.solvers import SOLVERS, ddim, euler, solver_named
from limner.errors import RequestError

MEAN, SPREAD = 0.4, 0.6


def gaussian(x: Tensor, level: Level) -> Tensor:
    """E[x_0 | x] for x = alpha x_0 + sigma eps and x_0 ~ N(MEAN, SPREAD^2)."""
    gain = level.alpha * SPREAD**2 / (level.alpha**2 * SPREAD**2 + level.sigma**2)
    return MEAN + gain * (x - level.alpha * MEAN)


def moved(x: Tensor, start: Level, end: Level) -> Tensor:
    """The ODE's solution: x keeps its place in the Gaussian, (x - alpha mu) / deviation."""
    deviations = [math.hypot(level.alpha * SPREAD, level.sigma) for level in (start, end)]
    return end.alpha * MEAN + (x - start.alpha * MEAN) / deviations[0] * deviations[1]


def _no_noise(x: Tensor) -> Tensor:
    raise AssertionError("a deterministic solver asked for noise")


def _path(process: Process, steps: int) -> list[Level]:
    """Levels that refine evenly: linear in t for a flow, in log sigma from 20 to 0.05 for EDM."""
    if isinstance(process, RectifiedFlow):
        return list(levels(process, steps, "uniform"))
    sigmas = [20 * (0.05 / 20) ** (index / steps) for index in range(steps + 1)]
    return [process.level(sigma) for sigma in sigmas]


def _flow_in_lambda(steps: int) -> list[Level]:
    """A flow's levels, even in lambda = log((1 - t) / t) from -4 to 4."""
    times = [1 / (1 + math.exp(8 * index / steps - 4)) for index in range(steps + 1)]
    return [RectifiedFlow().level(t) for t in times]


def _error(name: str, path: list[Level]) -> float:
    x = path[0].sigma * torch.tensor([-1.3, 0.2, 1.7], dtype=torch.float64)
    x = x.reshape(3, 1, 1, 1)
    end = last(drive(solver_named(name)(x, path, _no_noise), gaussian))
    return float((end - moved(x, path[0], path[-1])).abs().max())


@pytest.mark.parametrize("process", [EDM(), RectifiedFlow()], ids=["edm", "flow"])
@pytest.mark.parametrize(
    ("name", "order"), [("euler", 1), ("ddim", 1), ("heun", 2), ("dpmpp_2m", 2)]
)
def test_measured_order(name: str, order: int, process: Process) -> None:
    if name == "dpmpp_2m" and isinstance(process, RectifiedFlow):
        coarse, fine = (_error(name, _flow_in_lambda(steps)) for steps in (128, 256))
    else:
        coarse, fine = (_error(name, _path(process, steps)) for steps in (128, 256))
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.1)


def test_dpmpp_2m_on_even_times_of_a_flow_loses_a_logarithm() -> None:
    """Its k-th step from alpha = 0 has h of about 1 / k in lambda, and so an error of 1 / (k n^2).

    Their sum is log(n) / n^2: with the logarithm taken out, the order is 2.
    """
    errors = [
        _error("dpmpp_2m", _path(RectifiedFlow(), steps)) / math.log(steps) for steps in (128, 256)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("process", [DiscreteDiffusion(), RectifiedFlow()], ids=["chain", "flow"])
def test_ddim_without_noise_is_euler_in_straight_coordinates(process: Process) -> None:
    chosen = levels(process, 7, "uniform")
    x = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    ends = [last(drive(solver(x, chosen, _no_noise), gaussian)) for solver in (euler, ddim)]
    torch.testing.assert_close(ends[0], ends[1])


def test_ddpm_on_neighbouring_levels_is_the_posterior() -> None:
    """In native coordinates a step has the mean and variance of q(x_{t-1} | x_t, x_0)."""
    process, index = DiscreteDiffusion(), 400
    x_t = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    chosen = [process.level(process.sigma_at(float(t))) for t in (index, index - 1)]
    scales = [process.native_scale(level) for level in chosen]
    straight = x_t / scales[0]
    x0 = gaussian(straight, chosen[0])
    mean, variance = process.posterior(x0, x_t, torch.tensor([float(index)], dtype=torch.float64))
    ends = [
        scales[1] * last(drive(solver_named("ddpm")(straight, chosen, fresh), gaussian))
        for fresh in (torch.zeros_like, torch.ones_like)
    ]
    torch.testing.assert_close(ends[0], mean, rtol=1e-9, atol=1e-9)
    deviation = variance.sqrt().reshape(1, 1, 1, 1)
    torch.testing.assert_close(ends[1] - ends[0], deviation.expand_as(x_t), rtol=1e-7, atol=0)


@pytest.mark.parametrize("process", [EDM(), RectifiedFlow()], ids=["edm", "flow"])
@pytest.mark.parametrize("name", ["ddpm", "euler_ancestral"])
def test_ancestral_painting_gives_the_data_distribution(name: str, process: Process) -> None:
    generator = torch.Generator().manual_seed(0)

    def fresh(x: Tensor) -> Tensor:
        return torch.randn(x.shape, generator=generator, dtype=x.dtype)

    path = _path(process, 200)
    x = path[0].sigma * fresh(torch.zeros(1, 1, 100, 100))
    end = last(drive(solver_named(name)(x, path, fresh), gaussian))
    spread = math.hypot(path[-1].alpha * SPREAD, path[-1].sigma)
    # Four standard errors, and 2 % for the finite steps.
    assert float(end.mean()) == pytest.approx(MEAN, abs=4 * spread / 100 + 0.01)
    assert float(end.std()) == pytest.approx(spread, rel=4 / math.sqrt(2 * 1e4) + 0.02)


def test_eta_lies_between_ddim_and_ddpm() -> None:
    chosen = levels(DiscreteDiffusion(), 5, "karras")
    x = torch.ones(1, 1, 2, 2)
    amounts = []
    for eta in (0.0, 0.5, 1.0):
        ends = [
            last(drive(solver_named("ddim", eta=eta)(x, chosen[3:5], fresh), gaussian))
            for fresh in (torch.zeros_like, torch.ones_like)
        ]
        amounts.append(float((ends[1] - ends[0]).mean()))
    assert amounts[0] == 0
    assert amounts[1] == pytest.approx(amounts[2] / 2, rel=1e-5)


@pytest.mark.parametrize("name", list(SOLVERS))
def test_only_stochastic_solvers_draw_noise(name: str) -> None:
    drawn = []

    def fresh(x: Tensor) -> Tensor:
        drawn.append(x.shape)
        return torch.zeros_like(x)

    run = drive(
        solver_named(name)(torch.ones(1, 1, 2, 2), levels(EDM(), 4, "karras"), fresh), gaussian
    )
    last(run)
    # None at the last step, to sigma = 0.
    assert len(drawn) == (3 if SOLVERS[name].stochastic else 0)


@pytest.mark.parametrize("name", list(SOLVERS))
def test_runs_side_by_side_share_nothing(name: str) -> None:
    chosen = levels(RectifiedFlow(), 6, "uniform")
    starts = [torch.full((1, 1, 2, 2), value) for value in (-1.0, 2.0)]
    alone = [last(drive(solver_named(name)(x, chosen, torch.zeros_like), gaussian)) for x in starts]
    solver = solver_named(name)
    runs = [solver(x, chosen, torch.zeros_like) for x in starts]
    asked = [next(run) for run in runs]
    ends: list[Tensor] = []
    while not ends:
        for index, run in enumerate(runs):
            try:
                asked[index] = run.send(gaussian(*asked[index]))
            except StopIteration as finished:
                ends.append(finished.value)
    assert all(torch.equal(*pair) for pair in zip(ends, alone, strict=True))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(RequestError, match="'rk45' is unknown"):
        solver_named("rk45")
    with pytest.raises(RequestError, match="takes no eta"):
        solver_named("heun", eta=0.5)
    with pytest.raises(RequestError, match="between 0 and 1"):
        solver_named("ddim", eta=1.5)
