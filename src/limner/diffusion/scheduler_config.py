"""How a diffusers `scheduler_config.json` says that a model is sampled.

`process_from_dict` reads the noise process of the same file, `scheduler_notes` says what of it
Limner does not do. DDIM and PNDM step to the next level, where diffusers steps T // steps times on,
which is the same with leading, and else where steps divides T.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.diffusion.hold import Hold
from limner.diffusion.names import SOLVER_NAMES, solver_name
from limner.diffusion.process import EDM, DiscreteDiffusion, Process, RectifiedFlow
from limner.diffusion.scheduler_defaults import DEFAULTS
from limner.diffusion.scheduler_notes import notes_of
from limner.diffusion.scheduler_process import completed, is_edm
from limner.diffusion.schedules import LevelOptions, Schedule, Told
from limner.diffusion.sigmas import shifted_time
from limner.errors import UsageError

FEW_STEPS = 15  # below which diffusers lowers the order of the last ones


@dataclass(frozen=True, kw_only=True)
class LastOrders:
    """The most orders of a solver's last steps, the last step's last; empty: its own.

    few: where there are fewer than FEW_STEPS. many: else.
    """

    few: tuple[int, ...] = ()
    many: tuple[int, ...] = ()

    def of(self, steps: int) -> tuple[int, ...]:
        return self.few if steps < FEW_STEPS else self.many


@dataclass(frozen=True, kw_only=True)
class SamplingPlan:
    """Solver, schedule and the options of `levels`.

    last_orders: of the solver. hold: what every denoised picture is held to; None: nothing.
    unit_start: whether painting starts from noise of unit variance in native coordinates,
    x = noise / native_scale(first level), rather than from sigma * noise. native_end: whether its
    result is the last x in native coordinates. notes: what Limner does not do as the scheduler
    does, a sentence each.
    """

    solver: str
    schedule: str
    options: LevelOptions = field(default_factory=LevelOptions)
    last_orders: LastOrders = field(default_factory=LastOrders)
    hold: Hold | None = None
    unit_start: bool = False
    native_end: bool = False
    notes: tuple[str, ...] = ()


def plan_from_dict(config: Mapping[str, Any], process: Process) -> SamplingPlan:
    """The plan of a scheduler of diffusers for the process of the same configuration.

    Raises UsageError for a class that is no solver of Limner's, or for options that no solver has.
    """
    name = str(config.get("_class_name", ""))
    if name not in {alias for aliases in SOLVER_NAMES.values() for alias in aliases}:
        raise UsageError(f"scheduler class {name!r} is unknown; a solver of diffusers is right")
    config = completed(config)
    native = name in _WHOLE_TIMES + _MULTISTEP
    schedule, options = _schedule(name, config, process)
    final = _final(name, config, process)
    if final > 0:
        options["final"] = final
    return SamplingPlan(
        solver=_solver(solver_name(name), config),
        schedule=schedule,
        options=options,
        last_orders=_last_orders(name, config),
        hold=_hold(name, config),
        unit_start=native or is_edm(config) or _spacing(name, config) == "leading",
        native_end=native,
        notes=notes_of(config),
    )


def prediction_name(config: Mapping[str, Any]) -> str:
    """What the model of a scheduler predicts, one of `limner.diffusion.prediction.PREDICTIONS`.

    Raises UsageError for a `prediction_type` that means nothing for the scheduler.
    """
    config = completed(config)
    name = str(config.get("_class_name", ""))
    given = config.get("prediction_type", "flow" if "FlowMatch" in name else "epsilon")
    names = _EDM_PREDICTIONS if name.startswith("EDM") and name != "EDM" else _PREDICTIONS
    if given not in names:
        raise UsageError(f"prediction_type {given!r} is unknown for {name}: {', '.join(names)}")
    return names[given]


_PREDICTIONS = {
    "epsilon": "epsilon",
    "v": "v",
    "v_prediction": "v",
    "sample": "sample",
    "flow": "flow",
    "flow_prediction": "flow",
    "edm": "edm",
}
_EDM_PREDICTIONS = {"epsilon": "edm", "v_prediction": "v"}
_WHOLE_TIMES = ("DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "LCMScheduler")
_MULTISTEP = (
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "UniPCMultistepScheduler",
)
_ROUNDED = ("KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler")
_SIGMA_FLAGS = {
    "use_karras_sigmas": "karras",
    "use_lu_lambdas": "exponential",
    "use_exponential_sigmas": "exponential",
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
_SINGLESTEP_SOLVERS = {("dpmsolver++", 1): "ddim", ("dpmsolver++", 2): "dpmpp_2s_single"}
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
        case "dpmpp_2s_single":
            algorithm = config.get("algorithm_type", "dpmsolver++")
            rows, wanted = _SINGLESTEP_SOLVERS, (algorithm, order)
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


def _spacing(name: str, config: Mapping[str, Any]) -> str:
    if name == "DPMSolverSinglestepScheduler":
        return "linspace"
    return str(config.get("timestep_spacing", "linspace"))


def _schedule(name: str, config: Mapping[str, Any], process: Process) -> tuple[str, LevelOptions]:
    flag = next((flag for flag in _SIGMA_FLAGS if config.get(flag)), None)
    if isinstance(process, RectifiedFlow):
        return _of_flow(name, config, flag)
    if isinstance(process, EDM):
        return _of_edm(name, config, flag)
    options: LevelOptions = {"linear": True}
    if flag is not None:
        return _SIGMA_FLAGS[flag], options | _between_sigmas(name, config, flag)
    if name == "LCMScheduler":
        return "lcm", options
    spacing, beyond = _spacing(name, config), int(name in _MULTISTEP)
    options |= _clipped(config, process)
    match spacing:
        case "leading":
            offset = int(config["steps_offset"])
            return spacing, {**options, "offset": offset, "beyond": beyond}
        case "linspace" if name in _WHOLE_TIMES + _MULTISTEP:
            return spacing, {**options, "beyond": beyond}
        case "linspace":
            return "uniform", options
        case "trailing":
            return spacing, options
    raise UsageError(f"timestep_spacing {spacing!r} is unknown; leading, linspace or trailing")


def _clipped(config: Mapping[str, Any], process: Process) -> LevelOptions:
    """How many times have a lambda below the least that a DPM-Solver of diffusers goes from."""
    least = float(config.get("lambda_min_clipped", -math.inf))
    if not isinstance(process, DiscreteDiffusion) or least == -math.inf:
        return {}
    return {"clipped": int((-process.log_sigmas < least).sum())}


def _between_sigmas(name: str, config: Mapping[str, Any], flag: str) -> LevelOptions:
    """Of karras, exponential and beta: between which sigmas, and how times are told of them."""
    options: LevelOptions = {}
    for end in ("sigma_min", "sigma_max"):
        if config.get(end) is not None and flag != "use_lu_lambdas":
            options[end] = float(config[end])
    rounded = flag in ("use_karras_sigmas", "use_lu_lambdas")
    if name in _MULTISTEP:
        cosine = name == "DPMSolverMultistepScheduler" and (
            config["beta_schedule"] == "squaredcos_cap_v2"
        )
        options["told"] = Told.NEAREST if rounded and not cosine else Told.BELOW
        return options
    if name in _ROUNDED and flag == "use_karras_sigmas":
        options["told"] = Told.NEAREST
    spacing = _spacing(name, config)
    if spacing == "linspace":
        return options
    if spacing == "leading":
        options["offset"] = int(config["steps_offset"])
    return {**options, "ends": spacing}


def _of_flow(name: str, config: Mapping[str, Any], flag: str | None) -> tuple[str, LevelOptions]:
    """diffusers' levels of a flow end above 0; those of its multistep solvers begin below 1."""
    least = 1 / int(config.get("num_train_timesteps", 1000))
    terminal = config.get("shift_terminal")
    more: LevelOptions = {"terminal": float(terminal)} if terminal else {}
    if name not in _MULTISTEP:
        shift = float(config["shift"])
        last = shifted_time(least, shift)
        if flag is None:
            return Schedule.SHIFTED, {**more, "shift": shift, "span": (1.0, last)}
        lowest = more.get("terminal", shifted_time(last, shift))
        return _SIGMA_FLAGS[flag], {"sigma_min": lowest, "sigma_max": 1.0}
    if flag is not None:
        raise UsageError(f"{flag} of a flow is none of {name}'s schedules that Limner has")
    shift = float(config["flow_shift"])
    span = (1 - least, 0.0)
    if name == "UniPCMultistepScheduler":
        first = 1 - 1e-6  # which leads to it once it is shifted
        span = (first / (shift - (shift - 1) * first), least)
    more |= {"shift": shift, "span": span, "beyond": 1, "told": Told.BELOW}
    return Schedule.SHIFTED, more


def _of_edm(name: str, config: Mapping[str, Any], flag: str | None) -> tuple[str, LevelOptions]:
    if "sigma_schedule" in config and name.startswith("EDM"):
        kind = str(config["sigma_schedule"])
        return kind, {"rho": float(config["rho"])} if kind == "karras" else {}
    if flag is None:
        raise UsageError(f"{name} with continuous times needs karras, exponential or beta sigmas")
    return _SIGMA_FLAGS[flag], {}


def _final(name: str, config: Mapping[str, Any], process: Process) -> float:
    """The sigma at the end: 0, or that of the chain's first step."""
    if name in ("DDIMScheduler", "PNDMScheduler"):
        to_zero = bool(config["set_alpha_to_one"])
    else:
        to_zero = config.get("final_sigmas_type", "zero") == "zero"
    if isinstance(process, RectifiedFlow):
        return 0.0
    return 0.0 if to_zero and name != "DEISMultistepScheduler" else process.sigma_min


def _last_orders(name: str, config: Mapping[str, Any]) -> LastOrders:
    """lower_order_final and euler_at_final, where they say other than the solver's own orders."""
    lowered, order = bool(config.get("lower_order_final")), int(config.get("solver_order", 1))
    own = DEFAULTS[name]
    if "lower_order_final" not in own or order < 2:
        return LastOrders()
    if name == "UniPCMultistepScheduler":
        return LastOrders() if lowered else LastOrders(few=(order,), many=(order,))
    if name == "DPMSolverSinglestepScheduler":
        return LastOrders(few=(1, 1), many=(1, 1)) if lowered else LastOrders()
    many = (1,) if "euler_at_final" in own and config["euler_at_final"] else ()
    return LastOrders(few=(2, 1) if lowered else many, many=many)


def _hold(name: str, config: Mapping[str, Any]) -> Hold | None:
    """thresholding, else clip_sample, of the classes that have them."""
    own = DEFAULTS[name]
    if "thresholding" in own and config["thresholding"]:
        limit, quantile = config["sample_max_value"], config["dynamic_thresholding_ratio"]
        return Hold(limit=float(limit), quantile=float(quantile))
    if "clip_sample" in own and config["clip_sample"]:
        return Hold(limit=float(config["clip_sample_range"]))
    return None
