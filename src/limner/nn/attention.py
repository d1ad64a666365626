"""Multi-head attention: one function, and the module that U-Net, DiT and autoencoder share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.nn.memory import ContextLinear


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


Attend: TypeAlias = Callable[[Tensor, Tensor, Tensor, int, Tensor | None], Tensor]
"""`multi_head_attention`, or what stands in its place."""


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
        self.attend: Attend = multi_head_attention
        self.to_q = nn.Linear(width, inner, bias=bias)
        linear = nn.Linear if context_width is None else ContextLinear
        self.to_k = linear(source, inner, bias=bias)
        self.to_v = linear(source, inner, bias=bias)
        self.to_out = nn.ModuleList([nn.Linear(inner, width)])
        self.norm_q = nn.RMSNorm(inner // heads, eps=1e-6) if qk_norm else None
        self.norm_k = nn.RMSNorm(inner // heads, eps=1e-6) if qk_norm else None

    def forward(
        self,
        x: Float[Tensor, "B N D"],
        context: Float[Tensor, "B L E"] | None = None,
        mask: Bool[Tensor, "B L"] | None = None,
    ) -> Float[Tensor, "B N D"]:
        """mask: (B, L), True where a token of the context may be attended to."""
        q, k, v = self.project(x, x if context is None else context)
        keys = None if mask is None else mask[:, None, None]
        attended = self.attend(q, k, v, self.heads, keys)
        return self.to_out[0](attended)

    def project(
        self, x: Float[Tensor, "B N D"], source: Float[Tensor, "B L E"]
    ) -> tuple[Float[Tensor, "B N HD"], Float[Tensor, "B L HD"], Float[Tensor, "B L HD"]]:
        """Queries, keys and values (lecture eq. 31), normalised a head where the module does so."""
        q, k = self.to_q(x), self.to_k(source)
        if self.norm_q is not None and self.norm_k is not None:
            q, k = _per_head(self.norm_q, q, self.heads), _per_head(self.norm_k, k, self.heads)
        return q, k, self.to_v(source)


def cross_attention(denoiser: nn.Module) -> dict[str, Attention]:
    """The modules by which a denoiser reads its context, by their names."""
    return {
        name: module
        for name, module in denoiser.named_modules()
        if isinstance(module, Attention) and module.reads_context
    }


@contextmanager
def attending(by: Mapping[Attention, Attend]) -> Iterator[None]:
    """Inside the block these modules attend by other functions; afterwards as before.

    A function may call what its module's `attend` was before, so that blocks can be nested.
    """
    before = {module: module.attend for module in by}
    try:
        for module, attend in by.items():
            module.attend = attend
        yield
    finally:
        for module, attend in before.items():
            module.attend = attend


def _per_head(norm: nn.RMSNorm, x: Float[Tensor, "B N HD"], heads: int) -> Float[Tensor, "B N HD"]:
    """RMS norm within each head; the gain takes x's dtype, which under autocast is not its own."""
    split = rearrange(x, "b n (h d) -> b n h d", h=heads)
    assert norm.weight is not None
    normed = F.rms_norm(split, norm.normalized_shape, norm.weight.to(x.dtype), norm.eps)
    return rearrange(normed, "b n h d -> b n (h d)")
