"""TAESD's decoder (Bohan 2023): latents to pixels by a few plain convolutions of one width.

About a thirtieth of the work of Stable Diffusion's decoder, softer in the details. It takes the
latents that the denoiser works in, as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.types import Latent

BOUND = 3.0  # latents are bent into -3..3


@dataclass(frozen=True, kw_only=True)
class TinyDecoderConfig:
    """Sizes of a decoder; the defaults are those for Stable Diffusion 1, 2 and XL.

    blocks: residual blocks at each size, the coarsest first; every size doubles the one before.
    """

    latent_channels: int = 4
    out_channels: int = 3
    width: int = 64
    blocks: tuple[int, ...] = (3, 3, 3, 1)

    @property
    def stride(self) -> int:
        """Pixels along one side of one latent position."""
        return 2 ** (len(self.blocks) - 1)


class TinyDecoder(nn.Module):
    """Parameter names are those of `decoder` in diffusers' `AutoencoderTiny`."""

    def __init__(self, config: TinyDecoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        layers: list[nn.Module] = [_conv(config.latent_channels, width), nn.ReLU()]
        for count in config.blocks[:-1]:
            layers += [Block(width) for _ in range(count)]
            layers += [nn.Upsample(scale_factor=2), _conv(width, width, bias=False)]
        layers += [Block(width) for _ in range(config.blocks[-1])]
        self.layers = nn.Sequential(*layers, _conv(width, config.out_channels))

    def forward(self, latent: Latent) -> Float[Tensor, "B P H W"]:
        """Pixels, about -1..1 and not clamped, of normalised latents."""
        pixels: Tensor = self.layers(BOUND * torch.tanh(latent / BOUND))
        return 2 * pixels - 1


class Block(nn.Module):
    """Three convolutions and what went in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _conv(width, width), nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width)
        )

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        return torch.relu(self.conv(x) + x)


def _conv(inner: int, outer: int, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inner, outer, 3, padding=1, bias=bias)
