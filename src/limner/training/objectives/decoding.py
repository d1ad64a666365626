"""A decoder on latents that stay as they are: the picture that each of them stands for."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from limner.data.records import PictureSet
from limner.models.autoencoder import Autoencoder
from limner.models.tiny_decoder import TinyDecoder
from limner.training.draws import Draws
from limner.training.objectives.autoencoder import looks_of, reconstruction
from limner.types import Latent


class DecoderObjective:
    """The loss `reconstruction` of pictures decoded from latents that were made beforehand, and
    where asked a perceptual distance (`training.perceptual`) that counts by its weight.

    model: an autoencoder, whose encoder gets no gradient, or a tiny decoder.
    latents: (N, C, h, w), normalised. pictures: which record of the set each of them stands for.
    spread: deviation of the noise that is added to the latents, which are never quite right.
    """

    def __init__(
        self,
        model: Autoencoder | TinyDecoder,
        latents: Latent,
        data: PictureSet,
        pictures: Sequence[int],
        *,
        spread: float = 0.05,
        perceptual: nn.Module | None = None,
        perceptual_weight: float = 0.1,
    ) -> None:
        name = "autoencoder" if isinstance(model, Autoencoder) else "tiny_decoder"
        self.modules = nn.ModuleDict({name: model})
        self.model = model
        self.latents = latents
        self.count = len(latents)
        self.data = data
        self.pictures = pictures
        self.spread = spread
        self.perceptual = perceptual  # no part of `modules`: its weights are fixed, and not saved
        self.perceptual_weight = perceptual_weight

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        device = next(self.model.parameters()).device
        pixels = self.data.to_float([self.pictures[index] for index in indices.tolist()])
        latents = self.latents[indices]
        latents = latents + self.spread * draws.normal(*latents.shape[1:])
        rebuilt, pixels = decoded(self.model, latents.to(device)).float(), pixels.to(device)
        losses = reconstruction(rebuilt, pixels)
        looks = looks_of(self.perceptual, pixels, rebuilt, draws)
        total = losses["total"] + self.perceptual_weight * sum(looks.values())
        return losses | looks | {"total": total}


def decoded(model: Autoencoder | TinyDecoder, latents: Latent) -> Float[Tensor, "B P H W"]:
    """The pixels of normalised latents, with their gradients."""
    if isinstance(model, TinyDecoder):
        pixels: Tensor = model(latents)
        return pixels
    return model.decode(model.space.restore(latents))
