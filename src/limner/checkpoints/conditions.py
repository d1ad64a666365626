"""What a model takes beside noise and time: its text encoder, and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from limner.checkpoints.families import family_of_config
from limner.checkpoints.parts import Parts
from limner.models.dit import DiT
from limner.models.unet import SIZE_WIDTH, UNet, add_sizes
from limner.text.encode import TextEncoder
from limner.text.joint import JointEncoder
from limner.text.masks import PadMask
from limner.types import Conditioning


def encoder_of(parts: Parts) -> TextEncoder | JointEncoder:
    """A model's text encoder, or both side by side, set as the model was trained."""
    own = parts.sampling
    encoders = [
        TextEncoder(
            tokenizer,
            tower,
            PadMask(own.pad_mask),
            clip_skip=own.clip_skip,
            final_norm=own.final_norm,
        )
        for tokenizer, tower in (parts.towers[name] for name in parts.family.towers)
    ]
    return encoders[0] if len(encoders) == 1 else JointEncoder(*encoders)


def without_negative(text: Conditioning, rows: Sequence[int]) -> Conditioning:
    """Zeros in place of these rows: SDXL was trained with zeros for no prompt at all."""
    chosen = torch.tensor(list(rows), dtype=torch.long, device=text.context.device)
    context = text.context.index_fill(0, chosen, 0)
    pooled = None if text.pooled is None else text.pooled.index_fill(0, chosen, 0)
    return replace(text, context=context, pooled=pooled)


def with_sizes(text: Conditioning, denoiser: UNet | DiT, size: tuple[int, int]) -> Conditioning:
    """The pooled text joined with SDXL's sizes, for a U-Net that takes both.

    They say that the picture was (width, height) from the start and was not cropped (Podell et al.
    2023, section 2.2).
    """
    width, height = size
    takes = getattr(denoiser.config, "pooled_width", None)
    told = family_of_config(denoiser.config).sizes
    if not told or text.pooled is None or takes != text.pooled.shape[1] + told * SIZE_WIDTH:
        return text
    sizes = torch.tensor([[height, width, 0, 0, height, width]], device=text.pooled.device)
    each = sizes.float().expand(len(text.pooled), told)
    return replace(text, pooled=add_sizes(text.pooled, each))


def multiple_of(parts: Parts) -> int:
    """Width and height of a model's pictures are multiples of this."""
    autoencoder = parts.autoencoder
    stride = 1 if autoencoder is None else autoencoder.config.space.stride
    return parts.denoiser.config.multiple * stride
