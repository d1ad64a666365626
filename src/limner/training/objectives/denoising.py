"""Diffusion and flow: predict what was mixed into a latent, given its caption.

The process and the prediction decide which: DDPM with epsilon (DDPM eq. 14), v or x_0, or rectified
flow with its velocity (the notebook's loss); the formulas are those that sampling uses.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limner.diffusion.prediction import Prediction
from limner.diffusion.process import Process
from limner.diffusion.sample import predict
from limner.diffusion.times import TimeSampling
from limner.training.draws import Draws
from limner.types import Conditioning


class DenoisingObjective:
    """Mean square error of the model's output, text dropped to "" in some items for guidance.

    latents: (N, C, h, w), normalised. caption: the index of an item and a generator -> its caption.
    encode: captions -> Conditioning; its tower belongs in `trained` to be trained along.
    """

    def __init__(
        self,
        denoiser: nn.Module,
        latents: Tensor,
        caption: Callable[[int, torch.Generator], str],
        encode: Callable[[list[str]], Conditioning],
        *,
        process: Process,
        prediction: Prediction,
        times: TimeSampling,
        text_dropout: float = 0.1,
        trained: dict[str, nn.Module] | None = None,
    ) -> None:
        self.modules = nn.ModuleDict({"denoiser": denoiser, **({} if trained is None else trained)})
        self.denoiser = denoiser
        self.latents = latents
        self.count = len(latents)
        self.caption = caption
        self.encode = encode
        self.process = process
        self.prediction = prediction
        self.times = times
        self.text_dropout = text_dropout

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        captions = [
            self._caption(index, chance)
            for index, chance in zip(indices.tolist(), draws.chances(), strict=True)
        ]
        x0 = self.latents[indices]
        noise = draws.normal(*x0.shape[1:]).to(x0)
        t = self.times.times_of(self.process, draws.uniform()).to(x0)
        alpha, sigma = self.process.alpha_sigma(t)
        x = self.process.add_noise(x0, noise, t)
        text = self.encode(captions)

        def call(x: Tensor, t: Tensor) -> Tensor:
            return self.denoiser(x, t, text.context, text.mask).float()

        output = predict(call, self.process, x, t)
        return {"total": F.mse_loss(output, self.prediction.target(x0, noise, alpha, sigma))}

    def _caption(self, index: int, chance: torch.Generator) -> str:
        if torch.rand((), generator=chance) < self.text_dropout:
            return ""
        return self.caption(index, chance)
