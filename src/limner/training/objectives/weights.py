"""How much each noise level counts: weights of a denoiser's squared error, one a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from limner.diffusion.prediction import Prediction, min_snr_weight, reweighted
from limner.errors import TrainingError
from limner.types import Times


@runtime_checkable
class LossWeight(Protocol):
    """The weights, (B,), of pictures at (alpha, sigma) whose network says `prediction`."""

    def __call__(self, prediction: Prediction, alpha: Times, sigma: Times) -> Times: ...


def even(prediction: Prediction, alpha: Times, sigma: Times) -> Times:
    """1: the plain error of what the network says (DDPM eq. 14 where that is epsilon)."""
    return torch.ones_like(sigma)


@dataclass(frozen=True, kw_only=True)
class MinSNR:
    """min-SNR-gamma (Hang et al. 2023): little noise counts less, for every prediction alike."""

    gamma: float = 5.0

    def __post_init__(self) -> None:
        if not self.gamma > 0:
            raise TrainingError(f"gamma of min-SNR is {self.gamma}; it must be above 0")

    def __call__(self, prediction: Prediction, alpha: Times, sigma: Times) -> Times:
        return min_snr_weight(prediction, alpha, sigma, self.gamma)


@dataclass(frozen=True, kw_only=True)
class MeasuredAs:
    """The error of another prediction than the network's own, such as v-loss on x_0.

    The weight grows as 1 / sigma^2 for a network that says x_0: `least_sigma` holds it.
    """

    prediction: Prediction
    least_sigma: float = 0.05

    def __post_init__(self) -> None:
        if not self.least_sigma > 0:
            raise TrainingError(f"least_sigma is {self.least_sigma}; it must be above 0")

    def __call__(self, prediction: Prediction, alpha: Times, sigma: Times) -> Times:
        return reweighted(prediction, self.prediction, alpha, sigma.clamp(min=self.least_sigma))
