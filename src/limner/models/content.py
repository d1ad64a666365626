"""A content branch: what a picture shows, as maps that are added to a U-Net on its way down.

(T2I-Adapter, Mou et al. 2023, section 3.2.) The U-Net stays as it is: the maps are handed in with a
call. Unlike the paper's, the branch is told the style that is asked
for, so that it can leave out what belongs to the content's own style.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import RequestError, UsageError
from limner.models.blocks import Downsample, ResidualBlock, zero
from limner.models.unet import UNetConfig
from limner.types import Context, TextMask


@dataclass(frozen=True, kw_only=True)
class ContentConfig:
    """Sizes of a content branch.

    picture_channels: of the pictures, 3 for RGB, 4 for RGBA. stride: pixels along one side of one
    position of the U-Net's input.
    channels: width of each of the U-Net's levels. blocks: residual blocks at each.
    context_width: width of the text's tokens, of which the style is told.
    """

    picture_channels: int = 4
    stride: int = 4
    channels: tuple[int, ...] = (96, 128, 192)
    blocks: tuple[int, ...] = (1, 2, 2)
    context_width: int = 256
    norm_groups: int = 32

    def __post_init__(self) -> None:
        if len(self.blocks) != len(self.channels) or min(self.blocks, default=0) < 1:
            raise UsageError(
                f"blocks {self.blocks} for channels {self.channels}: one number a level is right, "
                "each at least 1"
            )
        for width in self.channels:
            if width % self.norm_groups:
                raise UsageError(f"{width} channels do not divide into {self.norm_groups} groups")

    @classmethod
    def of(cls, unet: UNetConfig, *, picture_channels: int, stride: int) -> ContentConfig:
        """The branch for a U-Net: two blocks a level, one where the maps are largest."""
        if unet.context_width is None:
            raise UsageError("this U-Net is told no text: one with a context_width is right")
        return cls(
            picture_channels=picture_channels,
            stride=stride,
            channels=unet.channels,
            blocks=(1, *[2] * (len(unet.channels) - 1)),
            context_width=unet.context_width,
            norm_groups=unet.norm_groups,
        )

    @property
    def style_width(self) -> int:
        """Width of the vector that tells every block the style."""
        return 4 * self.channels[0]


class ContentEncoder(nn.Module):
    """Picture and style -> one map for each level of a U-Net; all zero until it is trained."""

    def __init__(self, config: ContentConfig) -> None:
        super().__init__()
        self.config = config
        shuffled = config.picture_channels * config.stride**2
        self.conv_in = nn.Conv2d(shuffled, config.channels[0], 3, padding=1)
        self.style_projection = nn.Linear(config.context_width, config.style_width)
        self.levels = nn.ModuleList(ContentLevel(config, n) for n in range(len(config.channels)))

    def forward(
        self, pixels: Float[Tensor, "B P H W"], style: Float[Tensor, "B D"]
    ) -> list[Float[Tensor, "B C h w"]]:
        """The maps from the finest level on.

        pixels: model pixels at the size of what is painted. style: the mean of the tokens that tell
        the style (`mean_token`). Raises RequestError for pictures of another kind or size.
        """
        self._check(pixels)
        x = self.conv_in(F.pixel_unshuffle(pixels, self.config.stride))
        told = F.silu(self.style_projection(style))
        maps = []
        for level in self.levels:
            x, added = level(x, told)
            maps.append(added)
        return maps

    def _check(self, pixels: Float[Tensor, "B P H W"]) -> None:
        config, (channels, height, width) = self.config, pixels.shape[1:]
        multiple = config.stride * 2 ** (len(config.channels) - 1)
        if channels != config.picture_channels or height % multiple or width % multiple:
            raise RequestError(
                f"the content has {channels} channels and {height}x{width} pixels: "
                f"{config.picture_channels} and multiples of {multiple} are right"
            )


class ContentLevel(nn.Module):
    """One level: half the size (but for the first), residual blocks, and the map to be added."""

    def __init__(self, config: ContentConfig, level: int) -> None:
        super().__init__()
        width, first = config.channels[level], config.channels[max(level - 1, 0)]
        self.downsamplers = nn.ModuleList([Downsample(first)] if level else [])
        self.resnets = nn.ModuleList(
            ResidualBlock(
                width if block else first,
                width,
                groups=config.norm_groups,
                time_width=config.style_width,
            )
            for block in range(config.blocks[level])
        )
        self.conv_out = nn.Conv2d(width, width, 1)
        zero(self.conv_out)

    def forward(
        self, x: Float[Tensor, "B I h w"], style: Float[Tensor, "B S"]
    ) -> tuple[Float[Tensor, "B C h2 w2"], Float[Tensor, "B C h2 w2"]]:
        """The map for the level below, and the one for the U-Net."""
        for downsample in self.downsamplers:
            x = downsample(x)
        for resnet in self.resnets:
            x = resnet(x, style)
        return x, self.conv_out(x)


def mean_token(context: Context, mask: TextMask | None = None) -> Float[Tensor, "B D"]:
    """The mean of the tokens that may be attended to."""
    if mask is None:
        return context.mean(dim=1)
    weights = mask.to(context)[..., None]
    return (context * weights).sum(dim=1) / weights.sum(dim=1)
