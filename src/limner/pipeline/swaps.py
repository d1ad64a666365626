"""Compel's `.swap()`: the attention maps of the original prompt, the values of the edited one.

Hertz et al. 2022, "Prompt-to-Prompt": of the original prompt's attention M and the edited prompt's
values V*, the edited picture takes M V*. As Compel's own system does it, both prompts are asked
about the same x at every step, so that one picture is painted and not two.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.diffusion.process import Level
from limner.diffusion.sample import Denoise
from limner.nn.attention import Attend, Attention, attending
from limner.prompt import Swap, Tree
from limner.text.alignment import Alignment
from limner.types import Conditioning


@dataclass(frozen=True, kw_only=True, eq=False)
class Control:
    """What is kept of an original prompt for some steps.

    original: its conditioning, of one row. alignment: of its tokens with the edited prompt's.
    cross, own: whether the maps of cross-attention, and of self-attention, are kept.
    """

    original: Conditioning
    alignment: Alignment
    cross: bool
    own: bool

    def denoise(self, through: Denoise, denoiser: nn.Module, count: int) -> Denoise:
        """Denoises (n + count) pictures, the last `count` of them by the edited prompt.

        through: denoises those and `count` more, by the original prompt.
        """
        attention = [m for m in denoiser.modules() if isinstance(m, Attention)]

        def both(x: Tensor, level: Level) -> Tensor:
            by = {
                module: partial(self._cross if module.reads_context else _own, module.attend, count)
                for module in attention
                if (self.cross if module.reads_context else self.own)
            }
            with attending(by):
                return through(torch.cat([x, x[-count:]]), level)[:-count]

        return both

    def _cross(
        self,
        attend: Attend,
        count: int,
        q: Float[Tensor, "B N D"],
        k: Float[Tensor, "B L D"],
        v: Float[Tensor, "B L D"],
        heads: int,
        mask: Tensor | None,
    ) -> Float[Tensor, "B N D"]:
        """M (S V*), S the shares of the alignment, and what the fresh tokens draw to themselves."""
        edited, original = slice(-2 * count, -count), slice(-count, None)
        shared = self.alignment.shares.to(v) @ v[edited]
        kept_v = torch.cat([v[: -2 * count], shared, v[original]])
        attended = attend(*_with_maps(q, k, count), kept_v, heads, _with_mask(mask, count))
        fresh = self.alignment.fresh.to(v.device)
        if fresh.any():
            drawn = v[edited] * fresh[:, None]
            own_mask = None if mask is None else mask[edited]
            attended[edited] += attend(q[edited], k[edited], drawn, heads, own_mask)
        return attended


def _own(
    attend: Attend, count: int, q: Tensor, k: Tensor, v: Tensor, heads: int, mask: Tensor | None
) -> Tensor:
    """Self-attention of the edited pictures by the maps of the original ones."""
    return attend(*_with_maps(q, k, count), v, heads, mask)


def _with_maps(q: Tensor, k: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Queries and keys of the original, the last `count` rows, also in place of the edited's."""
    return _doubled(q, count), _doubled(k, count)


def _with_mask(mask: Tensor | None, count: int) -> Tensor | None:
    return None if mask is None else _doubled(mask, count)


def _doubled(rows: Tensor, count: int) -> Tensor:
    return torch.cat([rows[: -2 * count], rows[-count:], rows[-count:]])


def active(prompt: Tree, step: int, steps: int) -> tuple[Swap, ...]:
    """The swaps of a prompt that keep maps at a step, counted from 1."""
    return tuple(swap for swap in prompt.swaps if any(swap.limits.at(step, steps)))


def kept(swaps: Collection[Swap], step: int, steps: int) -> tuple[bool, bool]:
    """Whether any of them keeps the maps of cross-attention, and of self-attention, at a step."""
    limits = [swap.limits.at(step, steps) for swap in swaps]
    return any(cross for cross, _ in limits), any(own for _, own in limits)
