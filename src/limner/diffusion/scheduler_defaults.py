"""The options of diffusers' schedulers, with the values that a configuration without them means.

The signatures of diffusers 0.42; `DPMSolverSDEScheduler` hides its own. What a class has no option
for it does not read, so leftovers of another class in a file mean nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Options = Mapping[str, Any]

_CHAIN: Options = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "trained_betas": None,
    "prediction_type": "epsilon",
}
_SD_CHAIN: Options = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "linear",
    "trained_betas": None,
    "prediction_type": "epsilon",
}
_SIGMAS: Options = {
    "use_karras_sigmas": False,
    "use_exponential_sigmas": False,
    "use_beta_sigmas": False,
}
_SPACED: Options = {"timestep_spacing": "linspace", "steps_offset": 0}
_LEADING: Options = {"timestep_spacing": "leading", "steps_offset": 0}
_ZERO_SNR: Options = {"rescale_betas_zero_snr": False}
_THRESHOLDS: Options = {
    "thresholding": False,
    "dynamic_thresholding_ratio": 0.995,
    "sample_max_value": 1.0,
}
_FLOWS: Options = {
    "use_flow_sigmas": False,
    "flow_shift": 1.0,
    "use_dynamic_shifting": False,
    "time_shift_type": "exponential",
}
DEFAULTS: Mapping[str, Options] = {
    "DDIMScheduler": {
        **_CHAIN,
        **_LEADING,
        **_ZERO_SNR,
        **_THRESHOLDS,
        "clip_sample": True,
        "set_alpha_to_one": True,
        "clip_sample_range": 1.0,
    },
    "DDPMScheduler": {
        **_CHAIN,
        **_LEADING,
        **_ZERO_SNR,
        **_THRESHOLDS,
        "variance_type": "fixed_small",
        "clip_sample": True,
        "clip_sample_range": 1.0,
    },
    "PNDMScheduler": {**_CHAIN, **_LEADING, "skip_prk_steps": False, "set_alpha_to_one": False},
    "LCMScheduler": {
        **_LEADING,
        **_ZERO_SNR,
        **_THRESHOLDS,
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "trained_betas": None,
        "original_inference_steps": 50,
        "clip_sample": False,
        "clip_sample_range": 1.0,
        "set_alpha_to_one": True,
        "prediction_type": "epsilon",
        "timestep_scaling": 10.0,
    },
    "EulerDiscreteScheduler": {
        **_CHAIN,
        **_SIGMAS,
        **_SPACED,
        **_ZERO_SNR,
        "interpolation_type": "linear",
        "sigma_min": None,
        "sigma_max": None,
        "timestep_type": "discrete",
        "final_sigmas_type": "zero",
    },
    "EulerAncestralDiscreteScheduler": {**_CHAIN, **_SPACED, **_ZERO_SNR},
    "LMSDiscreteScheduler": {**_CHAIN, **_SIGMAS, **_SPACED},
    "HeunDiscreteScheduler": {
        **_SD_CHAIN,
        **_SIGMAS,
        **_SPACED,
        "clip_sample": False,
        "clip_sample_range": 1.0,
    },
    "KDPM2DiscreteScheduler": {**_SD_CHAIN, **_SIGMAS, **_SPACED},
    "KDPM2AncestralDiscreteScheduler": {**_SD_CHAIN, **_SIGMAS, **_SPACED},
    "DPMSolverMultistepScheduler": {
        **_CHAIN,
        **_SIGMAS,
        **_SPACED,
        **_ZERO_SNR,
        **_THRESHOLDS,
        **_FLOWS,
        "solver_order": 2,
        "algorithm_type": "dpmsolver++",
        "solver_type": "midpoint",
        "lower_order_final": True,
        "euler_at_final": False,
        "use_lu_lambdas": False,
        "final_sigmas_type": "zero",
        "lambda_min_clipped": -math.inf,
        "variance_type": None,
    },
    "DPMSolverSinglestepScheduler": {
        **_CHAIN,
        **_SIGMAS,
        **_THRESHOLDS,
        **_FLOWS,
        "solver_order": 2,
        "algorithm_type": "dpmsolver++",
        "solver_type": "midpoint",
        "lower_order_final": False,
        "final_sigmas_type": "zero",
        "lambda_min_clipped": -math.inf,
        "variance_type": None,
    },
    "DPMSolverSDEScheduler": {**_SD_CHAIN, **_SIGMAS, **_SPACED, "noise_sampler_seed": None},
    "DEISMultistepScheduler": {
        **_CHAIN,
        **_SIGMAS,
        **_SPACED,
        **_THRESHOLDS,
        **_FLOWS,
        "solver_order": 2,
        "algorithm_type": "deis",
        "solver_type": "logrho",
        "lower_order_final": True,
    },
    "UniPCMultistepScheduler": {
        **_CHAIN,
        **_SIGMAS,
        **_SPACED,
        **_ZERO_SNR,
        **_THRESHOLDS,
        **_FLOWS,
        "solver_order": 2,
        "predict_x0": True,
        "solver_type": "bh2",
        "lower_order_final": True,
        "disable_corrector": [],
        "solver_p": None,
        "final_sigmas_type": "zero",
        "sigma_min": None,
        "sigma_max": None,
        "shift_terminal": None,
    },
    "EDMEulerScheduler": {
        "sigma_min": 0.002,
        "sigma_max": 80.0,
        "sigma_data": 0.5,
        "sigma_schedule": "karras",
        "num_train_timesteps": 1000,
        "prediction_type": "epsilon",
        "rho": 7.0,
        "final_sigmas_type": "zero",
    },
    "EDMDPMSolverMultistepScheduler": {
        **_THRESHOLDS,
        "sigma_min": 0.002,
        "sigma_max": 80.0,
        "sigma_data": 0.5,
        "sigma_schedule": "karras",
        "num_train_timesteps": 1000,
        "prediction_type": "epsilon",
        "rho": 7.0,
        "solver_order": 2,
        "algorithm_type": "dpmsolver++",
        "solver_type": "midpoint",
        "lower_order_final": True,
        "euler_at_final": False,
        "final_sigmas_type": "zero",
    },
    "FlowMatchEulerDiscreteScheduler": {
        **_SIGMAS,
        "num_train_timesteps": 1000,
        "shift": 1.0,
        "use_dynamic_shifting": False,
        "base_shift": 0.5,
        "max_shift": 1.15,
        "base_image_seq_len": 256,
        "max_image_seq_len": 4096,
        "invert_sigmas": False,
        "shift_terminal": None,
        "time_shift_type": "exponential",
        "stochastic_sampling": False,
    },
    "FlowMatchHeunDiscreteScheduler": {"num_train_timesteps": 1000, "shift": 1.0},
}
