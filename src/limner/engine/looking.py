"""What a model sees in a picture: its latent, its name, its style, its content's maps."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints import Parts
from limner.engine.asks import Look, Sight
from limner.engine.numerics import finite
from limner.models.autoencoder import Autoencoder
from limner.models.content import mean_token
from limner.models.inpainting import mask_and_rest
from limner.types import Latent


def look(parts: Parts, ask: Look) -> Latent | str | tuple[Tensor, ...]:
    """The answer to a look at a picture, of a model that has what it takes."""
    match ask.sight:
        case Sight.LATENT:
            latent = encoded(parts.autoencoder, ask.pixels)
            return latent.to(next(parts.denoiser.parameters()).device)
        case Sight.MASKED:
            assert parts.autoencoder is not None
            assert ask.mask is not None
            at = next(parts.autoencoder.parameters())
            shown = mask_and_rest(parts.autoencoder, ask.pixels.to(at), ask.mask.to(at))
            return finite(shown, "encoder")
        case Sight.NAME:
            assert parts.naming is not None
            return parts.naming(ask.pixels)[0]
        case Sight.STYLE:
            assert parts.style_namer is not None
            return parts.style_namer.name(ask.pixels)[0]
        case Sight.CONTENT:
            return _content(parts, ask)


def _content(parts: Parts, ask: Look) -> tuple[Tensor, ...]:
    encoder, style = parts.content_encoder, ask.style
    assert encoder is not None
    assert style is not None
    weights = next(encoder.parameters())
    vector = mean_token(style.context, style.mask)
    return tuple(encoder(ask.pixels.to(weights), vector.to(weights)))


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
