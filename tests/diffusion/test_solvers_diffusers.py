"""Solvers against the schedulers of diffusers, on the same levels and an exact Gaussian denoiser.

What differs, and is kept out of the comparison:

- diffusers computes levels in fp32 (and for some schedules rounds the times that it tells the
  model), so its own levels are given to both; `test_schedules.py` compares the levels themselves.
- its DDIM, DPM-Solver and DDPM keep x in native coordinates; at sigma = 0 both are the same x.
- its DDIM and DDPM need whole times, so those levels are taken at whole times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from torch import Tensor

from limner.diffusion.process import DiscreteDiffusion, Level, RectifiedFlow
from limner.diffusion.sample import drive
from limner.diffusion.solvers import solver_named

SD1 = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
PROCESS = DiscreteDiffusion()
NOISE = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
STEPS = 12


def gaussian(x: Tensor, level: Level) -> Tensor:
    gain = level.alpha * 0.25 / (level.alpha**2 * 0.25 + level.sigma**2)
    return 0.3 + gain * (x - level.alpha * 0.3)


def _epsilon(x: Tensor, level: Level) -> Tensor:
    return (x - level.alpha * gaussian(x, level)) / level.sigma


def _fresh(seed: int) -> Callable[[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda x: torch.randn(x.shape, generator=generator, dtype=x.dtype)


def _no_noise(x: Tensor) -> Tensor:
    raise AssertionError("a deterministic solver asked for noise")


def _ours(
    name: str, x: Tensor, path: list[Level], fresh: Any = _no_noise, **options: float
) -> list[Tensor]:
    """x at every evaluation, and the last x."""
    run = drive(solver_named(name, **options)(x, path, fresh), gaussian)
    seen = []
    while True:
        try:
            seen.append(next(run).x)
        except StopIteration as finished:
            return [*seen, finished.value]


def _straight_chain(scheduler: Any, x: Tensor, **options: Any) -> list[Tensor]:
    """The schedulers that keep x in straight coordinates: Euler, Heun, Euler ancestral."""
    seen = [x]
    for index, t in enumerate(scheduler.timesteps):
        level = Level(alpha=1.0, sigma=float(scheduler.sigmas[index]), t=0.0)
        x = scheduler.step(_epsilon(x, level), t, x, **options).prev_sample
        seen.append(x)
    return seen


def _compare(ours: list[Tensor], theirs: list[Tensor]) -> None:
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=2e-5, atol=2e-5)


def _levels(sigmas: Tensor) -> list[Level]:
    return [PROCESS.level(sigma) for sigma in sigmas.tolist()]


@pytest.mark.parametrize("karras", [True, False])
def test_euler(karras: bool) -> None:
    scheduler = diffusers.EulerDiscreteScheduler(**SD1, use_karras_sigmas=karras)
    scheduler.set_timesteps(STEPS)
    path = _levels(scheduler.sigmas)
    x = path[0].sigma * NOISE
    _compare(_ours("euler", x, path), _straight_chain(scheduler, x))


def test_heun() -> None:
    scheduler = diffusers.HeunDiscreteScheduler(**SD1, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    # Their table names every level but the first and the last twice, once for each evaluation.
    path = _levels(torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1::2]]))
    x = path[0].sigma * NOISE
    _compare(_ours("heun", x, path), _straight_chain(scheduler, x))


def test_euler_ancestral() -> None:
    scheduler = diffusers.EulerAncestralDiscreteScheduler(**SD1)
    scheduler.set_timesteps(STEPS)
    path = _levels(scheduler.sigmas)
    x = path[0].sigma * NOISE
    theirs = _straight_chain(scheduler, x, generator=torch.Generator().manual_seed(5))
    _compare(_ours("euler_ancestral", x, path, _fresh(5)), theirs)


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_ddim(eta: float) -> None:
    scheduler = diffusers.DDIMScheduler(**SD1, clip_sample=False, timestep_spacing="leading")
    scheduler.set_timesteps(10)
    path = [PROCESS.level(PROCESS.sigma_at(float(t))) for t in scheduler.timesteps]
    scales = [PROCESS.native_scale(level) for level in path]
    fresh, native = _fresh(5), NOISE
    theirs = [native / scales[0]]
    for t, level, scale, after in zip(
        scheduler.timesteps, path, scales, [*scales[1:], 1.0], strict=True
    ):
        epsilon, drawn = _epsilon(native / scale, level), fresh(NOISE)
        native = scheduler.step(epsilon, t, native, eta=eta, variance_noise=drawn).prev_sample
        theirs.append(native / after)
    path.append(PROCESS.level(0.0))
    _compare(_ours("ddim", NOISE / scales[0], path, _fresh(5), eta=eta), theirs)


def test_ddpm_all_the_way_down_the_chain() -> None:
    """Every one of the T steps; a chain of 60, so that none needs to be left out."""
    betas = {"beta_start": 0.01, "beta_end": 0.2, "beta_schedule": "linear"}
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=60, clip_sample=False, **betas)
    scheduler.set_timesteps(60)
    process = DiscreteDiffusion(
        steps=60, trained_betas=tuple(torch.linspace(0.01, 0.2, 60).tolist())
    )
    path = [process.level(process.sigma_at(float(t))) for t in range(59, -1, -1)]
    scales = [process.native_scale(level) for level in path]
    native, generator = NOISE, torch.Generator().manual_seed(5)
    theirs = [native / scales[0]]
    for t, level, scale, after in zip(
        scheduler.timesteps, path, scales, [*scales[1:], 1.0], strict=True
    ):
        epsilon = _epsilon(native / scale, level)
        native = scheduler.step(epsilon, t, native, generator=generator).prev_sample
        theirs.append(native / after)
    path.append(process.level(0.0))
    _compare(_ours("ddpm", NOISE / scales[0], path, _fresh(5)), theirs)


def test_dpmpp_2m_karras() -> None:
    scheduler = diffusers.DPMSolverMultistepScheduler(**SD1, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    path = _levels(scheduler.sigmas)
    scales = [PROCESS.native_scale(level) for level in path]
    native = NOISE
    theirs = [native / scales[0]]
    for index, t in enumerate(scheduler.timesteps):
        epsilon = _epsilon(native / scales[index], path[index])
        native = scheduler.step(epsilon, t, native).prev_sample
        theirs.append(native / scales[index + 1])
    _compare(_ours("dpmpp_2m", NOISE / scales[0], path), theirs)


def test_dpmpp_2m_of_a_flow() -> None:
    """Theirs starts just below t = 1, where its lambda is still finite."""
    scheduler = diffusers.DPMSolverMultistepScheduler(
        use_flow_sigmas=True, flow_shift=2.0, prediction_type="flow_prediction"
    )
    scheduler.set_timesteps(STEPS)
    path = [RectifiedFlow().level(sigma) for sigma in scheduler.sigmas.tolist()]
    x, theirs = NOISE, [NOISE]
    for level, t in zip(path, scheduler.timesteps, strict=False):
        x = scheduler.step((x - gaussian(x, level)) / level.sigma, t, x).prev_sample
        theirs.append(x)
    _compare(_ours("dpmpp_2m", NOISE, path), theirs)


def test_euler_of_a_flow() -> None:
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(sigmas=np.linspace(1, 1 / STEPS, STEPS))
    path = [RectifiedFlow().level(sigma) for sigma in scheduler.sigmas.tolist()]
    x, theirs = NOISE, [NOISE]
    for level, t in zip(path, scheduler.timesteps, strict=False):
        x = scheduler.step((x - gaussian(x, level)) / level.sigma, t, x).prev_sample
        theirs.append(x)
    _compare(_ours("euler", NOISE, path), theirs)
