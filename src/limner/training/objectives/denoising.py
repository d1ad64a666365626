"""Diffusion and flow: predict what was mixed into a latent or picture.

The process and the prediction decide which: DDPM with epsilon (DDPM eq. 14), v or x_0, or rectified
flow with its velocity (the notebook's loss); the formulas are those that sampling uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from limner.diffusion.prediction import Prediction
from limner.diffusion.process import Process
from limner.diffusion.sample import predict
from limner.diffusion.times import TimeSampling
from limner.training.draws import Draws
from limner.training.objectives.conditions import Condition, Told
from limner.training.objectives.weights import LossWeight, even


class DenoisingObjective:
    """Mean square error of the model's output, each picture weighted by its noise level.

    latents: (N, C, h, w), normalised; of a model of pixels the pictures themselves.
    condition: what the denoiser is told of each; modules that it trains belong in `trained`.
    beside: what it is shown in further channels, (B, K, h, w); None: nothing.
    """

    def __init__(
        self,
        denoiser: nn.Module,
        latents: Tensor,
        condition: Condition,
        *,
        process: Process,
        prediction: Prediction,
        times: TimeSampling,
        weight: LossWeight = even,
        trained: dict[str, nn.Module] | None = None,
        beside: Callable[[Tensor, Draws], Tensor] | None = None,
    ) -> None:
        modules = {"denoiser": denoiser, **({} if trained is None else trained)}
        self.modules = nn.ModuleDict({name: one for name, one in modules.items() if learns(one)})
        self.denoiser = denoiser
        self.latents = latents
        self.count = len(latents)
        self.condition = condition
        self.process = process
        self.prediction = prediction
        self.times = times
        self.weight = weight
        self.beside = beside

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        return {"total": self.error(self.condition(indices, draws), indices, draws)}

    def error(self, told: Told, indices: Tensor, draws: Draws, **handed: Any) -> Tensor:
        """What is told of the items -> their weighted mean square error.

        handed: what the denoiser is handed beside it.
        """
        device = next(self.denoiser.parameters()).device
        x0 = self.clean(indices, draws).to(device)
        noise = draws.normal(*x0.shape[1:]).to(x0)
        t = self.times.times_of(self.process, draws.uniform()).to(x0)
        alpha, sigma = self.process.alpha_sigma(t)
        x = self.process.add_noise(x0, noise, t)
        shown = x0[:, :0] if self.beside is None else self.beside(indices, draws).to(x0)

        def call(x: Tensor, t: Tensor) -> Tensor:
            x = torch.cat([x, shown], dim=1)
            here = {name: None if v is None else v.to(device) for name, v in told.items()}
            return self.denoiser(x, t, **here, **handed).float()

        output = predict(call, self.process, x, t)
        error = (output - self.prediction.target(x0, noise, alpha, sigma)).square()
        weight = self.weight(self.prediction, alpha, sigma)
        return (weight * error.flatten(1).mean(1)).mean()

    def clean(self, indices: Tensor, draws: Draws) -> Tensor:
        """What noise is mixed into, (B, C, h, w)."""
        return self.latents[indices]


def learns(module: nn.Module) -> bool:
    """Whether any weight of it is trained."""
    return any(weight.requires_grad for weight in module.parameters())
