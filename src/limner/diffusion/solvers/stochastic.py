"""Solvers that may put fresh noise in: ancestral ones, of the reverse SDE, and consistency's.

eta scales the fresh noise: 1 is that of the reverse process, 0 leaves an ODE solver. Ancestral
solvers draw noise that is independent from step to step, SDE solvers that of one Brownian path.
Where diffusers and k-diffusion differ, the formulas are k-diffusion's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from limner.diffusion.process import Level
from limner.diffusion.solvers.step import (
    Evaluations,
    FreshNoise,
    PairedEvaluations,
    ancestral_levels,
    churned,
    epsilon_of,
    exponential_step,
    has_middle,
    log_step,
    middle_level,
    noise_ratio,
    order_at,
    over,
    pair,
)


def ddim(
    x: Tensor, levels: Sequence[Level], noise: FreshNoise, *, eta: float = 0.0
) -> PairedEvaluations:
    """DDIM (eq. 12 and 16): no fresh noise at eta 0, that of DDPM's posterior at eta 1.

    In straight coordinates eta 0 is Euler and eta 1 is Euler ancestral; on neighbouring levels of
    the chain eta 1 is DDPM's own reverse step, with the variance of the posterior. Where it is sent
    a pair, the noise that it keeps is that beside the second picture: with the unguided one it is
    CFG++ (Chung et al. 2024, alg. 2).
    """
    for level, following in pairwise(levels):
        denoised, against = pair((yield x, level))
        down, fresh = ancestral_levels(level, following, eta)
        x = down.alpha * denoised + down.sigma * epsilon_of(x, against, level)
        if fresh > 0:
            x = x + fresh * noise(x)
    return x


def dpm2_ancestral(
    x: Tensor,
    levels: Sequence[Level],
    noise: FreshNoise,
    *,
    eta: float = 1.0,
    churn: float = 0.0,
) -> Evaluations:
    """DPM-Solver-2 (Lu et al. 2022a, alg. 1): the epsilon half way in lambda for the whole step.

    The step to 0 is Euler's, and so is that from alpha = 0, which has no middle. churn: as of
    `euler`.
    """
    for level, following in pairwise(levels):
        x, level = churned(x, level, churn / (len(levels) - 1), noise)
        denoised = yield x, level
        down, fresh = ancestral_levels(level, following, eta)
        epsilon = epsilon_of(x, denoised, level)
        if has_middle(level, down):
            middle = middle_level(level, down)
            half_way = middle.alpha * denoised + middle.sigma * epsilon
            denoised = yield half_way, middle
            epsilon = epsilon_of(half_way, denoised, middle)
            shrink = down.alpha / level.alpha
            x = shrink * x + (down.sigma - shrink * level.sigma) * epsilon
        else:
            x = down.alpha * denoised + down.sigma * epsilon
        if fresh > 0:
            x = x + fresh * noise(x)
    return x


def dpmpp_2s_ancestral(
    x: Tensor, levels: Sequence[Level], noise: FreshNoise, *, eta: float = 1.0
) -> Evaluations:
    """DPM-Solver++(2S) (Lu et al. 2022b, alg. 1, r = 1/2), ancestral as in k-diffusion."""
    for level, following in pairwise(levels):
        denoised = yield x, level
        down, fresh = ancestral_levels(level, following, eta)
        if has_middle(level, down):
            middle = middle_level(level, down)
            denoised = yield exponential_step(x, denoised, level, middle), middle
        x = exponential_step(x, denoised, level, down)
        if fresh > 0:
            x = x + fresh * noise(x)
    return x


def dpmpp_sde(
    x: Tensor, levels: Sequence[Level], noise: FreshNoise, *, eta: float = 1.0
) -> Evaluations:
    """k-diffusion's `sample_dpmpp_sde`: 2S whose half step and whole step are both ancestral.

    Their noise is that of one Brownian path, so the half step's is part of the whole step's.
    """
    for level, following in pairwise(levels):
        denoised = yield x, level
        if has_middle(level, following):
            middle = middle_level(level, following)
            down, fresh = ancestral_levels(level, middle, eta)
            half_way = exponential_step(x, denoised, level, down)
            if fresh > 0:
                half_way = half_way + fresh * noise(x, over(level, middle, levels))
            denoised = yield half_way, middle
        down, fresh = ancestral_levels(level, following, eta)
        x = exponential_step(x, denoised, level, down)
        if fresh > 0:
            x = x + fresh * noise(x, over(level, following, levels))
    return x


def dpmpp_2m_sde(
    x: Tensor,
    levels: Sequence[Level],
    noise: FreshNoise,
    *,
    eta: float = 1.0,
    heun: bool = False,
    last_orders: Sequence[int] = (),
) -> Evaluations:
    """SDE-DPM-Solver++(2M) (Lu et al. 2022b, eq. 18 and appendix): the midpoint rule, or Heun's.

    k-diffusion's `sample_dpmpp_2m_sde`; with eta 0 and the midpoint rule it is DPM++ 2M.
    """
    before, h_before = None, math.inf
    for index, (level, following) in enumerate(pairwise(levels)):
        denoised = yield x, level
        h = log_step(level, following)
        x = _sde_step(x, denoised, level, following, eta)
        second = order_at(2, index, len(levels) - 1, last_orders) == 2
        if before is not None and following.sigma > 0 and second:
            grown = (1 + eta) * h
            weight = _phi_2(grown) if heun else -math.expm1(-grown) / 2
            x = x + following.alpha * weight * h / h_before * (denoised - before)
        x = _with_path_noise(x, level, following, eta, noise, levels)
        before, h_before = denoised, h
    return x


def dpmpp_3m_sde(
    x: Tensor,
    levels: Sequence[Level],
    noise: FreshNoise,
    *,
    eta: float = 1.0,
    last_orders: Sequence[int] = (),
) -> Evaluations:
    """k-diffusion's `sample_dpmpp_3m_sde`: first and second differences of D in lambda.

    With eta 0 it is DPM-Solver++(3M), equal to diffusers' order 3 but for the second step, which
    there is the midpoint's. With eta, diffusers has -1/2 where phi_3 has +1/2, and so differs from
    the third step on.
    """
    seen: list[tuple[float, Tensor]] = []
    for index, (level, following) in enumerate(pairwise(levels)):
        denoised = yield x, level
        h = log_step(level, following)
        x = _sde_step(x, denoised, level, following, eta)
        used = seen[: order_at(3, index, len(levels) - 1, last_orders) - 1]
        if used and following.sigma > 0:
            x = x + following.alpha * _curvature(denoised, used, h, (1 + eta) * h)
        x = _with_path_noise(x, level, following, eta, noise, levels)
        seen = [(h, denoised), *seen[:1]]
    return x


def lcm(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """Multistep consistency sampling (LCM alg. 3): back to D, then out to the next level.

    As in k-diffusion's tools D is the network's picture itself. diffusers mixes x into it by
    LCM eq. 9's c_skip = 0.25 / ((10 t)^2 + 0.25), which is below 1e-5 from t = 19 on, where its
    times end.
    """
    for level, following in pairwise(levels):
        denoised = yield x, level
        x = following.alpha * denoised
        if following.sigma > 0:
            x = x + following.sigma * noise(x)
    return x


def _sde_step(x: Tensor, denoised: Tensor, level: Level, following: Level, eta: float) -> Tensor:
    """The exact mean of the reverse SDE for a constant D: decay by exp(-(1 + eta) h)."""
    ratio = noise_ratio(level, following)
    kept = following.sigma / level.sigma * ratio**eta
    return kept * x + following.alpha * (1 - ratio ** (1 + eta)) * denoised


def _with_path_noise(
    x: Tensor,
    level: Level,
    following: Level,
    eta: float,
    noise: FreshNoise,
    levels: Sequence[Level],
) -> Tensor:
    fresh = following.sigma * math.sqrt(1 - noise_ratio(level, following) ** (2 * eta))
    if fresh == 0:
        return x
    return x + fresh * noise(x, over(level, following, levels))


def _curvature(
    denoised: Tensor, seen: Sequence[tuple[float, Tensor]], h: float, grown: float
) -> Tensor:
    """phi_2 D' - phi_3 D'', per step of lambda; `seen` has (step, D), the newest first."""
    (h_1, before), *older = seen
    first = (denoised - before) * (h / h_1)
    if not older:
        return _phi_2(grown) * first
    h_2, earliest = older[0]
    r_1, r_2 = h_1 / h, h_2 / h
    change = (first - (before - earliest) / r_2) / (r_1 + r_2)
    return _phi_2(grown) * (first + r_1 * change) - _phi_3(grown) * change


def _phi_2(h: float) -> float:
    """(e^-h - 1 + h) / h."""
    return math.expm1(-h) / h + 1


def _phi_3(h: float) -> float:
    return _phi_2(h) / h - 0.5
