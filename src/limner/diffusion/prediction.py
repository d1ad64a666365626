"""What a network says of x = alpha x_0 + sigma eps, and how that becomes the denoised picture.

Training takes `target`, sampling takes `denoised`; each pair is one small class, so they cannot
part. alpha and sigma are (B,) in the process's native coordinates (`Process.alpha_sigma`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from limner.diffusion.process import EDM, Process, per_picture
from limner.errors import UsageError
from limner.types import Latent, Times


@runtime_checkable
class Prediction(Protocol):
    """One meaning of a network's output."""

    def target(self, x0: Latent, noise: Latent, alpha: Times, sigma: Times) -> Latent:
        """What the network should say."""

    def denoised(self, output: Latent, x: Latent, alpha: Times, sigma: Times) -> Latent:
        """x_0 as the network sees it."""

    def error_ratio(self, alpha: Times, sigma: Times) -> Times:
        """Squared error of the output for a squared error of 1 in the denoised picture."""


@dataclass(frozen=True, kw_only=True)
class Epsilon:
    """The noise itself (DDPM eq. 14). It says nothing of x_0 where alpha = 0."""

    def target(self, x0: Latent, noise: Latent, alpha: Times, sigma: Times) -> Latent:
        return noise

    def denoised(self, output: Latent, x: Latent, alpha: Times, sigma: Times) -> Latent:
        return (x - per_picture(sigma, x) * output) / per_picture(alpha, x)

    def error_ratio(self, alpha: Times, sigma: Times) -> Times:
        return (alpha / sigma) ** 2


@dataclass(frozen=True, kw_only=True)
class V:
    """alpha eps - sigma x_0 (Salimans and Ho 2022, appendix D).

    That is for data of unit variance and alpha^2 + sigma^2 = 1. In general x and x_0 are first
    brought to unit variance: x_0 / sigma_data, x / norm with norm^2 = (alpha sigma_data)^2 +
    sigma^2. With alpha = 1 this is EDM's preconditioning (table 1) with the sign of F turned.
    """

    sigma_data: float = 1.0

    def target(self, x0: Latent, noise: Latent, alpha: Times, sigma: Times) -> Latent:
        signal, spread, _ = self._unit(alpha, sigma, x0)
        return signal * noise - spread * x0 / self.sigma_data

    def denoised(self, output: Latent, x: Latent, alpha: Times, sigma: Times) -> Latent:
        signal, spread, norm = self._unit(alpha, sigma, x)
        return self.sigma_data * (signal * x / norm - spread * output)

    def error_ratio(self, alpha: Times, sigma: Times) -> Times:
        return (alpha / sigma) ** 2 + 1 / self.sigma_data**2

    def _unit(self, alpha: Times, sigma: Times, like: Latent) -> tuple[Tensor, Tensor, Tensor]:
        """alpha and sigma in unit variance, and what x is divided by; each (B, 1, 1, 1)."""
        signal = alpha * self.sigma_data
        norm = torch.hypot(signal, sigma)
        return (
            per_picture(signal / norm, like),
            per_picture(sigma / norm, like),
            per_picture(norm, like),
        )


@dataclass(frozen=True, kw_only=True)
class Preconditioned:
    """F of EDM's preconditioning (Karras et al. 2022, table 1): `V` with its sign turned."""

    sigma_data: float = 0.5

    def target(self, x0: Latent, noise: Latent, alpha: Times, sigma: Times) -> Latent:
        return -self._turned.target(x0, noise, alpha, sigma)

    def denoised(self, output: Latent, x: Latent, alpha: Times, sigma: Times) -> Latent:
        return self._turned.denoised(-output, x, alpha, sigma)

    def error_ratio(self, alpha: Times, sigma: Times) -> Times:
        return self._turned.error_ratio(alpha, sigma)

    @property
    def _turned(self) -> V:
        return V(sigma_data=self.sigma_data)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The clean picture x_0 itself."""

    def target(self, x0: Latent, noise: Latent, alpha: Times, sigma: Times) -> Latent:
        return x0

    def denoised(self, output: Latent, x: Latent, alpha: Times, sigma: Times) -> Latent:
        return output

    def error_ratio(self, alpha: Times, sigma: Times) -> Times:
        return torch.ones_like(sigma)


@dataclass(frozen=True, kw_only=True)
class Flow:
    """The velocity eps - x_0 of the straight line from data to noise (Liu et al. 2022 eq. 1)."""

    def target(self, x0: Latent, noise: Latent, alpha: Times, sigma: Times) -> Latent:
        return noise - x0

    def denoised(self, output: Latent, x: Latent, alpha: Times, sigma: Times) -> Latent:
        """x - sigma (eps - x_0) = (alpha + sigma) x_0, and a flow's alpha + sigma is 1."""
        return (x - per_picture(sigma, x) * output) / per_picture(alpha + sigma, x)

    def error_ratio(self, alpha: Times, sigma: Times) -> Times:
        return ((alpha + sigma) / sigma) ** 2


PREDICTIONS = ("epsilon", "v", "sample", "flow", "edm")


def prediction_named(name: str, process: Process) -> Prediction:
    """The prediction of that name, one of PREDICTIONS, for a process; else UsageError."""
    match name:
        case "epsilon":
            return Epsilon()
        case "v":
            return V(sigma_data=process.sigma_data) if isinstance(process, EDM) else V()
        case "edm":
            if not isinstance(process, EDM):
                raise UsageError("prediction 'edm' is of an EDM process alone")
            return Preconditioned(sigma_data=process.sigma_data)
        case "sample":
            return Sample()
        case "flow":
            return Flow()
    raise UsageError(f"prediction {name!r} is unknown; it must be one of {', '.join(PREDICTIONS)}")


def name_of(prediction: Prediction) -> str:
    """The name under which `prediction_named` makes it."""
    names = {Epsilon: "epsilon", V: "v", Preconditioned: "edm", Sample: "sample", Flow: "flow"}
    return names[type(prediction)]


def min_snr_weight(prediction: Prediction, alpha: Times, sigma: Times, gamma: float = 5.0) -> Times:
    """The loss weight of each picture, (B,), of min-SNR-gamma (Hang et al. 2023).

    The loss of x_0 gets min(SNR, gamma); an output's own loss is `error_ratio` times that of x_0,
    so epsilon gets min(SNR, gamma) / SNR and v gets min(SNR, gamma) / (SNR + 1).
    """
    snr = (alpha / sigma) ** 2
    return snr.clamp(max=gamma) / prediction.error_ratio(alpha, sigma)


def reweighted(trained: Prediction, measured: Prediction, alpha: Times, sigma: Times) -> Times:
    """The weight, (B,), that turns the loss of `trained`'s output into the loss of `measured`'s.

    `reweighted(Sample(), Flow(), ...)` is x_0-prediction with a velocity loss (JiT table 1); it
    grows as 1 / sigma^2, so hold sigma from 0 there.
    """
    return measured.error_ratio(alpha, sigma) / trained.error_ratio(alpha, sigma)
