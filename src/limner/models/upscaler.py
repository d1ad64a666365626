"""A denoiser that adds to an enlarged picture what its low resolution has lost.

The low-resolution picture, enlarged bicubically, lies beside the noisy one in the input (SR3,
Saharia et al. 2022, section 2.2). What is noised is the residual, high resolution minus enlargement
(SRDiff, Li et al. 2022): it is nothing wherever the picture is smooth. The low-resolution picture
may itself be noisy, and the network is told how much (Ho et al. 2022, "Cascaded Diffusion Models",
section 4.2): what is then painted does not lean on its last detail, faults included.

Convolutions and norms of single positions: an answer depends on the positions within `halo` pixels
and on nothing else, so that a picture cut into tiles is the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import UsageError
from limner.models.blocks import zero
from limner.nn.embeddings import TimeEmbedding
from limner.types import Times

LEVELS = 1000.0  # what a noise of 1 is multiplied by for its sinusoids, as times are
PATCHES = (1, 2)  # both sides of a picture enlarged by 2 or by 4 divide into them


@dataclass(frozen=True, kw_only=True)
class UpscalerConfig:
    """The shape of an `Upscaler`.

    channels: of the picture: 4, premultiplied RGBA. patch: pixels along one side of a position
    inside. width: channels inside. depth: residual blocks. time_width: of the embedding of time and
    noise. residual_scale: what residuals are divided by, so that their variance is about 1.
    """

    channels: int = 4
    patch: int = 2
    width: int = 64
    depth: int = 8
    time_width: int = 128
    residual_scale: float = 0.15

    def __post_init__(self) -> None:
        if self.patch not in PATCHES:
            raise UsageError(f"patch of an upscaler is {self.patch}; 1 or 2 is right")
        if min(self.channels, self.width, self.depth, self.time_width) < 1:
            raise UsageError("channels, width, depth and time_width of an upscaler must be above 0")
        if not self.residual_scale > 0:
            raise UsageError(f"residual_scale is {self.residual_scale}; it must be above 0")

    @property
    def halo(self) -> int:
        """How many pixels away the furthest pixel lies that an answer depends on, at most.

        Every 3x3 convolution reaches one position further; a position is `patch` pixels wide.
        """
        return self.patch * (2 * self.depth + 2)


class Upscaler(nn.Module):
    """Says what noise there is in the residual of an enlarged picture."""

    def __init__(self, config: UpscalerConfig) -> None:
        super().__init__()
        self.config = config
        inside = config.channels * config.patch**2
        self.time_embedding = TimeEmbedding(config.time_width, config.time_width)
        self.level_embedding = TimeEmbedding(config.time_width, config.time_width)
        self.conv_in = nn.Conv2d(2 * inside, config.width, 3, padding=1)
        self.blocks = nn.ModuleList(
            SteeredBlock(config.width, config.time_width) for _ in range(config.depth)
        )
        self.conv_out = nn.Conv2d(config.width, inside, 3, padding=1)
        self.initialise()

    def initialise(self) -> None:
        """Last layers are zero: each block starts as the identity, the first answer is nothing."""
        for block in self.modules():
            if isinstance(block, SteeredBlock):
                zero(block.steering)
                zero(block.conv2)
        zero(self.conv_out)

    def forward(
        self,
        x: Float[Tensor, "B C H W"],
        t: Times,
        enlarged: Float[Tensor, "B C H W"],
        level: Float[Tensor, "B"],
    ) -> Float[Tensor, "B C H W"]:
        """What it predicts of a noisy residual; H and W are multiples of `patch`.

        t: 0..1000, a time in [0, 1] times 1000. enlarged: the low-resolution picture by `enlarge`,
        in model pixels. level: the deviation of the noise that was added to it beforehand.
        """
        steering = F.silu(self.time_embedding.at(t) + self.level_embedding.at(level * LEVELS))

        hidden = F.pixel_unshuffle(torch.cat([x, enlarged.to(x)], dim=1), self.config.patch)
        hidden = self.conv_in(hidden.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            hidden = block(hidden, steering)
        return F.pixel_shuffle(self.conv_out(F.silu(position_norm(hidden))), self.config.patch)


class SteeredBlock(nn.Module):
    """x + conv(silu((1 + scale) norm(conv(silu(norm(x)))) + shift)), of two 3x3 convolutions.

    Scale and shift are linear in the embedding of time and noise.
    """

    def __init__(self, width: int, time_width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.steering = nn.Linear(time_width, 2 * width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(
        self, x: Float[Tensor, "B D h w"], steering: Float[Tensor, "B T"]
    ) -> Float[Tensor, "B D h w"]:
        scale, shift = self.steering(steering)[:, :, None, None].chunk(2, dim=1)
        hidden = position_norm(self.conv1(F.silu(position_norm(x))))
        return x + self.conv2(F.silu(torch.addcmul(shift, hidden, 1 + scale)))


def position_norm(x: Float[Tensor, "B D h w"]) -> Float[Tensor, "B D h w"]:
    """Each position divided by the root mean square of its channels: no other plays a part."""
    last = rearrange(x, "b d h w -> b h w d")
    return rearrange(F.rms_norm(last, last.shape[-1:]), "b h w d -> b d h w")


def enlarge(low: Float[Tensor, "B C h w"], by: int) -> Float[Tensor, "B C h*{by} w*{by}"]:
    """Bicubic enlargement (Keys 1981 with a = -0.5, as Pillow has it), what residuals add to."""
    return F.interpolate(
        low, scale_factor=float(by), mode="bicubic", align_corners=False, antialias=True
    )
