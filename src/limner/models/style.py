"""A style encoder: how a picture is drawn, as tokens that take the place of the text.

What it keeps of its convolutions are means and standard deviations over the places (Huang and
Belongie 2017, section 3), which hold textures and colours but not where anything is. The tokens
enter by the cross-attention that the text has (after IP-Adapter, Ye et al. 2023, without its second
attention).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import RequestError, UsageError
from limner.models.blocks import zero

LEAST_VARIANCE = 1e-5  # keeps the square root's gradient finite on plain maps


@dataclass(frozen=True, kw_only=True)
class StyleConfig:
    """Sizes of a style encoder.

    picture_channels: 3 for RGB, 4 for RGBA. channels: width of each convolution, each of which
    halves the size. width: of the layer between statistics and tokens.
    tokens: how many there are. context_width: their width, that of the text's tokens.
    """

    picture_channels: int = 4
    channels: tuple[int, ...] = (32, 64, 96)
    width: int = 192
    tokens: int = 4
    context_width: int = 256

    def __post_init__(self) -> None:
        if min((self.tokens, self.width, *self.channels), default=0) < 1 or not self.channels:
            raise UsageError(
                f"{self.tokens} tokens of channels {self.channels} and width {self.width}: "
                "at least 1 of each is right"
            )


class StyleEncoder(nn.Module):
    """Picture -> tokens; at first the same tokens for every picture."""

    def __init__(self, config: StyleConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.picture_channels, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(into, out, 3, stride=2, padding=1) for into, out in pairwise(widths)
        )
        self.hidden = nn.Linear(2 * sum(config.channels), config.width)
        self.out = nn.Linear(config.width, config.tokens * config.context_width)
        self.base = nn.Parameter(torch.zeros(config.tokens, config.context_width))
        zero(self.out)

    @torch.no_grad()
    def begin_at(self, tokens: Float[Tensor, "n D"]) -> None:
        """Let it say at first what these tokens say, those of the empty caption."""
        places = torch.arange(self.config.tokens) % len(tokens)
        self.base.copy_(tokens[places])

    def forward(self, pixels: Float[Tensor, "B P H W"]) -> Float[Tensor, "B K D"]:
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
        told = self.out(F.silu(self.hidden(torch.cat(found, dim=1))))
        return self.base + told.unflatten(1, self.base.shape)


def statistics(x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B 2*C"]:
    """Mean and standard deviation of each channel over the places, fp32."""
    places = x.float().flatten(2)
    deviation = (places.var(dim=2, correction=0) + LEAST_VARIANCE).sqrt()
    return torch.cat([places.mean(dim=2), deviation], dim=1)
