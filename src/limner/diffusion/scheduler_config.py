"""How a diffusers `scheduler_config.json` says that a model is sampled.

`process_from_dict` reads the noise process of the same file. What k-diffusion does otherwise is
done as k-diffusion does it:

- between whole times log sigma is interpolated, where diffusers interpolates sigma;
- karras, exponential and beta sigmas span the whole process, where the diffusers schedulers of
  k-diffusion's solvers span the times of `timestep_spacing`;
- the network is told the time of each sigma, where diffusers rounds some of them;
- DDIM and PNDM step to the next level, where diffusers steps T // steps times on, which is the
  same where steps divides T and with leading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from limner.diffusion.names import SOLVER_NAMES, solver_name
from limner.diffusion.process import Process
from limner.errors import UsageError


class LevelOptions(TypedDict, total=False):
    """Those keyword arguments of `limner.diffusion.schedules.levels` that a configuration sets."""

    shift: float
    sigma_min: float
    sigma_max: float
    offset: int
    beyond: int
    final: float


@dataclass(frozen=True, kw_only=True)
class SamplingPlan:
    """Solver, schedule and the options of `levels`.

    unit_start: whether painting starts from noise of unit variance in native coordinates,
    x = noise / native_scale(first level), rather than from sigma * noise.
    """

    solver: str
    schedule: str
    options: LevelOptions = field(default_factory=LevelOptions)
    unit_start: bool = False


def plan_from_dict(config: Mapping[str, Any], process: Process) -> SamplingPlan:
    """The plan of a scheduler of diffusers for the process of the same configuration.

    Raises UsageError for a class that is no solver of Limner's, or for options that no solver has.
    """
    name = str(config.get("_class_name", ""))
    if name not in {alias for aliases in SOLVER_NAMES.values() for alias in aliases}:
        raise UsageError(f"scheduler class {name!r} is unknown; a solver of diffusers is right")
    solver = _solver(solver_name(name), config)
    if "beta_schedule" not in config:
        return SamplingPlan(solver=solver, schedule=_without_betas(name), options=_shift(config))
    schedule, options = _schedule(name, config)
    final = _final(name, config, process)
    if final > 0:
        options["final"] = final
    leading = _spacing(name, config) == "leading"
    return SamplingPlan(
        solver=solver,
        schedule=schedule,
        options=options,
        unit_start=name in _WHOLE_TIMES + _MULTISTEP or leading,
    )


_WHOLE_TIMES = ("DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "LCMScheduler")
_MULTISTEP = (
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "UniPCMultistepScheduler",
)
_SIGMA_FLAGS = {
    "use_karras_sigmas": "karras",
    "use_exponential_sigmas": "exponential",
    "use_lu_lambdas": "exponential",
    "use_beta_sigmas": "beta_sigmas",
}
_DPM_SOLVERS = {
    ("dpmsolver++", 1, "midpoint"): "ddim",
    ("dpmsolver++", 2, "midpoint"): "dpmpp_2m",
    ("dpmsolver++", 3, "midpoint"): "dpmpp_3m",
    ("dpmsolver++", 3, "heun"): "dpmpp_3m",
    ("sde-dpmsolver++", 2, "midpoint"): "dpmpp_2m_sde",
    ("sde-dpmsolver++", 2, "heun"): "dpmpp_2m_sde_heun",
    ("sde-dpmsolver++", 3, "midpoint"): "dpmpp_3m_sde",
    ("sde-dpmsolver++", 3, "heun"): "dpmpp_3m_sde",
}
_DEIS_SOLVERS = {1: "ddim", 2: "deis_2", 3: "deis"}
_UNIPC_SOLVERS = {(3, "bh1"): "unipc", (2, "bh2"): "unipc_2", (3, "bh2"): "unipc_bh2"}


def _solver(solver: str, config: Mapping[str, Any]) -> str:
    """The solver of a class, told apart by the options of those classes that are several."""
    order, kind = config.get("solver_order", 2), config.get("solver_type")
    rows: Mapping[Any, str]
    wanted: Any
    match solver:
        case "dpmpp_2m":
            algorithm = config.get("algorithm_type", "dpmsolver++")
            rows, wanted = _DPM_SOLVERS, (algorithm, order, kind or "midpoint")
        case "deis_2":
            rows, wanted = _DEIS_SOLVERS, order
        case "unipc_2":
            rows, wanted = _UNIPC_SOLVERS, (order, kind or "bh2")
        case _:
            return solver
    if wanted not in rows:
        known = ", ".join(str(row) for row in rows)
        raise UsageError(f"scheduler options {wanted} have no solver; these have: {known}")
    return rows[wanted]


def _without_betas(name: str) -> str:
    return "shifted" if name.startswith("FlowMatch") else "karras"


def _shift(config: Mapping[str, Any]) -> LevelOptions:
    return {"shift": float(config["shift"])} if "shift" in config else {}


def _spacing(name: str, config: Mapping[str, Any]) -> str:
    if name == "DPMSolverSinglestepScheduler":
        return "linspace"
    return config.get("timestep_spacing", "leading" if name in _WHOLE_TIMES else "linspace")


def _schedule(name: str, config: Mapping[str, Any]) -> tuple[str, LevelOptions]:
    for flag, schedule in _SIGMA_FLAGS.items():
        if config.get(flag):
            return schedule, {}
    if name == "LCMScheduler":
        return "lcm", {}
    spacing, beyond = _spacing(name, config), int(name in _MULTISTEP)
    match spacing:
        case "leading":
            return spacing, {"offset": int(config.get("steps_offset", 0)), "beyond": beyond}
        case "linspace" if name in _WHOLE_TIMES + _MULTISTEP:
            return spacing, {"beyond": beyond}
        case "linspace":
            return "uniform", {}
        case "trailing":
            return spacing, {}
    raise UsageError(f"timestep_spacing {spacing!r} is unknown; leading, linspace or trailing")


def _final(name: str, config: Mapping[str, Any], process: Process) -> float:
    """The sigma at the end: 0, or that of the chain's first step."""
    if name in ("DDIMScheduler", "PNDMScheduler"):
        to_zero = config.get("set_alpha_to_one", name == "DDIMScheduler")
    else:
        to_zero = config.get("final_sigmas_type", "zero") == "zero"
    return 0.0 if to_zero and name != "DEISMultistepScheduler" else process.sigma_min
