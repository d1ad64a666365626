"""Solvers against the schedulers of diffusers, on the same levels and an exact Gaussian denoiser.

What differs, and is kept out of the comparison:

- diffusers computes levels in fp32 (and for some schedules rounds the times that it tells the
  model), so its own levels are given to both; `test_schedules.py` compares the levels themselves.
- its DDIM, DPM-Solver and DDPM keep x in native coordinates; at sigma = 0 both are the same x.
- its DDIM, DDPM, PNDM and LCM need whole times, so those levels are taken at whole times.
- its DDIM and PNDM step T // steps times on, ours to the next level; that is the same with
  "leading" and where steps divides T.
- its PNDM is compared without the Runge-Kutta start, as Stable Diffusion uses it.
- DPMSolverSDE needs torchsde: `test_solvers_k_diffusion.py` has the formula, and
  `test_brownian.py` torchsde's numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
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


def _fresh(seed: int) -> Callable[..., Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda x, interval=None: torch.randn(x.shape, generator=generator, dtype=x.dtype)


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
    """The schedulers that keep x in straight coordinates: those of k-diffusion's solvers."""
    return _straight_chain_at(scheduler, x, scheduler.sigmas.tolist(), **options)


def _straight_chain_at(
    scheduler: Any, x: Tensor, sigmas: list[float], **options: Any
) -> list[Tensor]:
    """The same where `sigmas` are those of the evaluations."""
    seen = [x]
    for sigma, t in zip(sigmas, scheduler.timesteps, strict=False):
        level = Level(alpha=1.0, sigma=sigma, t=0.0)
        x = scheduler.step(_epsilon(x, level), t, x, **options).prev_sample
        seen.append(x)
    return seen


def _native_chain(scheduler: Any, path: list[Level], **options: Any) -> list[Tensor]:
    """The schedulers that keep x in native coordinates, from unit noise, told in straight ones."""
    scales = [PROCESS.native_scale(level) for level in path]
    native, seen = NOISE, [NOISE / scales[0]]
    for index, t in enumerate(scheduler.timesteps):
        epsilon = _epsilon(native / scales[index], path[index])
        native = scheduler.step(epsilon, t, native, **options).prev_sample
        seen.append(native / scales[index + 1])
    return seen


def _start(path: list[Level]) -> Tensor:
    """Unit noise in native coordinates."""
    return NOISE / PROCESS.native_scale(path[0])


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


def _whole(times: Tensor, end: float = 0.0) -> list[Level]:
    return _levels(torch.tensor([*(PROCESS.sigma_at(float(t)) for t in times), end]))


def test_lms() -> None:
    scheduler = diffusers.LMSDiscreteScheduler(**SD1, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    scheduler.scale_model_input(NOISE, scheduler.timesteps[0])  # or it warns
    path = _levels(scheduler.sigmas)
    x = path[0].sigma * NOISE
    _compare(_ours("lms", x, path), _straight_chain(scheduler, x))


def test_dpm2() -> None:
    scheduler = diffusers.KDPM2DiscreteScheduler(**SD1)
    scheduler.set_timesteps(STEPS)
    path = _levels(torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1:-1:2]]))
    x = path[0].sigma * NOISE
    evaluated = [
        float((scheduler.sigmas_interpol if i % 2 else scheduler.sigmas)[i])
        for i in range(2 * STEPS - 1)
    ]
    _compare(_ours("dpm2", x, path), _straight_chain_at(scheduler, x, evaluated))


def test_dpm2_ancestral() -> None:
    scheduler = diffusers.KDPM2AncestralDiscreteScheduler(**SD1)
    scheduler.set_timesteps(STEPS)
    path = _levels(torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1:-1:2]]))
    x = path[0].sigma * NOISE
    evaluated = [
        float(scheduler.sigmas_interpol[i - 1] if i % 2 else scheduler.sigmas[i])
        for i in range(2 * STEPS - 1)
    ]
    generator = torch.Generator().manual_seed(5)
    theirs = _straight_chain_at(scheduler, x, evaluated, generator=generator)
    _compare(_ours("dpm2_ancestral", x, path, _fresh(5)), theirs)


@pytest.mark.parametrize("to_zero", [True, False])
def test_plms(to_zero: bool) -> None:
    """Step by step: theirs names the second level twice, ours evaluates it twice."""
    scheduler = diffusers.PNDMScheduler(
        **SD1, skip_prk_steps=True, steps_offset=1, set_alpha_to_one=to_zero
    )
    scheduler.set_timesteps(10)
    times = scheduler.timesteps
    whole = torch.cat([times[:1], times[2:]])
    path = _whole(whole, 0.0 if to_zero else PROCESS.sigma_min)
    evaluated = [path[0], path[1], *path[1:]]
    theirs = _native_chain(scheduler, evaluated)
    _compare(_ours("plms", _start(path), path), theirs)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dpmpp_2m", {"solver_order": 2}),
        ("dpmpp_3m", {"solver_order": 3, "solver_type": "heun"}),
        ("dpmpp_2m_sde", {"algorithm_type": "sde-dpmsolver++"}),
        ("dpmpp_2m_sde_heun", {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun"}),
    ],
)
@pytest.mark.parametrize("karras", [True, False])
def test_dpm_solver_multistep(name: str, options: dict[str, Any], karras: bool) -> None:
    """Of 16 steps: below 15 theirs lowers the order of the last but one."""
    scheduler = diffusers.DPMSolverMultistepScheduler(**SD1, use_karras_sigmas=karras, **options)
    scheduler.set_timesteps(16)
    path = _levels(scheduler.sigmas)
    theirs = _native_chain(scheduler, path, generator=torch.Generator().manual_seed(5))
    fresh = _fresh(5) if "sde" in name else _no_noise
    _compare(_ours(name, _start(path), path, fresh), theirs)


def test_dpm_solver_multistep_sde_of_order_3_has_another_sign() -> None:
    """Theirs has -1/2 in phi_3 where k-diffusion and the ODE's own formula have +1/2.

    The first two steps are the same; the third differs by D'' / 1, alpha = 1, in units of the step.
    """
    scheduler = diffusers.DPMSolverMultistepScheduler(
        **SD1, solver_order=3, solver_type="heun", algorithm_type="sde-dpmsolver++"
    )
    scheduler.set_timesteps(16)
    path = _levels(scheduler.sigmas)
    theirs = _native_chain(scheduler, path, generator=torch.Generator().manual_seed(5))
    ours = _ours("dpmpp_3m_sde", _start(path), path, _fresh(5))
    _compare(ours[:3], theirs[:3])
    lambdas = [-math.log(level.sigma) for level in path[:4]]
    h_2, h_1, h = (after - before for before, after in pairwise(lambdas))
    d = [gaussian(x, level) for x, level in zip(ours[:3], path, strict=False)]
    first, second = (d[2] - d[1]) * h / h_1, (d[1] - d[0]) * h / h_2
    curvature = (first - second) / ((h_1 + h_2) / h)
    torch.testing.assert_close(ours[3] - theirs[3], curvature, rtol=1e-3, atol=1e-4)


def test_dpm_solver_singlestep() -> None:
    """Theirs takes every second level for the middle of a step; even in lambda, that is ours."""
    scheduler = diffusers.DPMSolverSinglestepScheduler(**SD1, use_exponential_sigmas=True)
    scheduler.set_timesteps(13)
    path = _levels(scheduler.sigmas)
    theirs = _native_chain(scheduler, path)
    _compare(_ours("dpmpp_2s", _start(path), [*path[:-1:2], path[-1]]), theirs)


@pytest.mark.parametrize(("name", "order"), [("deis_2", 2), ("deis", 3)])
def test_deis(name: str, order: int) -> None:
    scheduler = diffusers.DEISMultistepScheduler(**SD1, solver_order=order)
    scheduler.set_timesteps(16)
    path = _levels(scheduler.sigmas)
    _compare(_ours(name, _start(path), path), _native_chain(scheduler, path))


@pytest.mark.parametrize(
    ("name", "order", "kind"), [("unipc", 3, "bh1"), ("unipc_2", 2, "bh2"), ("unipc_bh2", 3, "bh2")]
)
@pytest.mark.parametrize("karras", [True, False])
def test_unipc(name: str, order: int, kind: str, karras: bool) -> None:
    scheduler = diffusers.UniPCMultistepScheduler(
        **SD1, solver_order=order, solver_type=kind, use_karras_sigmas=karras
    )
    scheduler.set_timesteps(STEPS)
    path = _levels(scheduler.sigmas)
    ours, theirs = _ours(name, _start(path), path), _native_chain(scheduler, path)
    if kind == "bh1":  # theirs multiplies B(h) = h, infinite on the step to 0, by nothing: NaN
        assert theirs.pop().isnan().all()
        ours.pop()
    _compare(ours, theirs)


def test_unipc_of_a_flow() -> None:
    scheduler = diffusers.UniPCMultistepScheduler(
        use_flow_sigmas=True, flow_shift=2.0, prediction_type="flow_prediction"
    )
    scheduler.set_timesteps(STEPS)
    path = [RectifiedFlow().level(sigma) for sigma in scheduler.sigmas.tolist()]
    x, theirs = NOISE, [NOISE]
    for level, t in zip(path, scheduler.timesteps, strict=False):
        x = scheduler.step((x - gaussian(x, level)) / level.sigma, t, x).prev_sample
        theirs.append(x)
    _compare(_ours("unipc_2", NOISE, path), theirs)


def test_lcm() -> None:
    """But for c_skip x, at most 7e-6 of it at their last time, 19, and less before."""
    scheduler = diffusers.LCMScheduler(**SD1, steps_offset=1)
    scheduler.set_timesteps(6)
    path = _whole(scheduler.timesteps)
    theirs = _native_chain(scheduler, path, generator=torch.Generator().manual_seed(5))
    _compare(_ours("lcm", _start(path), path, _fresh(5)), theirs)


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
