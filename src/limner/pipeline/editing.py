"""Painting over a picture: the latent to begin from, and what of it is kept on the way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints import Parts
from limner.diffusion.process import Level
from limner.diffusion.sample import Denoise
from limner.models.autoencoder import Autoencoder
from limner.pipeline.canvas import Canvas
from limner.pipeline.numerics import finite
from limner.pipeline.request import Request
from limner.types import Latent

STRENGTH, STRENGTH_OF_MASKS = 0.8, 1.0  # where none is asked for; those of diffusers


@dataclass(frozen=True, kw_only=True, eq=False)
class Original:
    """A picture that is painted over, in the denoiser's space.

    latent: (1, C, h, w). mask: (1, 1, h, w), 1 where it is repainted, else 0; None: everywhere.
    strength: 0 to 1, of the steps the part that is taken, the last ones.
    blends: keep the latent outside the mask; not for inpainting models, which are shown the mask.
    """

    latent: Latent
    mask: Float[Tensor, "1 1 h w"] | None
    strength: float
    blends: bool

    def levels(self, visited: tuple[Level, ...]) -> tuple[Level, ...]:
        """Those that are taken."""
        return taken(visited, self.strength)

    def start(self, level: Level, noise: Latent) -> Latent:
        """Where diffusers begins: at the picture with noise (SDEdit, Meng et al. 2022).

        At full strength with a mask it is noise alone.
        """
        alone = self.mask is not None and self.strength == 1
        picture = torch.zeros_like(noise) if alone else self.latent.expand_as(noise)
        return level.add_noise(picture, noise)

    def kept(self, denoise: Denoise, noise: Latent, first: Level) -> Denoise:
        """A denoiser that is told what lies outside the mask, and answers with it.

        At each level it is shown the picture with that level's noise there (Lugmayr et al. 2022,
        eq. 8). With Euler this is what replacing the latent after each step gives, and it serves
        any solver, as none of them is changed. first: shown as it was begun.
        """
        mask = self.mask
        if mask is None or not self.blends:
            return denoise

        def keeping(x: Tensor, level: Level) -> Tensor:
            if level != first:
                picture = level.add_noise(self.latent.expand_as(noise), noise)
                x = torch.where(mask > 0, x, picture)
            return self.restored(denoise(x, level))

        return keeping

    def restored(self, latent: Latent) -> Latent:
        """The latent with the picture's own outside the mask."""
        if self.mask is None or not self.blends:
            return latent
        return torch.where(self.mask > 0, latent, self.latent)


def taken(visited: tuple[Level, ...], strength: float) -> tuple[Level, ...]:
    """The levels of the last int(steps * strength) steps, as diffusers counts them."""
    steps = len(visited) - 1
    return visited[steps - int(steps * strength) :]


def original_of(parts: Parts, canvas: Canvas, strength: float) -> Original:
    """The picture of a canvas in the space of a model's denoiser."""
    autoencoder = parts.autoencoder
    own = parts.denoiser.config.in_channels
    channels = own if autoencoder is None else autoencoder.config.in_channels
    device = next(parts.denoiser.parameters()).device
    latent = encoded(autoencoder, canvas.pixels(channels)).to(device)
    mask = canvas.mask_at((latent.shape[3], latent.shape[2]))
    return Original(
        latent=latent,
        mask=None if mask is None else mask.to(latent),
        strength=strength,
        blends=own == latent.shape[1],
    )


def default_strength(canvas: Canvas) -> float:
    """What is taken where no strength is asked for: all of a masked part, less of a whole."""
    return STRENGTH if canvas.mask is None else STRENGTH_OF_MASKS


def no_step_warning(request: Request) -> tuple[str, ...]:
    """Where a strength above 0 is so little of the steps that none is taken."""
    steps, strength = request.steps or 0, request.strength or 0.0
    if strength == 0 or int(steps * strength) > 0:
        return ()
    return (f"strength {strength} of {steps} steps takes none: the picture is as it was",)


@torch.inference_mode()
def encoded(autoencoder: Autoencoder | None, pixels: Float[Tensor, "B P H W"]) -> Latent:
    """Pixels as normalised latents, fp32: the mode of the encoder's distribution.

    diffusers draws from it; the mode needs no random numbers, and what is drawn differs from it by
    little. Without an autoencoder the pixels are the latents.
    """
    if autoencoder is None:
        return pixels
    raw = autoencoder.encode(pixels.to(next(autoencoder.parameters()))).mode()
    return finite(autoencoder.space.normalise(raw).float(), "encoder")
