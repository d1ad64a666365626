"""Whole loops as a scheduler's configuration says, with any network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from limner.diffusion.path import path
from limner.diffusion.prediction import prediction_named
from limner.diffusion.process import Level
from limner.diffusion.sample import denoise_with, drive, last
from limner.diffusion.scheduler_config import SamplingPlan, plan_from_dict, prediction_name
from limner.diffusion.scheduler_process import process_from_dict
from limner.diffusion.solvers import SOLVERS, Pair, solver_named


def whole_loop(
    config: dict[str, Any],
    steps: int,
    noise: Tensor,
    network: Callable[[Tensor, Tensor], Tensor],
    fresh: Callable[..., Tensor],
    over: tuple[Tensor, int] | None = None,
) -> tuple[Tensor, SamplingPlan]:
    """(the last latents, the plan) of noise of unit variance.

    over: a picture that is painted over, and how many of the steps are left out for that.
    """
    process = process_from_dict(config)
    plan = plan_from_dict(config, process)
    way = path(
        process,
        steps,
        plan.schedule,
        unit_start=plan.unit_start,
        native_end=plan.native_end,
        **plan.options,
    )
    model = denoise_with(network, process, prediction_named(prediction_name(config), process))

    def denoise(x: Tensor, level: Level) -> Any:
        seen = model(x, level)
        held = seen if plan.hold is None else plan.hold(seen)
        return held if SOLVERS[plan.solver].against is None else Pair(held, seen)

    x, levels = way.start * noise, way.levels
    if over is not None:
        levels = levels[over[1] :]
        x = levels[0].add_noise(over[0], noise)
    orders = plan.last_orders.of(len(way.levels) - 1)
    run = solver_named(plan.solver, last_orders=orders)(x, levels, fresh)
    return way.end * last(drive(run, denoise)), plan
