"""Multi-head attention: one function, and the module that U-Net, DiT and autoencoder share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.nn.rows import as_many

KeysValues: TypeAlias = tuple[Tensor, Tensor]
"""Keys and values of a context, (B, L, HD) each, as `Attention.keys_values` makes them."""


def multi_head_attention(
    q: Float[Tensor, "B N HD"],
    k: Float[Tensor, "B L HD"],
    v: Float[Tensor, "B L HD"],
    heads: int,
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "B N HD"]:
    """softmax(q k^T / sqrt(d)) v in each head (lecture eq. 32-35).

    mask: broadcastable to (B, H, N, L), True where a query may look at a key.
    """
    q, k, v = (rearrange(a, "b n (h d) -> b h n d", h=heads) for a in (q, k, v))
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return rearrange(out, "b h n d -> b n (h d)")


def plain(module: Attention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """The attention of a module with nothing beside it."""
    return multi_head_attention(q, k, v, module.heads, mask)


class Attention(nn.Module):
    """Self-attention, or cross-attention where `forward` is given a context.

    Queries come from the picture, keys and values from the context (the picture itself if None).
    Parameter names are those of diffusers (`to_q`, `to_k`, `to_v`, `to_out.0`).
    """

    def __init__(
        self,
        width: int,
        *,
        heads: int,
        head_width: int | None = None,
        context_width: int | None = None,
        bias: bool = False,
        qk_norm: bool = False,
    ) -> None:
        super().__init__()
        inner = heads * (width // heads if head_width is None else head_width)
        source = width if context_width is None else context_width
        self.heads = heads
        self.reads_context = context_width is not None
        self.place = 0  # among its denoiser's cross-attentions, where it has several (`number`)
        self.to_q = nn.Linear(width, inner, bias=bias)
        self.to_k = nn.Linear(source, inner, bias=bias)
        self.to_v = nn.Linear(source, inner, bias=bias)
        self.to_out = nn.ModuleList([nn.Linear(inner, width)])
        self.norm_q = nn.RMSNorm(inner // heads, eps=1e-6) if qk_norm else None
        self.norm_k = nn.RMSNorm(inner // heads, eps=1e-6) if qk_norm else None

    def forward(
        self,
        x: Float[Tensor, "B N D"],
        context: Float[Tensor, "R L E"] | KeysValues | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        attend: Attend = plain,
    ) -> Float[Tensor, "R N D"]:
        """context: tokens, or what `keys_values` made of them.

        mask: True where a token of the context may be attended to, (B, L), or broadcastable to
        (B, H, N, L). attend: what is computed in the place of attention, or beside it. x may have
        fewer rows than the context, which are then taken over again.
        """
        if mask is not None and mask.ndim == 2:
            mask = mask[:, None, None]
        if not isinstance(context, tuple):
            context = self.keys_values(x if context is None else context)
        attended = attend(self, as_many(self.queries(x), context[0]), *context, mask)
        return self.to_out[0](attended)

    def queries(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N HD"]:
        """Queries (lecture eq. 31), normalised a head where the module does so."""
        q = self.to_q(x)
        return q if self.norm_q is None else _per_head(self.norm_q, q, self.heads)

    def keys_values(self, source: Float[Tensor, "B L E"]) -> KeysValues:
        """Keys and values (lecture eq. 31), the keys normalised a head where it does so."""
        k = self.to_k(source)
        if self.norm_k is not None:
            k = _per_head(self.norm_k, k, self.heads)
        return k, self.to_v(source)


Attend: TypeAlias = Callable[[Attention, Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""`plain`, or what a call puts in its place: (module, q, k, v, mask) -> (B, N, HD).

q: (B, N, HD). k, v: (B, L, HD). mask: broadcastable to (B, H, N, L), or None. Handed down a call
and never kept in a module; which module it is called for, the first argument says.
"""


def cross_attention(denoiser: nn.Module) -> dict[str, Attention]:
    """The modules by which a denoiser reads its context, by their names."""
    return {
        name: module
        for name, module in denoiser.named_modules()
        if isinstance(module, Attention) and module.reads_context
    }


def number(denoiser: nn.Module) -> int:
    """Tell each cross-attention its place among them, and return how many there are."""
    modules = cross_attention(denoiser).values()
    for place, module in enumerate(modules):
        module.place = place
    return len(modules)


def _per_head(norm: nn.RMSNorm, x: Float[Tensor, "B N HD"], heads: int) -> Float[Tensor, "B N HD"]:
    """RMS norm within each head; the gain takes x's dtype, which under autocast is not its own."""
    split = rearrange(x, "b n (h d) -> b n h d", h=heads)
    assert norm.weight is not None
    normed = F.rms_norm(split, norm.normalized_shape, norm.weight.to(x.dtype), norm.eps)
    return rearrange(normed, "b n h d -> b n (h d)")
