"""The blocks that the U-Net and the autoencoder are built of.

Parameter names are those of diffusers, so that its state dicts load as they are.
"""

from __future__ import annotations

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from limner.nn.attention import Attention
from limner.nn.prepared import Told
from limner.nn.rows import as_many

TRANSFORMER_NORM_EPS = 1e-6  # group norm before a transformer, in every Stable Diffusion


class ResidualBlock(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x))) + time))), widths changed by a 1x1 convolution.

    time_width: width of the time embedding; None in the autoencoder, which knows no time.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        groups: int,
        time_width: int | None = None,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_channels, eps=eps)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time_emb_proj = None if time_width is None else nn.Linear(time_width, out_channels)
        self.norm2 = nn.GroupNorm(groups, out_channels, eps=eps)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        same = in_channels == out_channels
        self.conv_shortcut = None if same else nn.Conv2d(in_channels, out_channels, 1)

    def forward(
        self, x: Float[Tensor, "R I h w"], time: Float[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "R O h w"]:
        """time: the time embedding after its SiLU, which all blocks share."""
        hidden = self.conv1(F.silu(self.norm1(x), inplace=True))
        if self.time_emb_proj is not None:
            hidden += as_many(self.time_emb_proj(time), hidden)[:, :, None, None]
        hidden = self.conv2(F.silu(self.norm2(hidden), inplace=True))
        hidden += x if self.conv_shortcut is None else self.conv_shortcut(x)
        return hidden


class Downsample(nn.Module):
    """Half the height and width by a convolution of stride 2.

    corner: pad below and to the right only, as the autoencoder does; else on all four sides.
    """

    def __init__(self, channels: int, *, corner: bool = False) -> None:
        super().__init__()
        self.corner = corner
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=0 if corner else 1)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h/2 w/2"]:
        return self.conv(F.pad(x, (0, 1, 0, 1)) if self.corner else x)


class Upsample(nn.Module):
    """Twice the height and width: nearest neighbour, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C 2*h 2*w"]:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class GEGLU(nn.Module):
    """value * gelu(gate), both from one linear layer (Shazeer 2020, "GLU variants", eq. 6)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N E"]:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return F.gelu(gate).mul_(value)


class FeedForward(nn.Module):
    """GEGLU and a linear layer back; four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # `net.1` is the place of a dropout that Stable Diffusion never uses.
        self.net = nn.ModuleList(
            [GEGLU(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)]
        )

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        return self.net[2](self.net[0](x))


class TransformerBlock(nn.Module):
    """Self-attention, cross-attention to the text, feed-forward; each on a normalised copy.

    context_width: width of the text's tokens; None: no text, and no cross-attention. Where x has
    fewer rows than the text, its rows are taken over again from the first reading on.
    """

    def __init__(self, width: int, *, heads: int, context_width: int | None) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, heads=heads)
        if context_width is not None:
            self.norm2 = nn.LayerNorm(width)
            self.attn2 = Attention(width, heads=heads, context_width=context_width)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)
        self.reads_text = context_width is not None

    def forward(
        self,
        x: Float[Tensor, "B N D"],
        told: Told,
    ) -> Float[Tensor, "R N D"]:
        x = x + self.attn1(self.norm1(x), attend=told.attend)
        if self.reads_text:
            text = told.text_for(self.attn2)
            read = self.attn2(self.norm2(x), text, told.mask, told.attend)
            x = as_many(x, read) + read
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    """Transformer blocks on the positions of a feature map, added to the map.

    linear_projection: project in and out by linear layers (SD 2, SDXL), else by 1x1 convolutions.
    """

    def __init__(
        self,
        channels: int,
        *,
        depth: int,
        heads: int,
        context_width: int | None,
        groups: int,
        linear_projection: bool,
    ) -> None:
        super().__init__()
        self.linear_projection = linear_projection
        self.norm = nn.GroupNorm(groups, channels, eps=TRANSFORMER_NORM_EPS)
        self.proj_in = _projection(channels, linear_projection)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(channels, heads=heads, context_width=context_width)
            for _ in range(depth)
        )
        self.proj_out = _projection(channels, linear_projection)

    def forward(
        self,
        x: Float[Tensor, "B C h w"],
        told: Told,
    ) -> Float[Tensor, "R C h w"]:
        height, width = x.shape[-2:]
        hidden = self.norm(x)
        if not self.linear_projection:
            hidden = self.proj_in(hidden)
        hidden = rearrange(hidden, "b c h w -> b (h w) c")
        if self.linear_projection:
            hidden = self.proj_in(hidden)
        for block in self.transformer_blocks:
            hidden = block(hidden, told)
        if self.linear_projection:
            hidden = self.proj_out(hidden)
        hidden = rearrange(hidden, "b (h w) c -> b c h w", h=height, w=width)
        if not self.linear_projection:
            hidden = self.proj_out(hidden)
        return as_many(x, hidden) + hidden


class PictureAttention(Attention):
    """One head of self-attention between the positions of a feature map, added to the map."""

    def __init__(self, channels: int, *, groups: int, eps: float) -> None:
        super().__init__(channels, heads=1, bias=True)
        self.group_norm = nn.GroupNorm(groups, channels, eps=eps)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:  # type: ignore[override]
        height, width = x.shape[-2:]
        tokens = rearrange(self.group_norm(x), "b c h w -> b (h w) c")
        attended = super().forward(tokens)
        return x + rearrange(attended, "b (h w) c -> b c h w", h=height, w=width)


def zero(layer: nn.Module) -> None:
    """Set a layer to zero, so that the branch it ends adds nothing until it is trained."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _projection(channels: int, linear: bool) -> nn.Linear | nn.Conv2d:
    return nn.Linear(channels, channels) if linear else nn.Conv2d(channels, channels, 1)
