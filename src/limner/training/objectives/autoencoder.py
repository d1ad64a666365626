"""Autoencoder: reconstruct the picture through few numbers (LDM section 3.1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from limner.data.compose import on_solid
from limner.data.records import PictureSet
from limner.models.autoencoder import Autoencoder, Posterior
from limner.training.draws import Draws
from limner.training.objectives.adversary import Adversary

Drawer = Callable[[Tensor, Draws], Tensor]


class Anchor:
    """How far a latent is, in its first channels, from an earlier autoencoder's in small.

    A denoiser of these latents so goes on in the new ones. trained: the earlier one, of pictures
    whose sides are `times` smaller. weight: for a mean square difference of normalised latents.
    """

    def __init__(self, trained: Autoencoder, *, times: int, weight: float = 1.0) -> None:
        self.trained = trained.eval().requires_grad_(False)
        self.times = times
        self.weight = weight

    def __call__(self, pixels: Float[Tensor, "B C H W"], posterior: Posterior) -> Float[Tensor, ""]:
        space = self.trained.space
        with torch.no_grad():
            wanted = space.normalise(self.trained.encode(F.avg_pool2d(pixels, self.times)).mean)
        found = space.normalise(posterior.mean[:, : space.channels])
        return self.weight * F.mse_loss(found.float(), wanted.float())


class AutoencoderObjective:
    """L1 of pixels and of their differences, a small KL term, and where asked two more.

    mirrored: the part of the pictures that is mirrored.
    draw: makes the pictures of a batch, in place of those of the records at its indices.
    perceptual: a distance of opaque pictures (`training.perceptual`) that counts by its weight;
        those with transparency are compared on a ground of one colour, by chance.
    anchor: keeps the first latent channels those of an earlier autoencoder.
    """

    def __init__(
        self,
        model: Autoencoder,
        pictures: PictureSet,
        *,
        gradient_weight: float = 0.5,
        kl_weight: float = 1e-3,
        mirrored: float = 0.5,
        adversary: Adversary | None = None,
        draw: Drawer | None = None,
        perceptual: nn.Module | None = None,
        perceptual_weight: float = 0.1,
        anchor: Anchor | None = None,
    ) -> None:
        self.modules = nn.ModuleDict({"autoencoder": model})
        if adversary is not None:
            self.modules["adversary"] = adversary
        self.model = model
        self.adversary = adversary
        self.pictures = pictures
        self.count = len(pictures)
        self.gradient_weight = gradient_weight
        self.kl_weight = kl_weight
        self.mirrored = mirrored
        self.draw = draw
        self.perceptual = perceptual  # no part of `modules`: its weights are fixed, and not saved
        self.perceptual_weight = perceptual_weight
        self.anchor = anchor

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        pixels = self._pixels(indices, draws).to(next(self.model.parameters()).device)
        posterior = self.model.encode(pixels)
        noise = draws.normal(*posterior.mean.shape[1:])
        rebuilt = self.model.decode(posterior.displaced(noise)).float()
        kl = posterior.kl().mean() / posterior.mean[0].numel()
        losses = reconstruction(rebuilt, pixels, self.gradient_weight)
        looks = looks_of(self.perceptual, pixels, rebuilt, draws)
        adversarial = self._adversarial(pixels, rebuilt, losses["total"])
        total = losses["total"] + self.kl_weight * kl + sum(adversarial.values())
        total = total + self.perceptual_weight * sum(looks.values())
        anchored = {} if self.anchor is None else {"anchor": self.anchor(pixels, posterior)}
        total = total + sum(anchored.values())
        return losses | {"total": total, "kl": kl, **looks, **adversarial, **anchored}

    def _adversarial(self, pixels: Tensor, rebuilt: Tensor, total: Tensor) -> dict[str, Tensor]:
        if self.adversary is None:
            return {}
        last_layer = self.model.decoder.conv_out.weight
        return self.adversary.losses(pixels, rebuilt, total, last_layer)

    def _pixels(self, indices: Tensor, draws: Draws) -> Tensor:
        if self.draw is not None:
            return self.draw(indices, draws)
        pixels = self.pictures.to_float(indices.tolist())
        mirrored = draws.uniform() < self.mirrored
        return torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)


def looks_of(
    perceptual: nn.Module | None, pixels: Tensor, rebuilt: Tensor, draws: Draws
) -> dict[str, Tensor]:
    """The perceptual distance of pictures on grounds by chance, by its name; none without one."""
    if perceptual is None:
        return {}
    colours = draws.uniform(3).to(pixels) * 2.0 - 1.0
    with torch.autocast(pixels.device.type, enabled=False):  # depthwise layers are slow in bf16
        on_ground = (on_solid(some, colours) for some in (rebuilt, pixels))
        return {"perceptual": perceptual(*on_ground)}


def reconstruction(
    rebuilt: Tensor, pixels: Tensor, gradient_weight: float = 0.5
) -> dict[str, Tensor]:
    """L1 of pixels, L1 of their differences, and the `total` of both, means over all numbers."""
    pixel, gradient = F.l1_loss(rebuilt, pixels), gradient_difference(rebuilt, pixels)
    return {"total": pixel + gradient_weight * gradient, "pixel": pixel, "gradient": gradient}


def gradient_difference(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of the pictures' own differences along both axes: keeps edges."""
    error = a - b
    return (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()) / 2
