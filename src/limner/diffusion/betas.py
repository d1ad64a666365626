"""How the variances of a diffusion chain's steps are laid out."""

from __future__ import annotations

import math
from enum import StrEnum

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_ALPHA_BAR = 2.0**-24
"""alpha-bar at the end of a chain of zero terminal SNR, so that sigma-hat is finite: 4096.

It is what diffusers and the tools round k-diffusion put there; x_0 has 1/4096 of the noise.
"""


class Betas(StrEnum):
    """How the variances beta_t of the chain are laid out."""

    LINEAR = "linear"
    SCALED_LINEAR = "scaled_linear"
    COSINE = "cosine"


NAME_IN_DIFFUSERS = {
    Betas.LINEAR: "linear",
    Betas.SCALED_LINEAR: "scaled_linear",
    Betas.COSINE: "squaredcos_cap_v2",
}
BETAS_OF_DIFFUSERS = {name: betas for betas, name in NAME_IN_DIFFUSERS.items()}


def betas_between(kind: Betas, start: float, end: float, steps: int) -> Float[Tensor, "T"]:
    """The betas of a kind, fp64; `cosine` takes no start and end."""
    if kind is Betas.COSINE:
        return cosine_betas(steps)
    power = 2 if kind is Betas.SCALED_LINEAR else 1
    first, last = start ** (1 / power), end ** (1 / power)
    return torch.linspace(first, last, steps, dtype=torch.float64) ** power


def cosine_betas(steps: int) -> Float[Tensor, "T"]:
    """Betas of Improved DDPM, eq. 17 with s = 0.008, held to 0.999 at most; fp64."""
    edges = torch.arange(steps + 1, dtype=torch.float64) / steps
    alpha_bars = torch.cos((edges + 0.008) / 1.008 * math.pi / 2) ** 2
    return (1 - alpha_bars[1:] / alpha_bars[:-1]).clamp(max=0.999)


def zero_terminal_betas(betas: Float[Tensor, "T"]) -> Float[Tensor, "T"]:
    """Betas whose chain ends in noise alone (Lin et al. 2023, alg. 1), fp64.

    sqrt(alpha-bar) is moved and stretched until it ends at 0 and begins where it did; then the end
    is set to LEAST_ALPHA_BAR.
    """
    roots = torch.cumprod(1 - betas, dim=0).sqrt()
    bars = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
    bars[-1] = LEAST_ALPHA_BAR
    return 1 - bars / torch.cat([torch.ones_like(bars[:1]), bars[:-1]])
