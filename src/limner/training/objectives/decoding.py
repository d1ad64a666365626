"""A decoder on latents that stay as they are: the picture that each of them stands for."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from limner.data.records import PictureSet
from limner.models.autoencoder import Autoencoder
from limner.training.draws import Draws
from limner.training.objectives.autoencoder import reconstruction
from limner.types import Latent


class DecoderObjective:
    """The loss `reconstruction` of pictures decoded from latents that were made beforehand.

    model: its encoder gets no gradient.
    latents: (N, C, h, w), normalised. pictures: which record of the set each of them stands for.
    spread: deviation of the noise that is added to the latents, which are never quite right.
    """

    def __init__(
        self,
        model: Autoencoder,
        latents: Latent,
        data: PictureSet,
        pictures: Sequence[int],
        *,
        spread: float = 0.05,
    ) -> None:
        self.modules = nn.ModuleDict({"autoencoder": model})
        self.model = model
        self.latents = latents
        self.count = len(latents)
        self.data = data
        self.pictures = pictures
        self.spread = spread

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        device = next(self.model.parameters()).device
        pixels = self.data.to_float([self.pictures[index] for index in indices.tolist()])
        latents = self.latents[indices]
        latents = latents + self.spread * draws.normal(*latents.shape[1:])
        rebuilt = self.model.decode(self.model.space.restore(latents.to(device)))
        return reconstruction(rebuilt.float(), pixels.to(device))
