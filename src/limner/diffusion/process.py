"""How noise is mixed in: one description, x_t = alpha_t x_0 + sigma_t eps, for three processes.

    DiscreteDiffusion   alpha^2 + sigma^2 = 1, a Markov chain of T steps     DDPM, Stable Diffusion
    RectifiedFlow       alpha = 1 - t, sigma = t                             flow matching
    EDM                 alpha = 1, sigma = t                                 Karras et al. 2022

Solvers work in *straight* coordinates, in which dx/dsigma = (x - denoised) / sigma: those of
RectifiedFlow and EDM as they are, those of DiscreteDiffusion divided by its alpha, so that its
noise level is sigma-hat = sigma / alpha. A `Level` is a noise level in straight coordinates;
`native_scale` leads back to the coordinates the network was trained in.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from limner.diffusion.betas import (
    NAME_IN_DIFFUSERS,
    Betas,
    betas_between,
    zero_terminal_betas,
)
from limner.errors import UsageError
from limner.types import Latent, Times


@dataclass(frozen=True, kw_only=True)
class Level:
    """A noise level in straight coordinates, x = alpha x_0 + sigma eps; t is the process's time.

    t of None: the time that the process itself has for this sigma, as at the levels that a solver
    puts between those of its schedule.
    """

    alpha: float
    sigma: float
    t: float | None

    def add_noise(self, x0: Latent, noise: Latent) -> Latent:
        """The start of painting: from nothing `add_noise(zeros, noise)`, for img2img the latent."""
        return self.alpha * x0 + self.sigma * noise

    def at_ratio(self, ratio: float) -> Level:
        """The level of the same process whose sigma / alpha is `ratio`.

        dx/dsigma = (x - D) / sigma makes alpha a line in sigma, 1 - bend sigma: bend is 0 where
        alpha = 1, and 1 for a flow.
        """
        bend = (1 - self.alpha) / self.sigma
        return Level(alpha=1 / (1 + bend * ratio), sigma=ratio / (1 + bend * ratio), t=None)


class Process(ABC):
    """What training, schedules and sampling ask of a noise process. Times t are (B,) fp32."""

    @property
    @abstractmethod
    def sigma_min(self) -> float:
        """The least noise a network is asked about, in straight coordinates."""

    @property
    @abstractmethod
    def sigma_max(self) -> float:
        """The most noise, in straight coordinates."""

    @abstractmethod
    def alpha_sigma(self, t: Times) -> tuple[Times, Times]:
        """(alpha_t, sigma_t) of each time, in native coordinates."""

    @abstractmethod
    def time_at(self, fraction: Times) -> Times:
        """The time for training at a fraction in (0, 1) of the way from data to noise."""

    @abstractmethod
    def model_time(self, t: Times) -> Times:
        """What the network is told of t."""

    @abstractmethod
    def sigma_at(self, t: float) -> float:
        """The straight sigma of a time."""

    @abstractmethod
    def time_of(self, sigma: float) -> float:
        """The inverse of `sigma_at`, held to the times that exist."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The fields as `scheduler_config.json` holds them; `process_from_dict` reads them back."""

    def add_noise(self, x0: Latent, noise: Latent, t: Times) -> Latent:
        """A draw of q(x_t | x_0): alpha_t x_0 + sigma_t noise."""
        alpha, sigma = self.alpha_sigma(t)
        return per_picture(alpha, x0) * x0 + per_picture(sigma, x0) * noise

    def model_input(self, x: Latent, t: Times) -> Latent:
        """x as the network is shown it; the same x, but for EDM."""
        return x

    def level(self, sigma: float) -> Level:
        """The level of a straight sigma."""
        return Level(alpha=1.0, sigma=sigma, t=self.time_of(sigma))

    def native_scale(self, level: Level) -> float:
        """What straight x is multiplied by to become native x."""
        return 1.0

    def time_of_level(self, level: Level) -> float:
        """The process's time of a level, its own or that of its sigma."""
        return self.time_of(level.sigma) if level.t is None else level.t


@dataclass(frozen=True, kw_only=True)
class DiscreteDiffusion(Process):
    """DDPM's fixed Markov chain of `steps` steps; the defaults are Stable Diffusion 1's.

    t is the step's index, 0 .. steps - 1 (x at t = 0 has had one step of noise already). Between
    indices log sigma-hat is interpolated, as k-diffusion does. trained_betas: given one by one,
    instead of beta_schedule, beta_start and beta_end. `cosine` takes no start and end.
    zero_terminal_snr: rescale the betas until nothing is left of x_0 at the end.
    """

    steps: int = 1000
    beta_schedule: Betas = Betas.SCALED_LINEAR
    beta_start: float = 0.00085
    beta_end: float = 0.012
    trained_betas: tuple[float, ...] | None = None
    zero_terminal_snr: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"DiscreteDiffusion.steps is {self.steps}; it must be at least 1")
        if self.trained_betas is not None and len(self.trained_betas) != self.steps:
            count = len(self.trained_betas)
            raise UsageError(f"trained_betas has {count} values; steps says {self.steps}")
        if self.zero_terminal_snr and self.steps < 3:
            raise UsageError("a chain of zero terminal SNR must have at least 3 steps")
        if not bool(((self.betas > 0) & (self.betas < 1)).all()):
            raise UsageError("every beta of DiscreteDiffusion must lie between 0 and 1")

    @cached_property
    def betas(self) -> Float[Tensor, "T"]:
        """The variance of each step's noise, fp64."""
        betas = (
            betas_between(self.beta_schedule, self.beta_start, self.beta_end, self.steps)
            if self.trained_betas is None
            else torch.tensor(self.trained_betas, dtype=torch.float64)
        )
        return zero_terminal_betas(betas) if self.zero_terminal_snr else betas

    @cached_property
    def alpha_bars(self) -> Float[Tensor, "T"]:
        """What is left of x_0's variance after each step, fp64 (DDPM eq. 4)."""
        return torch.cumprod(1 - self.betas, dim=0)

    @cached_property
    def log_sigmas(self) -> Float[Tensor, "T"]:
        """log sigma-hat of each step, fp64, rising."""
        return ((1 - self.alpha_bars) / self.alpha_bars).log() / 2

    @property
    def sigma_min(self) -> float:
        return self.sigma_at(0.0)

    @property
    def sigma_max(self) -> float:
        return self.sigma_at(self.steps - 1.0)

    def alpha_sigma(self, t: Times) -> tuple[Times, Times]:
        table = self.log_sigmas.to(t)
        below = t.floor().clamp(0, max(self.steps - 2, 0)).long()
        above = (below + 1).clamp(max=self.steps - 1)
        log_sigma = torch.lerp(table[below], table[above], t - below)
        return torch.sigmoid(-2 * log_sigma).sqrt(), torch.sigmoid(2 * log_sigma).sqrt()

    def time_at(self, fraction: Times) -> Times:
        """A whole step: the chain has no times between."""
        return (fraction * self.steps).floor().clamp(max=self.steps - 1)

    def model_time(self, t: Times) -> Times:
        return t

    def sigma_at(self, t: float) -> float:
        return math.exp(np.interp(t, np.arange(self.steps), self.log_sigmas.numpy()))

    def time_of(self, sigma: float) -> float:
        if sigma <= 0:
            return 0.0
        return float(np.interp(math.log(sigma), self.log_sigmas.numpy(), np.arange(self.steps)))

    def native_scale(self, level: Level) -> float:
        """alpha = 1 / sqrt(1 + sigma-hat^2), from alpha^2 + sigma^2 = 1."""
        return 1 / math.sqrt(1 + level.sigma**2)

    def q_step(self, previous: Latent, t: Times, noise: Latent) -> Latent:
        """A draw of q(x_t | x_{t-1}), one step of the chain (DDPM eq. 2)."""
        beta = per_picture(self.betas.to(t)[t.long()], previous)
        return (1 - beta).sqrt() * previous + beta.sqrt() * noise

    def chain(self, x0: Latent, generator: torch.Generator) -> Iterator[Latent]:
        """The forward chain itself: x_t for t = 0 .. steps - 1, each made of the one before."""
        x = x0
        for index in range(self.steps):
            noise = torch.randn(x.shape, generator=generator).to(x)
            x = self.q_step(x, torch.full((len(x),), float(index), device=x.device), noise)
            yield x

    def posterior(self, x0: Latent, x_t: Latent, t: Times) -> tuple[Latent, Times]:
        """(mean, variance) of q(x_{t-1} | x_t, x_0), the variance (B,) (DDPM eq. 6-7).

        At t = 0 the step before is x_0 itself: mean x_0, variance 0.
        """
        index = t.long()
        before = torch.cat([torch.ones(1, dtype=torch.float64), self.alpha_bars])[:-1]
        beta, bar = self.betas.to(t)[index], self.alpha_bars.to(t)[index]
        bar_before = before.to(t)[index]
        of_x0 = bar_before.sqrt() * beta / (1 - bar)
        of_xt = (1 - beta).sqrt() * (1 - bar_before) / (1 - bar)
        mean = per_picture(of_x0, x0) * x0 + per_picture(of_xt, x_t) * x_t
        return mean, (1 - bar_before) / (1 - bar) * beta

    def to_dict(self) -> dict[str, Any]:
        return {
            "_class_name": "DiscreteDiffusion",
            "num_train_timesteps": self.steps,
            "beta_schedule": NAME_IN_DIFFUSERS[self.beta_schedule],
            "beta_start": self.beta_start,
            "beta_end": self.beta_end,
            "trained_betas": None if self.trained_betas is None else list(self.trained_betas),
            "rescale_betas_zero_snr": self.zero_terminal_snr,
        }


@dataclass(frozen=True, kw_only=True)
class RectifiedFlow(Process):
    """Straight lines from data to noise: alpha = 1 - t, sigma = t in [0, 1] (Liu et al. 2022)."""

    @property
    def sigma_min(self) -> float:
        return 0.0

    @property
    def sigma_max(self) -> float:
        return 1.0

    def alpha_sigma(self, t: Times) -> tuple[Times, Times]:
        return 1 - t, t

    def time_at(self, fraction: Times) -> Times:
        return fraction

    def model_time(self, t: Times) -> Times:
        """1000 t, so that one time embedding serves flows and DDPM (SD3)."""
        return 1000 * t

    def sigma_at(self, t: float) -> float:
        return t

    def time_of(self, sigma: float) -> float:
        return min(max(sigma, 0.0), 1.0)

    def level(self, sigma: float) -> Level:
        return Level(alpha=1 - sigma, sigma=sigma, t=self.time_of(sigma))

    def to_dict(self) -> dict[str, Any]:
        return {"_class_name": "RectifiedFlow", "num_train_timesteps": 1000}


@dataclass(frozen=True, kw_only=True)
class EDM(Process):
    """x = x_0 + sigma eps, and the time is sigma itself (Karras et al. 2022).

    Data has the standard deviation sigma_data. With prediction `v` of the same sigma_data the
    network is preconditioned as in EDM table 1: `model_input` is c_in x, and the output is -F.
    """

    sigma_data: float = 0.5
    lowest: float = 0.002
    highest: float = 80.0

    def __post_init__(self) -> None:
        if not 0 < self.lowest < self.highest:
            raise UsageError(f"EDM needs 0 < lowest < highest, not {self.lowest}, {self.highest}")
        if not self.sigma_data > 0:
            raise UsageError(f"EDM.sigma_data is {self.sigma_data}; it must be above 0")

    @property
    def sigma_min(self) -> float:
        return self.lowest

    @property
    def sigma_max(self) -> float:
        return self.highest

    def alpha_sigma(self, t: Times) -> tuple[Times, Times]:
        return torch.ones_like(t), t

    def time_at(self, fraction: Times) -> Times:
        """The sigma with sigma / (sigma + sigma_data) = fraction.

        So a logit-normal fraction is EDM's log-normal sigma (EDM table 1): its mean is
        P_mean - ln sigma_data, its deviation P_std.
        """
        return (self.sigma_data * fraction / (1 - fraction)).clamp(self.lowest, self.highest)

    def model_time(self, t: Times) -> Times:
        """c_noise = ln(sigma) / 4 (EDM table 1)."""
        return t.log() / 4

    def model_input(self, x: Latent, t: Times) -> Latent:
        """c_in x = x / sqrt(sigma^2 + sigma_data^2) (EDM table 1)."""
        return x * per_picture((t**2 + self.sigma_data**2).rsqrt(), x)

    def sigma_at(self, t: float) -> float:
        return t

    def time_of(self, sigma: float) -> float:
        return min(max(sigma, self.lowest), self.highest)

    def to_dict(self) -> dict[str, Any]:
        return {
            "_class_name": "EDM",
            "sigma_data": self.sigma_data,
            "sigma_min": self.lowest,
            "sigma_max": self.highest,
        }


def per_picture(values: Times, like: Tensor) -> Tensor:
    """(B,) as (B, 1, ...) in the dtype of a batch `like`, so that they multiply."""
    return values.to(like).reshape(-1, *[1] * (like.ndim - 1))
