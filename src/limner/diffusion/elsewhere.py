"""What other programs mean by the names of samplers and schedules: not always what Limner does.

A1111's "Beta" is even in sigma where ComfyUI's is in time, its "Align Your Steps" has a level more,
its "KL Optimal" one less, and it and ComfyUI leave the last level but one out for some samplers.
The names that mean the same everywhere are those of `limner.diffusion.names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from limner.diffusion.names import schedule_name, solver_and_schedule


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """A sampler and a schedule of another program in Limner's words.

    schedule: None where the program has not said. discard_penultimate: whether it leaves the last
    level above the end out (`limner.diffusion.schedules.LevelOptions`).
    """

    solver: str
    schedule: str | None
    discard_penultimate: bool


A1111_SAMPLERS = {
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "plms": "PLMS",
    "lms": "LMS",
    "dpm2": "DPM2",
    "dpm2_ancestral": "DPM2 a",
    "dpm_fast": "DPM fast",
    "dpm_adaptive": "DPM adaptive",
    "restart": "Restart",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "unipc": "UniPC",
    "lcm": "LCM",
}
"""Limner's name -> A1111's, where the two are the same; a name that is not here is written so."""

A1111_SCHEDULES = {
    "karras": "Karras",
    "exponential": "Exponential",
    "polyexponential": "Polyexponential",
    "kl_optimal_open": "KL Optimal",
    "uniform": "Uniform",
    "normal": "Normal",
    "sgm": "SGM Uniform",
    "simple": "Simple",
    "ddim_uniform": "DDIM",
    "beta_sigmas": "Beta",
    "ays_whole": "Align Your Steps",
}
"""Limner's name -> A1111's of the same levels; written so, these are A1111's whatever Limner's
own name of the same letters is."""

A1111_AUTOMATIC = {
    "dpm2": "karras",
    "dpm2_ancestral": "karras",
    "restart": "karras",
    "dpmpp_2s_ancestral": "karras",
    "dpmpp_sde": "karras",
    "dpmpp_2m": "karras",
    "dpmpp_2m_sde": "exponential",
    "dpmpp_2m_sde_heun": "exponential",
    "dpmpp_3m_sde": "exponential",
}
"""Solver -> the schedule that A1111 means by "Automatic"; for every other it is uniform."""

A1111_TIMES = {
    "ddim": "ddim_uniform",
    "plms": "ddim_uniform",
    "unipc": "uniform",
    "dpm_fast": "uniform",
    "dpm_adaptive": "uniform",
}
"""Solvers that go through whole times of their own in A1111, or between the model's least and most
noise, whatever schedule is said."""

A1111_DISCARDS = frozenset({"dpm2", "dpm2_ancestral", "dpmpp_3m_sde", "unipc"})
"""Solvers whose last level but one A1111 leaves out. Its UniPC, whose times are laid out for a step
more, ends at the last of them: that is the same but for the noise that is left."""

COMFYUI_DISCARDS = frozenset({"dpm2", "dpm2_ancestral", "unipc", "unipc_bh2"})
"""The same of ComfyUI."""

AUTOMATIC = "Automatic"
_LABELLED = {label: schedule for schedule, label in A1111_SCHEDULES.items()}


def a1111(sampler: str, schedule: str | None = None) -> Sampled:
    """What A1111 paints with, by the names in its infotexts.

    Before its version 1.9 the schedule's name came behind the sampler's, or was uniform. Raises
    RequestError for a name that is unknown.
    """
    solver, behind = solver_and_schedule(sampler)
    said = behind if schedule is None else a1111_schedule(schedule, solver)
    return Sampled(
        solver=solver,
        schedule=A1111_TIMES.get(solver, said or "uniform"),
        discard_penultimate=solver in A1111_DISCARDS,
    )


def a1111_schedule(name: str, solver: str = "") -> str:
    """The schedule of a name of A1111's; what "Automatic" is rests on the solver."""
    if name == AUTOMATIC:
        return A1111_AUTOMATIC.get(solver, "uniform")
    return _LABELLED.get(name) or schedule_name(name)


def comfyui(sampler: str, schedule: str | None = None) -> Sampled:
    """What ComfyUI paints with, by the names in its nodes, `sampler_name` and `scheduler`.

    Raises RequestError for a name that is unknown.
    """
    solver, behind = solver_and_schedule(sampler)
    return Sampled(
        solver=solver,
        schedule=behind if schedule is None else schedule_name(schedule),
        discard_penultimate=solver in COMFYUI_DISCARDS,
    )


def written(names: Mapping[str, str], name: str | None) -> str | None:
    """A name as one of the tables above has it, or Limner's own."""
    return None if name is None else names.get(name, name)
