"""A style namer: which of a model's style words says how a picture is drawn.

What it keeps of its convolutions are means and standard deviations over the places (Huang and
Belongie 2017, section 3), which hold textures and colours but not where anything is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import RequestError, UsageError

LEAST_VARIANCE = 1e-5  # keeps the square root's gradient finite on plain maps


@dataclass(frozen=True, kw_only=True)
class StyleConfig:
    """What a style namer can name, and its size.

    styles: the words, in the order of the logits. picture_channels: 3 for RGB, 4 for RGBA.
    channels: width of each convolution, each of which halves the size. width: of the layer between
    statistics and logits.
    """

    styles: tuple[str, ...]
    picture_channels: int = 4
    channels: tuple[int, ...] = (32, 64, 96)
    width: int = 192

    def __post_init__(self) -> None:
        if not self.styles or len(set(self.styles)) != len(self.styles):
            raise UsageError(f"styles are {self.styles}: distinct words, at least one, are right")
        if min((self.width, *self.channels), default=0) < 1 or not self.channels:
            raise UsageError(
                f"channels {self.channels} and width {self.width}: at least 1 of each is right"
            )


class StyleNamer(nn.Module):
    """Picture -> a logit for each style word."""

    def __init__(self, config: StyleConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.picture_channels, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(into, out, 3, stride=2, padding=1) for into, out in pairwise(widths)
        )
        self.hidden = nn.Linear(2 * sum(config.channels), config.width)
        self.out = nn.Linear(config.width, len(config.styles))

    def forward(self, pixels: Float[Tensor, "B P H W"]) -> Float[Tensor, "B S"]:
        """pixels: model pixels of any size. RequestError for pictures with other channels."""
        channels = self.config.picture_channels
        if pixels.shape[1] != channels:
            raise RequestError(
                f"the style's picture has {pixels.shape[1]} channels: {channels} are right"
            )
        x, found = pixels, []
        for convolution in self.convolutions:
            x = F.silu(convolution(x))
            found.append(statistics(x))
        told = self.hidden(torch.cat(found, dim=1).to(x.dtype))
        return self.out(F.silu(told)).float()

    @torch.inference_mode()
    def name(self, pixels: Float[Tensor, "B P H W"]) -> tuple[str, ...]:
        """The likeliest word for each picture."""
        logits = self(pixels.to(self.out.weight))
        return tuple(self.config.styles[place] for place in logits.argmax(dim=1).tolist())


def statistics(x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B 2*C"]:
    """Mean and standard deviation of each channel over the places, fp32."""
    places = x.float().flatten(2)
    deviation = (places.var(dim=2, correction=0) + LEAST_VARIANCE).sqrt()
    return torch.cat([places.mean(dim=2), deviation], dim=1)
