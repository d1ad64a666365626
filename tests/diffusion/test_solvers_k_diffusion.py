"""Solvers against k-diffusion's formulas, written once more in its own variable t = -log sigma.

Stepwise, with the same noise for the same interval; alpha = 1, as k-diffusion has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
import torch
from scipy import integrate
from torch import Tensor

from limner.diffusion.brownian import Interval
from limner.diffusion.process import EDM, Level
from limner.diffusion.sample import drive
from limner.diffusion.schedules import levels
from limner.diffusion.solvers import solver_named

PATH = levels(EDM(highest=14.6, lowest=0.03), 9, "karras")
SIGMAS = [level.sigma for level in PATH]
LOW, HIGH = SIGMAS[-2], SIGMAS[0]
X = HIGH * torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(0)).double()
Noise = Callable[[float, float], Tensor]
Model = Callable[[Tensor, float], Tensor]


def model(x: Tensor, sigma: float) -> Tensor:
    """Something that bends: E[x_0 | x] of x_0 = +-1 (and 0.3 more)."""
    return torch.tanh(x / (sigma**2 + 0.1)) + 0.3


def noise(start: float, end: float) -> Tensor:
    """Numbers that belong to an interval, and to no order of asking."""
    seed = round(1e6 * start) + 7 * round(1e6 * end)
    return torch.randn(X.shape, generator=torch.Generator().manual_seed(seed)).double()


def ancestral(start: float, end: float, eta: float) -> tuple[float, float]:
    up = min(end, eta * (end**2 * (start**2 - end**2) / start**2) ** 0.5)
    return (end**2 - up**2) ** 0.5, up


def expm1(x: float) -> float:
    return math.expm1(x)


def dpmpp_2s_ancestral(x: Tensor, eta: float) -> Iterator[Tensor]:
    for start, end in pairwise(SIGMAS):
        yield x
        denoised = model(x, start)
        down, up = ancestral(start, end, eta)
        if down == 0:
            x = x + (x - denoised) / start * (down - start)
        else:
            t, t_next = -math.log(start), -math.log(down)
            h = t_next - t
            s = t + h / 2
            x_2 = math.exp(-s) / math.exp(-t) * x - expm1(-h / 2) * denoised
            yield x_2
            x = math.exp(-t_next) / math.exp(-t) * x - expm1(-h) * model(x_2, math.exp(-s))
        if end > 0:
            x = x + noise(start, end) * up
    yield x


def dpmpp_sde(x: Tensor, eta: float) -> Iterator[Tensor]:
    for start, end in pairwise(SIGMAS):
        yield x
        denoised = model(x, start)
        if end == 0:
            x = x + (x - denoised) / start * (end - start)
            continue
        t, t_next = -math.log(start), -math.log(end)
        s = t + (t_next - t) / 2
        down, up = ancestral(start, math.exp(-s), eta)
        t_down = -math.log(down)
        x_2 = math.exp(-t_down) / start * x - expm1(t - t_down) * denoised
        x_2 = x_2 + noise(start, math.exp(-s)) * up
        yield x_2
        down, up = ancestral(start, end, eta)
        t_down = -math.log(down)
        x = math.exp(-t_down) / start * x - expm1(t - t_down) * model(x_2, math.exp(-s))
        x = x + noise(start, end) * up
    yield x


def dpmpp_2m_sde(x: Tensor, eta: float, heun: bool = False) -> Iterator[Tensor]:
    old, h_last = None, 0.0
    for start, end in pairwise(SIGMAS):
        yield x
        denoised = model(x, start)
        if end == 0:
            x = denoised
            continue
        h = math.log(start) - math.log(end)
        eta_h = eta * h
        x = end / start * math.exp(-eta_h) * x - expm1(-h - eta_h) * denoised
        if old is not None:
            r = h_last / h
            if heun:
                x = x + (-expm1(-h - eta_h) / (-h - eta_h) + 1) / r * (denoised - old)
            else:
                x = x - 0.5 * expm1(-h - eta_h) / r * (denoised - old)
        x = x + noise(start, end) * end * math.sqrt(-expm1(-2 * eta_h))
        old, h_last = denoised, h
    yield x


def dpmpp_3m_sde(x: Tensor, eta: float) -> Iterator[Tensor]:
    d_1 = d_2 = None
    h_1 = h_2 = 0.0
    for start, end in pairwise(SIGMAS):
        yield x
        denoised = model(x, start)
        if end == 0:
            x = denoised
            continue
        h = math.log(start) - math.log(end)
        h_eta = h * (eta + 1)
        x = math.exp(-h_eta) * x - expm1(-h_eta) * denoised
        phi_2 = expm1(-h_eta) / h_eta + 1
        if d_2 is not None:
            r0, r1 = h_1 / h, h_2 / h
            d1_0, d1_1 = (denoised - d_1) / r0, (d_1 - d_2) / r1
            d1 = d1_0 + (d1_0 - d1_1) * r0 / (r0 + r1)
            d2 = (d1_0 - d1_1) / (r0 + r1)
            x = x + phi_2 * d1 - (phi_2 / h_eta - 0.5) * d2
        elif d_1 is not None:
            x = x + phi_2 * (denoised - d_1) / (h_1 / h)
        x = x + noise(start, end) * end * math.sqrt(-expm1(-2 * h * eta))
        d_1, d_2, h_1, h_2 = denoised, d_1, h, h_1
    yield x


def lms(x: Tensor, eta: float) -> Iterator[Tensor]:
    slopes: list[Tensor] = []

    def weight(order: int, i: int, j: int) -> float:
        def basis(tau: float) -> float:
            others = [k for k in range(order) if k != j]
            ratios = [(tau - SIGMAS[i - k]) / (SIGMAS[i - j] - SIGMAS[i - k]) for k in others]
            return math.prod(ratios)

        return integrate.quad(basis, SIGMAS[i], SIGMAS[i + 1], epsrel=1e-4)[0]

    for i, start in enumerate(SIGMAS[:-1]):
        yield x
        slopes = [(x - model(x, start)) / start, *slopes[:3]]
        x = x + sum(weight(len(slopes), i, j) * slope for j, slope in enumerate(slopes))
    yield x


def lcm(x: Tensor, eta: float) -> Iterator[Tensor]:
    for start, end in pairwise(SIGMAS):
        yield x
        x = model(x, start)
        if end > 0:
            x = x + end * noise(start, end)
    yield x


def _ours(name: str, eta: float | None) -> list[Tensor]:
    steps = iter(pairwise(SIGMAS))
    asked = {}

    def fresh(x: Tensor, interval: Interval | None = None) -> Tensor:
        if interval is None:  # the one draw of an ancestral step
            return noise(*asked["step"])
        assert (interval.lowest, interval.highest) == (LOW, HIGH)
        return noise(interval.start, interval.end)

    def denoise(x: Tensor, level: Level) -> Tensor:
        if level.t is not None:  # a level of the schedule, none in the middle of a step
            asked["step"] = next(steps)
        return model(x, level.sigma)

    run = drive(solver_named(name, eta=eta)(X, PATH, fresh), denoise)
    seen = []
    while True:
        try:
            seen.append(next(run).x)
        except StopIteration as finished:
            return [*seen, finished.value]


FORMULAS = [
    ("dpmpp_2s_ancestral", dpmpp_2s_ancestral, 1.0),
    ("dpmpp_2s_ancestral", dpmpp_2s_ancestral, 0.5),
    ("dpmpp_sde", dpmpp_sde, 1.0),
    ("dpmpp_sde", dpmpp_sde, 0.5),
    ("dpmpp_2m_sde", dpmpp_2m_sde, 1.0),
    ("dpmpp_2m_sde", dpmpp_2m_sde, 0.5),
    ("dpmpp_2m_sde_heun", lambda x, eta: dpmpp_2m_sde(x, eta, heun=True), 1.0),
    ("dpmpp_2m", lambda x, eta: dpmpp_2m_sde(x, 0.0), None),
    ("dpmpp_3m_sde", dpmpp_3m_sde, 1.0),
    ("dpmpp_3m_sde", dpmpp_3m_sde, 0.5),
    ("dpmpp_3m", lambda x, eta: dpmpp_3m_sde(x, 0.0), None),
    ("lms", lms, None),
    ("lcm", lcm, None),
]


@pytest.mark.parametrize(("name", "formula", "eta"), FORMULAS)
def test_the_formula_is_k_diffusions(
    name: str, formula: Callable[[Tensor, float], Iterator[Tensor]], eta: float | None
) -> None:
    ours, theirs = _ours(name, eta), list(formula(X, eta or 0.0))
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-7, atol=1e-7)
