"""Autoencoder: reconstruct the picture through few numbers (LDM section 3.1, without adversary)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limner.data.records import PictureSet
from limner.models.autoencoder import Autoencoder
from limner.training.draws import Draws


class AutoencoderObjective:
    """L1 of pixels and of their differences, plus a small KL term.

    Half of the pictures are mirrored.
    """

    def __init__(
        self,
        model: Autoencoder,
        pictures: PictureSet,
        *,
        gradient_weight: float = 0.5,
        kl_weight: float = 1e-3,
    ) -> None:
        self.modules = nn.ModuleDict({"autoencoder": model})
        self.model = model
        self.pictures = pictures
        self.count = len(pictures)
        self.gradient_weight = gradient_weight
        self.kl_weight = kl_weight

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        pixels = self._pixels(indices, draws).to(next(self.model.parameters()).device)
        posterior = self.model.encode(pixels)
        rebuilt = self.model.decode(
            posterior.displaced(draws.normal(*posterior.mean.shape[1:]))
        ).float()
        pixel = F.l1_loss(rebuilt, pixels)
        gradient = gradient_difference(rebuilt, pixels)
        kl = posterior.kl().mean() / posterior.mean[0].numel()
        total = pixel + self.gradient_weight * gradient + self.kl_weight * kl
        return {"total": total, "pixel": pixel, "gradient": gradient, "kl": kl}

    def _pixels(self, indices: Tensor, draws: Draws) -> Tensor:
        pixels = self.pictures.to_float(indices.tolist())
        mirrored = draws.uniform() < 0.5
        return torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)


def gradient_difference(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of the pictures' own differences along both axes: keeps edges."""
    error = a - b
    return (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()) / 2
