"""What an inpainting model is shown beside the noisy latent: a mask, and what it leaves.

Stable Diffusion's inpainting models are its U-Net with 4 + 1 + 4 channels in (Rombach et al. 2022,
section 4.5, and the model card of stable-diffusion-inpainting).
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from limner.errors import UsageError
from limner.models.autoencoder import Autoencoder
from limner.models.unet import UNet


def channels_beside(latent_channels: int) -> int:
    """How many channels `mask_and_rest` adds to a latent."""
    return 1 + latent_channels


def mask_and_rest(
    autoencoder: Autoencoder, pixels: Float[Tensor, "B P H W"], mask: Float[Tensor, "B 1 H W"]
) -> Float[Tensor, "B K h w"]:
    """The mask at the latent's size, and the normalised latent of what is not masked.

    mask: 1 where to repaint, where the model sees grey; 0 elsewhere. A place of the latent is
    masked if any of its pixels is. fp32, by the mode of the encoder's distribution.
    """
    raw = autoencoder.encode(pixels * (1 - mask)).mode()
    latent = autoencoder.space.normalise(raw).float()
    return torch.cat([F.adaptive_max_pool2d(mask, latent.shape[2:]).to(latent), latent], dim=1)


def widened(unet: UNet) -> UNet:
    """The same U-Net with room for mask and rest, which it does not heed yet; itself if it has it.

    Raises UsageError for one that takes something else beside the latent.
    """
    takes, latent = unet.config.in_channels, unet.config.out_channels
    wanted = latent + channels_beside(latent)
    if takes == wanted:
        return unet
    if takes != latent:
        raise UsageError(f"this U-Net takes {takes} channels: one of {latent} can be widened")
    wide = UNet(replace(unet.config, in_channels=wanted))
    state = unet.state_dict()
    old = state["conv_in.weight"]
    state["conv_in.weight"] = F.pad(old, (0, 0, 0, 0, 0, wanted - takes))
    wide.load_state_dict(state)
    return wide
