"""Attention as it happens: the probabilities of a denoiser's cross-attention, call by call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.nn.attention import Attend, Attention, cross_attention, plain


class AttentionRecorder:
    """Keeps what a denoiser's cross-attention looks at in calls that are handed its `attend`.

    The probabilities are computed a second time, beside what the module itself computes: a picture
    that is recorded is the same to the bit, and where nothing is handed in nothing is done.

    heads: keep those of every head, else their mean.
    """

    def __init__(self, denoiser: nn.Module, *, heads: bool = False) -> None:
        self.heads = heads
        self.attend = watching(denoiser, self._keep)
        self._maps: dict[str, Float[Tensor, "B H L N"]] = {}

    def take(self) -> Mapping[str, Float[Tensor, "B H L N"]]:
        """What was recorded of the last call, by the module's name; H is 1 for a mean of heads.

        [b, h, i, n]: how much the place n of the picture b looks at the token i; half precision,
        on the CPU.
        """
        taken, self._maps = self._maps, {}
        return taken

    def _keep(self, name: str, maps: Float[Tensor, "B H N L"]) -> None:
        maps = maps if self.heads else maps.mean(1, keepdim=True)
        self._maps[name] = rearrange(maps, "b h n l -> b h l n").to("cpu", torch.float16)


def watching(
    denoiser: nn.Module,
    see: Callable[[str, Float[Tensor, "B H N L"]], None],
    attend: Attend = plain,
) -> Attend:
    """As `attend`; `see` is given the names and probabilities of the denoiser's cross-attention.

    With gradients, where the denoiser is called with them.
    """
    names = {module: name for name, module in cross_attention(denoiser).items()}

    def watched(module: Attention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        if module in names:
            see(names[module], probabilities(q, k, module.heads, mask))
        return attend(module, q, k, v, mask)

    return watched


def probabilities(
    q: Float[Tensor, "B N HD"],
    k: Float[Tensor, "B L HD"],
    heads: int,
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "B H N L"]:
    """softmax(q k^T / sqrt(d)) of each head (lecture eq. 32-34), in single precision."""
    q, k = (rearrange(a.float(), "b n (h d) -> b h n d", h=heads) for a in (q, k))
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1)
