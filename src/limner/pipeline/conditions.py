"""What a denoiser is told beside the prompt's tokens: sizes (SDXL), a picture's open parts."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints import Parts
from limner.errors import UsageError
from limner.models.autoencoder import Autoencoder
from limner.models.dit import DiT
from limner.models.unet import SIZE_WIDTH, UNet, add_sizes
from limner.text.encode import TextEncoder
from limner.text.joint import JointEncoder
from limner.text.masks import PadMask
from limner.types import Conditioning

SIZES = 6  # original height and width, top and left of the crop, target height and width


def encoder_of(parts: Parts) -> TextEncoder | JointEncoder:
    """A model's text encoder, or both side by side, set as the model was trained."""
    own = parts.sampling
    first = TextEncoder(
        parts.tokenizer,
        parts.text_encoder,
        PadMask(own.pad_mask),
        clip_skip=own.clip_skip,
        final_norm=own.final_norm,
    )
    if parts.tokenizer_2 is None or parts.text_encoder_2 is None:
        return first
    return JointEncoder(
        first, replace(first, tokenizer=parts.tokenizer_2, tower=parts.text_encoder_2)
    )


def without_negative(text: Conditioning, rows: int) -> Conditioning:
    """Zeros in place of the first rows: SDXL was trained with zeros for no prompt at all."""
    context = text.context.clone()
    context[:rows] = 0
    if text.pooled is None:
        return replace(text, context=context)
    pooled = text.pooled.clone()
    pooled[:rows] = 0
    return replace(text, context=context, pooled=pooled)


def with_sizes(text: Conditioning, denoiser: UNet | DiT, size: tuple[int, int]) -> Conditioning:
    """The pooled text joined with SDXL's sizes, for a U-Net that takes both.

    They say that the picture was (width, height) from the start and was not cropped (Podell et al.
    2023, section 2.2).
    """
    width, height = size
    takes = getattr(denoiser.config, "pooled_width", None)
    if text.pooled is None or takes != text.pooled.shape[1] + SIZES * SIZE_WIDTH:
        return text
    sizes = torch.tensor([[height, width, 0, 0, height, width]], device=text.pooled.device)
    each = sizes.float().expand(len(text.pooled), SIZES)
    return replace(text, pooled=add_sizes(text.pooled, each))


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
