"""What a single file says of noise: markers, and tables that a training left in it.

A table that is the usual one says nothing. One that is another, or a marker, changes what the
file's output means, so it is read and never passed over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from limner.checkpoints.header import shown
from limner.checkpoints.reader import Weights
from limner.diffusion.process import DiscreteDiffusion, Process
from limner.diffusion.scheduler_process import process_from_dict
from limner.errors import CheckpointError, UsageError

# ComfyUI's markers of EDM with v, as CosXL has them, and the least and most where one is missing.
V_LEAST, V_MOST = "edm_vpred.sigma_min", "edm_vpred.sigma_max"
COSXL = {
    "_class_name": "EDMEulerScheduler",
    "sigma_data": 1.0,
    "sigma_min": 0.002,
    "sigma_max": 120.0,
    "sigma_schedule": "exponential",
    "prediction_type": "v_prediction",
}
# Playground 2.5's: the mean and the deviation of its latents; the rest is the training's.
LATENT_MEAN, LATENT_DEVIATION = "edm_mean", "edm_std"
LATENT_FACTOR = 0.5  # what its latents are multiplied by once they are normalised
PLAYGROUND = {"_class_name": "EDMDPMSolverMultistepScheduler", "prediction_type": "epsilon"}

# Tables of a chain's steps, and how alpha-bar follows from each; the first that is there counts.
TABLES = {
    "alphas_cumprod": lambda table: table,
    "betas": lambda table: torch.cumprod(1 - table, dim=0),
    "denoiser.sigmas": lambda table: 1 / (1 + table.sort().values ** 2),
    "model_sampling.sigmas": lambda table: 1 / (1 + table.sort().values ** 2),
}
CLOSE = 2e-3  # of alpha-bar, in half precision too
SAME_SCALE = 1e-3
MEANINGFUL = (
    "v_pred", "ztsnr", V_LEAST, V_MOST, LATENT_MEAN, LATENT_DEVIATION, "scale_factor", *TABLES,
)  # fmt: skip


def scheduler_told(weights: Weights, names: Mapping[str, str]) -> dict[str, Any] | None:
    """The scheduler of diffusers that a file's EDM markers stand for; None: they are not there.

    names: the file's names without `state_dict.` -> as they are.
    """
    if V_LEAST in names or V_MOST in names:
        ends = {"sigma_min": V_LEAST, "sigma_max": V_MOST}
        found = {end: number(weights, names[key]) for end, key in ends.items() if key in names}
        config: Mapping[str, Any] = {**COSXL, **found}
    elif LATENT_MEAN in names or LATENT_DEVIATION in names:
        if not {LATENT_MEAN, LATENT_DEVIATION} <= names.keys():
            raise CheckpointError(f"{weights.path} has one of {LATENT_MEAN} and {LATENT_DEVIATION}")
        config = PLAYGROUND
    else:
        return None
    try:
        process_from_dict(config)
    except UsageError as error:
        raise CheckpointError(f"{weights.path}: its EDM markers mean no noise: {error}") from None
    return dict(config)


def process_told(weights: Weights, names: Mapping[str, str]) -> Process:
    """The chain of a file without EDM markers: Stable Diffusion's, unless a table says another."""
    usual = DiscreteDiffusion(zero_terminal_snr="ztsnr" in names)
    name = next((name for name in TABLES if name in names), None)
    if name is None:
        return usual
    bars = TABLES[name](weights.get(names[name]).double().flatten())
    if bars.shape != usual.alpha_bars.shape:
        raise CheckpointError(f"{weights.path}: {name} has {len(bars)} steps; 1000 are right")
    for chain in (DiscreteDiffusion(), DiscreteDiffusion(zero_terminal_snr=True)):
        if torch.allclose(bars, chain.alpha_bars, rtol=0, atol=CLOSE):
            return usual if usual.zero_terminal_snr else chain  # a marker is newer than a table
    before = torch.cat([torch.ones_like(bars[:1]), bars[:-1]])
    try:
        return DiscreteDiffusion(trained_betas=tuple((1 - bars / before).tolist()))
    except UsageError as error:
        raise CheckpointError(f"{weights.path}: {name} is no noise schedule: {error}") from None


def latent_space(
    weights: Weights, names: Mapping[str, str], usual: float | tuple[float, ...]
) -> dict[str, float | tuple[float, ...]]:
    """Scale and shift of an `AutoencoderConfig`: the usual scale, or what a file says itself."""
    if LATENT_MEAN in names and LATENT_DEVIATION in names:
        mean = weights.get(names[LATENT_MEAN]).double().flatten().tolist()
        deviation = weights.get(names[LATENT_DEVIATION]).double().flatten().tolist()
        if len(mean) != len(deviation) or min(deviation, default=0.0) <= 0:
            raise CheckpointError(f"{weights.path}: {LATENT_MEAN}, {LATENT_DEVIATION} do not fit")
        scale = tuple(LATENT_FACTOR / each for each in deviation)
        return {"scale": scale, "shift": tuple(mean)}
    if "scale_factor" not in names:
        return {"scale": usual, "shift": 0.0}
    said = number(weights, names["scale_factor"])
    close = isinstance(usual, float) and math.isclose(said, usual, rel_tol=SAME_SCALE)
    return {"scale": usual if close else said, "shift": 0.0}


def number(weights: Weights, name: str) -> float:
    """A tensor of one number."""
    tensor: Tensor = weights.get(name)
    if tensor.numel() != 1 or not torch.isfinite(value := tensor.double().flatten())[0]:
        raise CheckpointError(f"{weights.path}: {shown([name])} is not one finite number")
    return float(value[0])
