"""What a denoiser is given beside the noisy latent, and what of its texts."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from limner.errors import UsageError
from limner.models.autoencoder import Autoencoder
from limner.models.dit import DiT
from limner.models.inpainting import channels_beside, mask_and_rest
from limner.models.unet import UNet
from limner.pipeline.canvas import Canvas
from limner.pipeline.numerics import finite


def shown_beside(
    denoiser: UNet | DiT,
    autoencoder: Autoencoder | None,
    size: tuple[int, int],
    canvas: Canvas | None,
) -> Float[Tensor, "1 K h w"] | None:
    """What an inpainting model is shown beside the noisy latent: a mask, and what it leaves.

    The latter is the latent of the picture with grey where it is masked; all of it is, where there
    is no picture or no mask. None for a model that takes the latent alone; UsageError for one that
    takes something else.
    """
    if autoencoder is None:
        return None
    channels = autoencoder.config.latent_channels
    wanted = channels + channels_beside(channels)
    if denoiser.config.in_channels == channels:
        return None
    if denoiser.config.in_channels != wanted:
        raise UsageError(
            f"this model takes {denoiser.config.in_channels} channels: {channels} (from words) "
            f"or {wanted} (inpainting) can be painted with"
        )
    width, height = size
    pixels, mask = torch.zeros(1, autoencoder.config.in_channels, height, width), None
    if canvas is not None and (mask := canvas.mask_at(size)) is not None:
        pixels = canvas.pixels(autoencoder.config.in_channels)
    if mask is None:
        mask = torch.ones(1, 1, height, width)
    at = next(autoencoder.parameters())
    return finite(mask_and_rest(autoencoder, pixels.to(at), mask.to(at)), "encoder")


def takes_pooled(denoiser: torch.nn.Module) -> bool:
    """Whether a denoiser wants the text's pooled vector beside its tokens."""
    return getattr(denoiser.config, "pooled_width", None) is not None
