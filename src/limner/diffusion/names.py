"""Solvers and schedules by the names that people know them by: A1111's, ComfyUI's, diffusers'.

Limner's own name is the first of each row. Case, spaces and punctuation do not count, and a plus
is a p: "DPM++ 2M", "dpmpp_2m" and "dpm++2m" are one spelling, so only others need a place here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from enum import StrEnum

from limner.errors import RequestError


class NoiseMode(StrEnum):
    """Which random numbers a seed stands for.

    cpu    torch's generator on the CPU, one a picture
    nv     what a CUDA device draws, one stream a picture, computed on any device
    batch  torch's generator on the CPU with the first picture's seed, one draw for the whole batch,
           as diffusers draws where it is given one generator
    """

    CPU = "cpu"
    NV = "nv"
    BATCH = "batch"


# fmt: off
SOLVER_NAMES: dict[str, tuple[str, ...]] = {
    "euler": ("EulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler", "EDMEulerScheduler"),
    "heun": ("HeunDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"),
    "ddim": ("DDIMScheduler",),
    "ddpm": ("DDPMScheduler",),
    "euler_ancestral": ("Euler a", "EulerAncestralDiscreteScheduler"),
    "euler_cfgpp": (),
    "euler_ancestral_cfgpp": ("Euler a CFG++",),
    "plms": ("PNDM", "PNDMScheduler"),
    "ipndm": (),
    "lms": ("LMSDiscreteScheduler",),
    "dpm2": ("dpm_2", "KDPM2DiscreteScheduler"),
    "dpm2_ancestral": ("DPM2 a", "dpm_2_ancestral", "KDPM2AncestralDiscreteScheduler"),
    "dpm_fast": (),
    "dpm_adaptive": (),
    "restart": (),
    "dpmpp_2s": (),
    "dpmpp_2s_single": ("DPMSolverSinglestepScheduler",),
    "dpmpp_2s_ancestral": ("DPM++ 2S a", "DPM++ 2S Ancestral"),
    "dpmpp_sde": ("dpmpp_sde_gpu", "DPMSolverSDEScheduler"),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", "EDMDPMSolverMultistepScheduler"),
    "dpmpp_2m_sde": ("dpmpp_2m_sde_gpu",),
    "dpmpp_2m_sde_heun": ("dpmpp_2m_sde_heun_gpu",),
    "dpmpp_3m": (),
    "dpmpp_3m_sde": ("dpmpp_3m_sde_gpu",),
    "deis": (),
    "deis_2": ("DEISMultistepScheduler",),
    "unipc": ("uni_pc",),
    "unipc_2": ("UniPCMultistepScheduler",),
    "unipc_bh2": ("uni_pc_bh2",),
    "lcm": ("LCMScheduler",),
}
SCHEDULE_NAMES: dict[str, tuple[str, ...]] = {
    "karras": (),
    "exponential": (),
    "polyexponential": (),
    "kl_optimal": (),
    "kl_optimal_open": (),
    "linear_quadratic": (),
    "uniform": (),
    "normal": (),
    "sgm": ("sgm_uniform",),
    "simple": (),
    "ddim_uniform": ("DDIM",),
    "beta": (),
    "beta_sigmas": (),
    "ays": ("Align Your Steps",),
    "ays_sd1": ("ays_sd15",),
    "ays_sdxl": (),
    "ays_whole": (),
    "leading": (),
    "linspace": (),
    "trailing": (),
    "lcm": (),
    "shifted": (),
}
# fmt: on


def solver_name(name: str) -> str:
    """Limner's name of a solver; RequestError, with the nearest names, for an unknown one."""
    return _found("solver", name, _SOLVERS)


def schedule_name(name: str) -> str:
    """Limner's name of a schedule; RequestError, with the nearest names, for an unknown one.

    What diffusers calls a scheduler is a solver: the error says so.
    """
    spelled = _spelled(name)
    if spelled in _SOLVERS and spelled not in _SCHEDULES:
        raise RequestError(
            f"schedule {name!r} is the name of a solver: solver {_SOLVERS[spelled]} is right"
        )
    return _found("schedule", name, _SCHEDULES)


def solver_and_schedule(name: str) -> tuple[str, str | None]:
    """Both of a name such as "DPM++ 2M Karras"; the schedule is None where the name has none.

    Raises RequestError for what is neither.
    """
    spelled = _spelled(name)
    if spelled not in _SOLVERS:
        for schedule, own in _SCHEDULES.items():
            solver = _SOLVERS.get(spelled.removesuffix(schedule))
            if solver is not None:
                return solver, own
    return solver_name(name), None


def _spelled(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold().replace("+", "p"))


def _spellings(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Spelling -> own name."""
    return {_spelled(name): own for own, others in names.items() for name in (own, *others)}


_SOLVERS, _SCHEDULES = _spellings(SOLVER_NAMES), _spellings(SCHEDULE_NAMES)


def _found(kind: str, name: str, known: Mapping[str, str]) -> str:
    spelled = _spelled(name)
    if spelled in known:
        return known[spelled]
    near = dict.fromkeys(known[match] for match in difflib.get_close_matches(spelled, known))
    nearest = ", ".join(near or dict.fromkeys(known.values()))
    raise RequestError(f"{kind} {name!r} is unknown: one of {nearest} is right")
