"""Stable Diffusion's KL autoencoder (Rombach et al. 2022, section 3.1); the small ones are sizes.

The encoder gives each latent position a normal distribution, the decoder a picture. Pixels are in
-1..1, channels first. Parameter names are those of diffusers' `AutoencoderKL`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import RequestError, UsageError
from limner.models.blocks import Downsample, PictureAttention, ResidualBlock, Upsample, zero
from limner.types import Latent, LatentSpace

NORM_EPS = 1e-6
LOGVAR_RANGE = (-30.0, 20.0)  # keeps exp(logvar) finite in fp32


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """Sizes of an autoencoder; the defaults are Stable Diffusion 1.

    in_channels: 3 for RGB, 4 for RGBA.
    channels: width of each level, the finest first; each level halves the size of the one before.
    layers_per_block: residual blocks a level in the encoder; one more in the decoder.
    mid_attention: self-attention between all positions in the middle.
    scale, shift: normalised latent = (raw - shift) * scale, for all channels or one a channel.
    overflows_half: the decoder's values leave the range of fp16 (SDXL's, as it was released).
    shuffle: squares of so many pixels a side go into channels before the first level, and out of
        channels after the last (Shi et al. 2016, "sub-pixel convolution"); 1: none. It costs no
        information, and saves the levels whose memory costs the most. diffusers has no such part.
    """

    in_channels: int = 3
    latent_channels: int = 4
    channels: tuple[int, ...] = (128, 256, 512, 512)
    layers_per_block: int = 2
    norm_groups: int = 32
    mid_attention: bool = True
    scale: float | tuple[float, ...] = 0.18215
    shift: float | tuple[float, ...] = 0.0
    overflows_half: bool = False
    shuffle: int = 1

    def __post_init__(self) -> None:
        levels = len(self.channels)
        if self.shuffle < 1:
            raise UsageError(f"shuffle is {self.shuffle}: 1 is none, 2 or more pixels are right")
        if min(levels, self.layers_per_block) < 1:
            raise UsageError(f"{levels} levels of {self.layers_per_block} blocks: 1 is the least")
        for width in self.channels:
            if width % self.norm_groups:
                raise UsageError(f"{width} channels do not divide into {self.norm_groups} groups")
        for name, value in (("scale", self.scale), ("shift", self.shift)):
            if isinstance(value, tuple) and len(value) != self.latent_channels:
                raise UsageError(
                    f"{name} has {len(value)} values for {self.latent_channels} latent channels"
                )
        if 0 in (self.scale if isinstance(self.scale, tuple) else (self.scale,)):
            raise UsageError(f"scale is {self.scale}: what is multiplied by 0 does not come back")

    @property
    def space(self) -> LatentSpace:
        """The latent space that a denoiser of this autoencoder works in."""
        return LatentSpace(
            channels=self.latent_channels,
            stride=self.shuffle * 2 ** (len(self.channels) - 1),
            scale=self.scale,
            shift=self.shift,
        )

    @property
    def shuffled_channels(self) -> int:
        """Channels of a picture whose squares went into channels."""
        return self.in_channels * self.shuffle**2


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """q(z given the picture): an independent normal for every number of the raw latent.

    mean, logvar: (B, C, h, w).
    """

    mean: Latent
    logvar: Latent

    def sample(self, generator: torch.Generator | None = None) -> Latent:
        """mean + sigma * noise; the noise is drawn on the generator's device."""
        device = self.mean.device if generator is None else generator.device
        noise = torch.randn(
            self.mean.shape, generator=generator, device=device, dtype=self.mean.dtype
        )
        return self.displaced(noise)

    def displaced(self, noise: Latent) -> Latent:
        """mean + sigma * noise, for noise of N(0, 1)."""
        return self.mean + (0.5 * self.logvar).exp() * noise.to(self.mean)

    def mode(self) -> Latent:
        return self.mean

    def kl(self) -> Float[Tensor, "B"]:
        """KL(q || N(0, 1)) of each picture, summed over its latent (Kingma and Welling, app. B)."""
        terms = self.mean.square() + self.logvar.exp() - 1.0 - self.logvar
        return 0.5 * terms.sum(dim=(1, 2, 3))


class Autoencoder(nn.Module):
    """Picture to latent and back. `space` normalises the raw latents for a denoiser."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        latent = config.latent_channels
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1)
        self.post_quant_conv = nn.Conv2d(latent, latent, 1)
        self.initialise()

    @property
    def space(self) -> LatentSpace:
        return self.config.space

    def initialise(self) -> None:
        """The start of a training: PyTorch's own, but for the last layer of every branch.

        These are zero, so that the network starts as its skip connections and depth costs no
        stability.
        """
        for module in self.modules():
            if isinstance(module, ResidualBlock):
                zero(module.conv2)
            elif isinstance(module, PictureAttention):
                zero(module.to_out[0])

    def encode(self, pixels: Float[Tensor, "B C H W"]) -> Posterior:
        """pixels: (B, in_channels, H, W) in -1..1, H and W multiples of `space.stride`.

        Raises RequestError where they are not.
        """
        channels, height, width = pixels.shape[1:]
        stride = self.space.stride
        if channels != self.config.in_channels:
            expected = self.config.in_channels
            raise RequestError(
                f"pixels have {channels} channels; this autoencoder takes {expected}"
            )
        if height % stride or width % stride:
            raise RequestError(
                f"picture is {width}x{height}; this autoencoder takes multiples of {stride}"
            )
        shuffled = F.pixel_unshuffle(pixels, self.config.shuffle)
        mean, logvar = self.quant_conv(self.encoder(shuffled)).chunk(2, dim=1)
        return Posterior(mean=mean, logvar=logvar.clamp(*LOGVAR_RANGE))

    def decode(self, raw: Latent) -> Float[Tensor, "B P H W"]:
        """Pixels (B, in_channels, H, W) of raw latents, about -1..1 and not clamped."""
        if raw.shape[1] != self.config.latent_channels:
            expected = self.config.latent_channels
            raise RequestError(
                f"latent has {raw.shape[1]} channels; this autoencoder takes {expected}"
            )
        shuffled = self.decoder(self.post_quant_conv(raw))
        return F.pixel_shuffle(shuffled, self.config.shuffle)


class Encoder(nn.Module):
    """Picture, its squares in channels, to (mean, logvar) before `quant_conv`."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        channels, groups = config.channels, config.norm_groups
        self.conv_in = nn.Conv2d(config.shuffled_channels, channels[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            Level(
                channels[max(level - 1, 0)],
                channels[level],
                layers=config.layers_per_block,
                groups=groups,
                down=level < len(channels) - 1,
            )
            for level in range(len(channels))
        )
        self.mid_block = Middle(channels[-1], groups=groups, attention=config.mid_attention)
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], eps=NORM_EPS)
        self.conv_out = nn.Conv2d(channels[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "B P H W"]) -> Float[Tensor, "B C2 h w"]:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        x = self.mid_block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Decoder(nn.Module):
    """Raw latent, after `post_quant_conv`, to picture, its squares in channels."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        channels, groups = config.channels, config.norm_groups
        last = len(channels) - 1
        self.conv_in = nn.Conv2d(config.latent_channels, channels[-1], 3, padding=1)
        self.mid_block = Middle(channels[-1], groups=groups, attention=config.mid_attention)
        self.up_blocks = nn.ModuleList(
            Level(
                channels[min(level + 1, last)],
                channels[level],
                layers=config.layers_per_block + 1,
                groups=groups,
                up=level > 0,
            )
            for level in range(last, -1, -1)
        )
        self.conv_norm_out = nn.GroupNorm(groups, channels[0], eps=NORM_EPS)
        self.conv_out = nn.Conv2d(channels[0], config.shuffled_channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B P H W"]:
        x = self.mid_block(self.conv_in(x))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Level(nn.Module):
    """Residual blocks of one size, then half or twice the size."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        layers: int,
        groups: int,
        down: bool = False,
        up: bool = False,
    ) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(
            ResidualBlock(
                out_channels if layer else in_channels, out_channels, groups=groups, eps=NORM_EPS
            )
            for layer in range(layers)
        )
        if down:
            self.downsamplers = nn.ModuleList([Downsample(out_channels, corner=True)])
        if up:
            self.upsamplers = nn.ModuleList([Upsample(out_channels)])
        self.down, self.up = down, up

    def forward(self, x: Float[Tensor, "B I h w"]) -> Float[Tensor, "B O h2 w2"]:
        for resnet in self.resnets:
            x = resnet(x)
        if self.down:
            x = self.downsamplers[0](x)
        return self.upsamplers[0](x) if self.up else x


class Middle(nn.Module):
    """Residual block, self-attention where there is any, residual block."""

    def __init__(self, channels: int, *, groups: int, attention: bool) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(
            ResidualBlock(channels, channels, groups=groups, eps=NORM_EPS) for _ in range(2)
        )
        self.attentions = nn.ModuleList(
            [PictureAttention(channels, groups=groups, eps=NORM_EPS)] if attention else []
        )

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        x = self.resnets[0](x)
        for attention in self.attentions:
            x = attention(x)
        return self.resnets[1](x)
