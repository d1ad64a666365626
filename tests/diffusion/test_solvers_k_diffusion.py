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
from limner.diffusion.sample import drive, last
from limner.diffusion.schedules import levels
from limner.diffusion.sigmas import karras_sigmas
from limner.diffusion.solvers import Pair, solver_named

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


def sigma(t: float) -> float:
    return math.exp(-t)


def noise_in(x: Tensor, t: float) -> Tensor:
    return (x - model(x, sigma(t))) / sigma(t)


def dpm_step(x: Tensor, t: float, t_next: float, order: int, r1: float) -> list[Tensor]:
    """The places of a step's evaluations, and its end."""
    h, eps = t_next - t, noise_in(x, t)
    ahead = x - sigma(t_next) * expm1(h) * eps
    if order == 1:
        return [x, ahead]
    s1 = t + r1 * h
    u1 = x - sigma(s1) * expm1(r1 * h) * eps
    change = noise_in(u1, s1) - eps
    if order == 2:
        return [x, u1, ahead - sigma(t_next) / (2 * r1) * expm1(h) * change]
    r2, s2 = 2 / 3, t + 2 / 3 * h
    bend = sigma(s2) * (r2 / r1) * (expm1(r2 * h) / (r2 * h) - 1)
    u2 = x - sigma(s2) * expm1(r2 * h) * eps - bend * change
    curve = sigma(t_next) / r2 * (expm1(h) / h - 1)
    return [x, u1, u2, ahead - curve * (noise_in(u2, s2) - eps)]


def dpm_fast(x: Tensor, eta: float) -> Iterator[Tensor]:
    """Nine evaluations in steps of order 3, 3, 2 and 1."""
    t_start, t_end = -math.log(HIGH), -math.log(LOW)
    times = [t_start + (t_end - t_start) * i / 4 for i in range(5)]
    for order, (t, t_next) in zip((3, 3, 2, 1), pairwise(times), strict=True):
        *seen, x = dpm_step(x, t, t_next, order, 1 / 2 if order == 2 else 1 / 3)
        yield from seen
    yield x


def dpm_adaptive(x: Tensor, eta: float) -> Iterator[Tensor]:
    """Orders 2 and 3, their difference within rtol 0.05 and atol 0.0078; h_init 0.05."""
    s, t_end, h, x_prev, again = -math.log(HIGH), -math.log(LOW), 0.05, x, False
    while s < t_end - 1e-5:
        t = min(t_end, s + h)
        first, *others, x_high = dpm_step(x, s, t, 3, 1 / 3)
        x_low = dpm_step(x, s, t, 2, 1 / 3)[-1]
        yield from others if again else [first, *others]
        delta = torch.maximum(torch.tensor(0.0078), 0.05 * torch.maximum(x_low.abs(), x_prev.abs()))
        error = float(torch.linalg.norm((x_low - x_high) / delta)) / x.numel() ** 0.5
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / 3) - 1)
        again = factor < 0.81
        if not again:
            x_prev, x, s = x_low, x_high, t
        h *= factor
    yield x


def euler_ancestral_cfgpp(x: Tensor, eta: float) -> Iterator[Tensor]:
    for start, end in pairwise(SIGMAS):
        yield x
        denoised, unguided = model(x, start), 0.5 * model(x, start)
        down, up = ancestral(start, end, 1.0)
        x = denoised + (x - unguided) / start * down
        if end > 0:
            x = x + noise(start, end) * up
    yield x


def ipndm(x: Tensor, eta: float) -> Iterator[Tensor]:
    weights = [
        (1.0,),
        (1.5, -0.5),
        (23 / 12, -16 / 12, 5 / 12),
        (55 / 24, -59 / 24, 37 / 24, -9 / 24),
    ]
    slopes: list[Tensor] = []
    for start, end in pairwise(SIGMAS):
        yield x
        denoised = model(x, start)
        slopes = [(x - denoised) / start, *slopes[:3]]
        mixed = sum(w * d for w, d in zip(weights[len(slopes) - 1], slopes, strict=True))
        x = x + (end - start) * mixed if end > 0 else denoised
    yield x


def churned(x: Tensor, second: bool) -> Iterator[Tensor]:
    """sample_euler and sample_heun with s_churn 3.5, which nine steps cut to sqrt(2) - 1 never."""
    gamma = 3.5 / (len(SIGMAS) - 1)
    for start, end in pairwise(SIGMAS):
        hat = start * (gamma + 1)
        x = x + noise(start, end) * (hat**2 - start**2) ** 0.5
        yield x
        slope = (x - model(x, hat)) / hat
        ahead = x + slope * (end - hat)
        if second and end > 0:
            yield ahead
            ahead = x + (slope + (ahead - model(ahead, end)) / end) / 2 * (end - hat)
        x = ahead
    yield x


def _ours(name: str, eta: float | None, churn: float | None = None) -> list[Tensor]:
    steps = iter(pairwise(SIGMAS))
    asked = {"step": next(steps)} if churn else {}  # the noise comes before the evaluation

    def fresh(x: Tensor, interval: Interval | None = None) -> Tensor:
        if interval is None:  # the one draw of an ancestral step
            return noise(*asked["step"])
        assert (interval.lowest, interval.highest) == (LOW, HIGH)
        return noise(interval.start, interval.end)

    def denoise(x: Tensor, level: Level) -> Tensor | Pair:
        if (churn and level.t is None) or (not churn and level.t is not None):
            asked["step"] = next(steps, None)
        seen = model(x, level.sigma)
        return Pair(seen, 0.5 * seen) if "cfgpp" in name else seen

    run = drive(solver_named(name, eta=eta, churn=churn)(X, PATH, fresh), denoise)
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
    ("dpm_fast", dpm_fast, None),
    ("dpm_adaptive", dpm_adaptive, None),
    ("euler_ancestral_cfgpp", euler_ancestral_cfgpp, None),
    ("ipndm", ipndm, None),
]


@pytest.mark.parametrize(("name", "formula", "eta"), FORMULAS)
def test_the_formula_is_k_diffusions(
    name: str, formula: Callable[[Tensor, float], Iterator[Tensor]], eta: float | None
) -> None:
    ours, theirs = _ours(name, eta), list(formula(X, eta or 0.0))
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_churn_is_k_diffusions(name: str) -> None:
    ours, theirs = _ours(name, None, churn=3.5), list(churned(X, name == "heun"))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-7, atol=1e-7)


def test_restart_is_its_papers_algorithm() -> None:
    """Heun from 14.6 to 0.1, back to 2 by fresh noise, Heun again in 9 steps, and on to 0."""
    steps = 20
    path = levels(EDM(highest=14.6, lowest=0.03), steps, "karras")
    way = karras_sigmas(steps - 9, 0.03, 14.6)
    low, high = (min(range(len(way)), key=lambda i: abs(way[i] - s)) for s in (0.1, 2.0))
    again = karras_sigmas(10, way[low], way[high])

    def heun(x: Tensor, sigmas: list[float]) -> Tensor:
        for start, end in pairwise(sigmas):
            slope = (x - model(x, start)) / start
            ahead = x + (end - start) * slope
            if end > 0:
                slope = (slope + (ahead - model(ahead, end)) / end) / 2
            x = x + (end - start) * slope
        return x

    drawn = torch.full_like(X, 0.7)
    x = heun(X, way[: low + 1]) + (way[high] ** 2 - way[low] ** 2) ** 0.5 * drawn
    expected = heun(heun(x, again), [*way[low:], 0.0])
    run = solver_named("restart")(X, path, lambda x, interval=None: drawn)
    found = last(drive(run, lambda x, level: model(x, level.sigma)))
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-7)
