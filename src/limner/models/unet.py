"""Stable Diffusion's U-Net; the small ones are sizes of it (Rombach et al. 2022, section 3.3).

A picture or latent goes down through levels of half the size each, through the middle, and up
again; every step of the way down is handed across to its counterpart on the way up. Text enters
by cross-attention, time and a class or pooled text by a vector added in every residual block.
`Told` is what attention is handed on the way: the text, who may look at what of it, and how.

Parameter names are those of diffusers' `UNet2DConditionModel`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import RequestError, UsageError
from limner.models.blocks import Downsample, ResidualBlock, SpatialTransformer, Upsample, zero
from limner.nn.attention import number
from limner.nn.embeddings import TimeEmbedding, class_vectors, sinusoidal
from limner.nn.prepared import (
    NOTHING,
    Beside,
    Prepared,
    Told,
    check_told,
    prepared_by,
    told_of,
)
from limner.nn.rows import as_many
from limner.types import Conditioning, Context, Pooled, TextMask, Times

SIZE_WIDTH = 256  # of the sinusoids of each of SDXL's six sizes


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Sizes of a U-Net; the defaults are Stable Diffusion 1.

    channels: width of each level, the finest first.
    layers_per_block: residual blocks a level on the way down; one more on the way up.
    attention_depth: transformer blocks after each residual block of a level; 0: no attention.
    mid_attention_depth: the same for the middle; 0: one residual block and no attention there.
    heads: attention heads, a number for all levels or one a level (the middle has the last).
    context_width: width of the text's tokens; None: no text, attention within the picture only.
    linear_projection: transformers project by linear layers (SD 2, SDXL), not 1x1 convolutions.
    classes: class-conditional with so many classes; number `classes` itself means "no class".
    pooled_width: width of a vector a picture that is added to the time (SDXL: 2816).
    """

    in_channels: int = 4
    out_channels: int = 4
    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    layers_per_block: int = 2
    attention_depth: tuple[int, ...] = (1, 1, 1, 0)
    mid_attention_depth: int = 1
    heads: int | tuple[int, ...] = 8
    context_width: int | None = 768
    linear_projection: bool = False
    norm_groups: int = 32
    classes: int | None = None
    pooled_width: int | None = None

    def __post_init__(self) -> None:
        levels = len(self.channels)
        if min(levels, self.layers_per_block) < 1:
            raise UsageError(f"{levels} levels of {self.layers_per_block} blocks: 1 is the least")
        for name, values in (
            ("attention_depth", self.attention_depth),
            ("heads", self.level_heads),
        ):
            if len(values) != levels:
                raise UsageError(f"{name} has {len(values)} values for {levels} levels of channels")
        depths = (*self.attention_depth, self.mid_attention_depth)
        heads, widths = (
            (*self.level_heads, self.level_heads[-1]),
            (*self.channels, self.channels[-1]),
        )
        for width, depth, count in zip(widths, depths, heads, strict=True):
            if width % self.norm_groups:
                raise UsageError(f"{width} channels do not divide into {self.norm_groups} groups")
            if depth and width % count:
                raise UsageError(f"{width} channels do not divide into {count} heads")
        if self.classes is not None and self.pooled_width is not None:
            raise UsageError("classes and pooled_width are both set: a U-Net takes one of them")

    @property
    def level_heads(self) -> tuple[int, ...]:
        """The number of heads at each level."""
        return (self.heads,) * len(self.channels) if isinstance(self.heads, int) else self.heads

    @property
    def time_width(self) -> int:
        return 4 * self.channels[0]

    @property
    def multiple(self) -> int:
        """Height and width of the input are multiples of this."""
        return 2 ** (len(self.channels) - 1)


class UNet(nn.Module):
    """Predicts epsilon, v, x_0 or a velocity from noisy x, the time and the text.

    With `in_channels` other than `out_channels` it is an inpainting model or, at t = 0 without
    text, a plain network from picture to mask.
    """

    shares_rows = True

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        channels, time_width = config.channels, config.time_width
        self.conv_in = nn.Conv2d(config.in_channels, channels[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(channels[0], time_width)
        if config.classes is not None:
            self.class_embedding = nn.Embedding(config.classes + 1, time_width)
        if config.pooled_width is not None:
            self.add_embedding = TimeEmbedding(config.pooled_width, time_width)
        levels = range(len(channels))
        self.down_blocks = nn.ModuleList(DownBlock(config, level) for level in levels)
        self.mid_block = MidBlock(config)
        self.up_blocks = nn.ModuleList(UpBlock(config, level) for level in reversed(levels))
        self.conv_norm_out = nn.GroupNorm(config.norm_groups, channels[0])
        self.conv_out = nn.Conv2d(channels[0], config.out_channels, 3, padding=1)
        self.readers = number(self)
        self.initialise()

    def initialise(self) -> None:
        """The start of a training; PyTorch's own initialisation, but for these groups.

        The last layer of every branch is zero, so that the network starts as its skip connections
        and depth costs no stability; the output is zero, so that the first loss is that of
        predicting the mean; class vectors are small beside the time's.
        """
        for module in self.modules():
            if isinstance(module, ResidualBlock):
                zero(module.conv2)
            elif isinstance(module, SpatialTransformer):
                zero(module.proj_out)
        zero(self.conv_out)
        if self.config.classes is not None:
            nn.init.normal_(self.class_embedding.weight, std=0.02)

    def forward(
        self,
        x: Float[Tensor, "B I h w"],
        t: Times,
        context: Context | Prepared | None = None,
        mask: TextMask | None = None,
        pooled: Pooled | None = None,
        beside: Beside = NOTHING,
    ) -> Float[Tensor, "R O h w"]:
        """What the model predicts, (R, out_channels, h, w), R rows as the text has them.

        t: 0..999 in Stable Diffusion; whatever it was trained with elsewhere.
        x, t: as many rows as the text, or fewer, of which each is told several: of n rows the
            i-th the texts i, i + n, ... They are one until the text is first read.
        context, mask: the text's tokens, and which of them may be attended to (None: all).
        pooled: (B, pooled_width); for a class-conditional U-Net (B, 1) class numbers, None where
            no picture has a class. All three are in what `prepare` makes, given as `context`.
        beside: what replaces attention, hides tokens, or is added to maps, in this call.
        Raises RequestError where the shapes are not those of `config`.
        """
        self._check(x, context, mask, pooled, beside)
        time = F.silu(self.embed(t, context, pooled))
        told = told_of(context, mask, beside)
        added = beside.added or [None] * len(self.down_blocks)

        x = self.conv_in(as_many(x, time))
        skips = [x]
        for down, from_beside in zip(self.down_blocks, added, strict=True):
            x, passed = down(x, time, told, from_beside)
            skips += passed

        x = self.mid_block(x, time, told)

        for up in self.up_blocks:
            x = up(x, skips, time, told)

        return self.conv_out(F.silu(self.conv_norm_out(x)))

    def prepare(self, text: Conditioning) -> Prepared:
        """What a call makes of its text, made once: as good as the text itself in every call.

        text: its pooled vector as `forward` takes it. Valid as long as the weights are as they
        are, LoRAs included. Raises RequestError where its widths are not those of `config`.
        """
        self._check_text(text.context, text.pooled)
        pooled = self.embed_pooled(text.pooled, text.context.shape[0])
        return prepared_by(self, text.context, text.mask, pooled)

    def embed(
        self, t: Times, context: Context | Prepared | None = None, pooled: Pooled | None = None
    ) -> Float[Tensor, "R T"]:
        """The vector of time, and of class or pooled text, that every residual block is given."""
        time = self.time_embedding.at(t)
        if isinstance(context, Prepared):
            embedded = context.pooled
        else:
            embedded = self.embed_pooled(pooled, t.shape[0])
        return time if embedded is None else as_many(time, embedded) + embedded

    def embed_pooled(self, pooled: Pooled | None, rows: int) -> Float[Tensor, "B T"] | None:
        """The vector of class or pooled text; None for a U-Net that takes neither."""
        if self.config.classes is not None:
            return class_vectors(self.class_embedding, pooled, rows)
        return None if self.config.pooled_width is None else self.add_embedding(pooled)

    def _check(
        self,
        x: Float[Tensor, "B I h w"],
        context: Context | Prepared | None,
        mask: TextMask | None,
        pooled: Pooled | None,
        beside: Beside,
    ) -> None:
        config, (rows, channels, height, width) = self.config, x.shape
        if channels != config.in_channels:
            raise RequestError(f"x has {channels} channels; this U-Net takes {config.in_channels}")
        if height % config.multiple or width % config.multiple:
            raise RequestError(
                f"x is {height}x{width}; this U-Net takes multiples of {config.multiple}"
            )
        if not isinstance(context, Prepared):
            self._check_text(context, pooled)
        levels = [
            (rows, channels, height // 2**level, width // 2**level)
            for level, channels in enumerate(config.channels)
        ]
        apart = (mask, pooled)
        check_told(
            x, context, beside, apart=apart, readers=self.readers, levels=levels, several=True
        )

    def _check_text(self, context: Context | None, pooled: Pooled | None) -> None:
        config = self.config
        context_width = None if context is None else context.shape[-1]
        if context_width != config.context_width:
            takes = "no text" if config.context_width is None else config.context_width
            raise RequestError(f"context has width {context_width}; this U-Net takes {takes}")
        pooled_width = None if pooled is None else pooled.shape[-1]
        if pooled_width != config.pooled_width and config.pooled_width is not None:
            raise RequestError(
                f"pooled has width {pooled_width}; this U-Net takes {config.pooled_width}"
            )


class DownBlock(nn.Module):
    """One level of the way down: residual blocks, attention after each, then half the size."""

    def __init__(self, config: UNetConfig, level: int) -> None:
        super().__init__()
        width, first = config.channels[level], config.channels[max(level - 1, 0)]
        last = level == len(config.channels) - 1
        self.step = 2**level  # places of the latent, along one side, to one of this level's maps
        self.resnets = nn.ModuleList(
            _residual(config, width if layer else first, width)
            for layer in range(config.layers_per_block)
        )
        self.attentions = _attentions(config, level, config.layers_per_block)
        self.downsamplers = nn.ModuleList([] if last else [Downsample(width)])

    def forward(
        self,
        x: Float[Tensor, "B I h w"],
        time: Float[Tensor, "T D"],
        told: Told,
        added: Float[Tensor, "A C h w"] | None = None,
    ) -> tuple[Float[Tensor, "R O h2 w2"], list[Tensor]]:
        """The map for the level below, and those handed across.

        added: what is added to the last map before it is halved.
        """
        told = told.at(self.step)
        passed = []
        for layer, resnet in enumerate(self.resnets):
            x = resnet(x, time)
            if self.attentions:
                x = self.attentions[layer](x, told)
            passed.append(x)
        if added is not None:
            x = passed[-1] = x + as_many(added.to(x), x)
        for downsample in self.downsamplers:
            x = downsample(x)
            passed.append(x)
        return x, passed


class MidBlock(nn.Module):
    """Residual block, attention, residual block; the first alone where there is no attention."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        width, depth = config.channels[-1], config.mid_attention_depth
        blocks = 2 if depth else 1
        self.step = 2 ** (len(config.channels) - 1)
        self.resnets = nn.ModuleList(_residual(config, width, width) for _ in range(blocks))
        self.attentions = nn.ModuleList(
            [_transformer(config, width, depth, config.level_heads[-1])] if depth else []
        )

    def forward(
        self,
        x: Float[Tensor, "B C h w"],
        time: Float[Tensor, "T D"],
        told: Told,
    ) -> Float[Tensor, "R C h w"]:
        told = told.at(self.step)
        x = self.resnets[0](x, time)
        for attention, resnet in zip(self.attentions, self.resnets[1:], strict=True):
            x = resnet(attention(x, told), time)
        return x


class UpBlock(nn.Module):
    """One level of the way up: each residual block also takes what its counterpart handed on."""

    def __init__(self, config: UNetConfig, level: int) -> None:
        super().__init__()
        levels, blocks = len(config.channels), config.layers_per_block + 1
        width = config.channels[level]
        below = config.channels[min(level + 1, levels - 1)]
        above = config.channels[max(level - 1, 0)]
        self.step = 2**level
        self.resnets = nn.ModuleList(
            _residual(
                config,
                (width if layer else below) + (above if layer == blocks - 1 else width),
                width,
            )
            for layer in range(blocks)
        )
        self.attentions = _attentions(config, level, blocks)
        self.upsamplers = nn.ModuleList([Upsample(width)] if level else [])

    def forward(
        self,
        x: Float[Tensor, "B I h w"],
        skips: list[Tensor],
        time: Float[Tensor, "T D"],
        told: Told,
    ) -> Float[Tensor, "R O h2 w2"]:
        """skips: the maps handed across; the last ones are taken off the list, and set free."""
        told = told.at(self.step)
        for layer, resnet in enumerate(self.resnets):
            x = torch.cat([x, as_many(skips.pop(), x)], dim=1)
            x = resnet(x, time)
            if self.attentions:
                x = self.attentions[layer](x, told)
        for upsample in self.upsamplers:
            x = upsample(x)
        return x


def add_sizes(pooled: Pooled, sizes: Float[Tensor, "B 6"]) -> Float[Tensor, "B Q"]:
    """SDXL's added vector: pooled text (B, P) and the sinusoids of six sizes, (B, P + 1536).

    sizes: original height and width, top and left of the crop, target height and width, in pixels.
    """
    sinusoids = sinusoidal(sizes.flatten(), SIZE_WIDTH).reshape(len(sizes), -1)
    return torch.cat([pooled, sinusoids.to(pooled.dtype)], dim=-1)


def _residual(config: UNetConfig, in_channels: int, out_channels: int) -> ResidualBlock:
    return ResidualBlock(
        in_channels, out_channels, groups=config.norm_groups, time_width=config.time_width
    )


def _transformer(config: UNetConfig, width: int, depth: int, heads: int) -> SpatialTransformer:
    return SpatialTransformer(
        width,
        depth=depth,
        heads=heads,
        context_width=config.context_width,
        groups=config.norm_groups,
        linear_projection=config.linear_projection,
    )


def _attentions(config: UNetConfig, level: int, blocks: int) -> nn.ModuleList:
    """A transformer for each residual block of a level; none where its depth is 0."""
    width, depth = config.channels[level], config.attention_depth[level]
    heads = config.level_heads[level]
    count = blocks if depth else 0
    return nn.ModuleList(_transformer(config, width, depth, heads) for _ in range(count))
