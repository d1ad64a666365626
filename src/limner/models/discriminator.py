"""PatchGAN: says of every patch of a picture whether it is real (Isola et al. 2017, section 3.2).

It only helps to train an autoencoder and is not a part of a model folder.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import UsageError

LEAK = 0.2


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """Sizes of a `PatchDiscriminator`.

    channels: width of each strided layer; with three of them each answer sees 70x70 pixels.
    """

    in_channels: int = 3
    channels: tuple[int, ...] = (64, 128, 256)
    norm_groups: int = 32

    def __post_init__(self) -> None:
        if not self.channels:
            raise UsageError("a discriminator needs at least one width in channels")
        for width in self.channels:
            if width % self.norm_groups:
                raise UsageError(f"{width} channels do not divide into {self.norm_groups} groups")


class PatchDiscriminator(nn.Module):
    """Convolutions that halve the size, then two that do not; group norm in place of batch norm.

    Batch norm would let the pictures of a batch tell on each other, and depend on its size.
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        first, last = config.channels[0], config.channels[-1]
        layers: list[nn.Module] = [_conv(config.in_channels, first, stride=2), nn.LeakyReLU(LEAK)]
        pairs = zip(config.channels, config.channels[1:], strict=False)
        strided = [(inner, outer, 2) for inner, outer in pairs]
        for inner, outer, stride in [*strided, (last, 2 * last, 1)]:
            norm = nn.GroupNorm(config.norm_groups, outer)
            layers += [_conv(inner, outer, stride=stride), norm, nn.LeakyReLU(LEAK)]
        self.layers = nn.Sequential(*layers, _conv(2 * last, 1, stride=1))
        self.initialise()

    def initialise(self) -> None:
        """Weights of deviation 0.02 (Isola et al. 2017, section 6.2)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, pixels: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 h w"]:
        """One number a patch, high for real; no sigmoid."""
        return self.layers(pixels)


def _conv(inner: int, outer: int, *, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inner, outer, 4, stride=stride, padding=1)
