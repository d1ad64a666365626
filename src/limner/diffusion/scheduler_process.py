"""The noise process that a `scheduler_config.json` describes, Limner's or a diffusers scheduler's.

`scheduler_config` reads from the same file how the model is sampled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.diffusion.betas import BETAS_OF_DIFFUSERS
from limner.diffusion.process import EDM, DiscreteDiffusion, Process, RectifiedFlow
from limner.diffusion.scheduler_defaults import DEFAULTS
from limner.errors import UsageError


def process_from_dict(config: Mapping[str, Any]) -> Process:
    """The process of a configuration.

    A scheduler of diffusers with betas is a DiscreteDiffusion, unless it is set to flows or, by
    continuous times of v, to EDM: the betas then mean nothing. Keys that describe sampling are left
    to the caller. Raises UsageError for any other class.
    """
    name = str(config.get("_class_name", ""))
    if name == "EDM":
        lowest, highest = float(config["sigma_min"]), float(config["sigma_max"])
        return EDM(sigma_data=float(config["sigma_data"]), lowest=lowest, highest=highest)
    config = completed(config)
    if name == "RectifiedFlow" or "FlowMatch" in name or config.get("use_flow_sigmas"):
        return RectifiedFlow()
    if is_edm(config):
        return _edm_from(config)
    if config.get("beta_schedule") in BETAS_OF_DIFFUSERS:
        return _discrete_from(config)
    raise UsageError(f"scheduler class {name!r} is unknown; it must have betas or be a flow or EDM")


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """A scheduler's configuration with its class's own defaults for what it does not say."""
    return {**DEFAULTS.get(str(config.get("_class_name", "")), {}), **config}


def is_edm(config: Mapping[str, Any]) -> bool:
    """Whether a scheduler of diffusers, its configuration completed, is of EDM."""
    name, kind = str(config.get("_class_name", "")), config.get("timestep_type")
    continuous = name == "EulerDiscreteScheduler" and kind == "continuous"
    return name.startswith("EDM") or (continuous and config["prediction_type"] == "v_prediction")


def _edm_from(config: Mapping[str, Any]) -> EDM:
    """EDM's own schedulers, and Euler's whose times are continuous: with data of unit variance."""
    if "sigma_data" in DEFAULTS[config["_class_name"]]:
        data = float(config["sigma_data"])
        return EDM(
            sigma_data=data, lowest=float(config["sigma_min"]), highest=float(config["sigma_max"])
        )
    if config["sigma_min"] is None or config["sigma_max"] is None:
        raise UsageError(
            "continuous times of v without sigma_min and sigma_max say no noise levels"
        )
    lowest, highest = float(config["sigma_min"]), float(config["sigma_max"])
    return EDM(sigma_data=1.0, lowest=lowest, highest=highest)


def _discrete_from(config: Mapping[str, Any]) -> DiscreteDiffusion:
    given = config.get("trained_betas")
    return DiscreteDiffusion(
        steps=int(config["num_train_timesteps"]),
        beta_schedule=BETAS_OF_DIFFUSERS[config["beta_schedule"]],
        beta_start=float(config["beta_start"]),
        beta_end=float(config["beta_end"]),
        trained_betas=None if given is None else tuple(float(beta) for beta in given),
        zero_terminal_snr=bool(config.get("rescale_betas_zero_snr", False)),
    )
