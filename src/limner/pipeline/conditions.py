"""What an inpainting model is shown beside the noise when there is no picture to fill in."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from limner.errors import UsageError
from limner.models.autoencoder import Autoencoder
from limner.models.dit import DiT
from limner.models.unet import UNet


def open_canvas(
    denoiser: UNet | DiT, autoencoder: Autoencoder | None, size: tuple[int, int]
) -> Float[Tensor, "1 K h w"] | None:
    """What an inpainting model is shown beside the noisy latent when all is to be painted.

    A mask of ones and the latent of a grey picture, which is what a picture without its masked
    part is to these models. None for a model that takes the latent alone; UsageError for one that
    takes something else.
    """
    if autoencoder is None:
        return None
    channels = autoencoder.config.latent_channels
    if denoiser.config.in_channels == channels:
        return None
    if denoiser.config.in_channels != 2 * channels + 1:
        raise UsageError(
            f"this model takes {denoiser.config.in_channels} channels: {channels} (from words) "
            f"or {2 * channels + 1} (inpainting) can be painted with"
        )
    width, height = size
    like = next(autoencoder.parameters())
    grey = like.new_zeros(1, autoencoder.config.in_channels, height, width)
    latent = autoencoder.space.normalise(autoencoder.encode(grey).mode())
    return torch.cat([torch.ones_like(latent[:, :1]), latent], dim=1)
