"""What of a diffusers scheduler's configuration changes numbers and is not done here.

Each option of a class is read by `scheduler_config` or the noise process, stands in the table
below with the values that mean nothing, or only says more of one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from limner.diffusion.scheduler_defaults import DEFAULTS

Options = Mapping[str, Any]

READ = frozenset(
    {
        "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas",
        "prediction_type", "rescale_betas_zero_snr", "timestep_spacing", "steps_offset",
        "set_alpha_to_one", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas",
        "use_lu_lambdas", "use_flow_sigmas", "flow_shift", "shift", "sigma_min", "sigma_max",
        "sigma_data", "sigma_schedule", "rho", "solver_order", "solver_type", "algorithm_type",
        "final_sigmas_type", "timestep_type", "lower_order_final", "euler_at_final",
        "lambda_min_clipped", "thresholding", "dynamic_thresholding_ratio", "sample_max_value",
        "clip_sample", "clip_sample_range", "shift_terminal",
    }
)  # fmt: skip
# Say more of an option of the table, or where random numbers begin.
DETAILS = frozenset(
    {
        "time_shift_type", "base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len",
        "noise_sampler_seed",
    }
)  # fmt: skip


def _set(name: str) -> Callable[[Options], bool]:
    return lambda options: bool(options[name])


def _not(name: str, *usual: Any) -> Callable[[Options], bool]:
    return lambda options: options[name] not in usual


def _ends_twice(options: Options) -> bool:
    """Whether the last level is the end itself, which these solvers look at once more."""
    flags = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas")
    return options["final_sigmas_type"] == "sigma_min" and any(map(options.get, flags))


def _steps_on(options: Options) -> bool:
    return options["timestep_spacing"] != "leading"


def _midpoint(options: Options) -> bool:
    """Of order 3 its steps of order 2 follow the midpoint rule, which is not the one here."""
    return options["solver_type"] == "midpoint" and options["solver_order"] > 2


def _mixing_sde(options: Options) -> bool:
    """Of order 3 its SDE has another sign in one term than k-diffusion's."""
    return str(options["algorithm_type"]).startswith("sde") and options["solver_order"] > 2


# (option, classes it is told of or () for all that have it, when, what is not done)
TABLE: tuple[tuple[str, tuple[str, ...], Callable[[Options], bool], str], ...] = (
    (
        "final_sigmas_type",
        ("DPMSolverSinglestepScheduler", "UniPCMultistepScheduler"),
        _ends_twice,
        "the network is not asked once more at the end",
    ),
    (
        "variance_type",
        ("DDPMScheduler",),
        _not("variance_type", "fixed_small", "fixed_small_log"),
        "the variance is the small one",
    ),
    (
        "variance_type",
        ("DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler"),
        _set("variance_type"),
        "a learned variance is not taken off the output",
    ),
    (
        "interpolation_type",
        (),
        _not("interpolation_type", "linear"),
        "sigmas are interpolated linearly",
    ),
    (
        "use_dynamic_shifting",
        (),
        _set("use_dynamic_shifting"),
        "the shift is the same at every size",
    ),
    ("invert_sigmas", (), _set("invert_sigmas"), "levels are not inverted"),
    ("stochastic_sampling", (), _set("stochastic_sampling"), "no fresh noise is put in"),
    ("predict_x0", (), lambda options: not options["predict_x0"], "the solver works on x_0"),
    ("disable_corrector", (), _set("disable_corrector"), "every step is corrected"),
    ("solver_p", (), _set("solver_p"), "the predictor is UniPC's own"),
    (
        "skip_prk_steps",
        (),
        lambda options: not options["skip_prk_steps"],
        "there are no Runge-Kutta steps before",
    ),
    (
        "original_inference_steps",
        (),
        _not("original_inference_steps", 50),
        "there are 50 times to choose from",
    ),
    (
        "timestep_scaling",
        (),
        _not("timestep_scaling", 10.0),
        "x is not mixed into the denoised picture",
    ),
    (
        "timestep_spacing",
        ("DDIMScheduler", "PNDMScheduler"),
        _steps_on,
        "where steps do not divide the chain, a step goes to the next level",
    ),
    (
        "solver_type",
        ("DPMSolverMultistepScheduler", "EDMDPMSolverMultistepScheduler"),
        _midpoint,
        "the steps of order 2 between those of order 3 are Heun's",
    ),
    (
        "algorithm_type",
        ("DPMSolverMultistepScheduler", "EDMDPMSolverMultistepScheduler"),
        _mixing_sde,
        "the formula is k-diffusion's, which differs in a sign from the third step on",
    ),
)


def notes_of(config: Options) -> tuple[str, ...]:
    """What is not done, a sentence each, of a configuration completed by its class's defaults."""
    name = str(config["_class_name"])
    own = DEFAULTS.get(name, {})
    return tuple(
        f"its {name} sets {option} {config[option]!r}, which Limner does otherwise: {what}"
        for option, classes, applies, what in TABLE
        if option in own and (not classes or name in classes) and applies(config)
    )
