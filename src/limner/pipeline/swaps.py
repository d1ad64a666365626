"""Compel's `.swap()`: the attention maps of the original prompt, the values of the edited one.

Hertz et al. 2022, "Prompt-to-Prompt": of the original prompt's attention M and the edited prompt's
values V*, the edited picture takes M V*. As Compel's own system does it, both prompts are asked
about the same x at every step, so that one picture is painted and not two.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limner.nn.attention import Attend, Attention, plain
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

    def attend(self, count: int, by: Attend = plain) -> Attend:
        """Attention of a call whose last rows are `count` by the edited prompt, then the original.

        The edited rows take the maps of the original ones. by: how each module attends otherwise.
        """

        def controlled(
            module: Attention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None
        ) -> Tensor:
            if module.reads_context and self.cross:
                return self._cross(module, q, k, v, mask, count, by)
            if not module.reads_context and self.own:
                return by(module, *_with_maps(q, k, count), v, mask)
            return by(module, q, k, v, mask)

        return controlled

    def _cross(
        self,
        module: Attention,
        q: Float[Tensor, "B N D"],
        k: Float[Tensor, "B L D"],
        v: Float[Tensor, "B L D"],
        mask: Tensor | None,
        count: int,
        by: Attend,
    ) -> Float[Tensor, "B N D"]:
        """M (S V*), S the shares of the alignment, and what the fresh tokens draw to themselves."""
        edited, original = slice(-2 * count, -count), slice(-count, None)
        shared = self.alignment.shares.to(v) @ v[edited]
        kept_v = torch.cat([v[: -2 * count], shared, v[original]])
        attended = by(module, *_with_maps(q, k, count), kept_v, _with_mask(mask, count))
        fresh = self.alignment.fresh.to(v.device)
        if fresh.any():
            drawn = v[edited] * fresh[:, None]
            own_mask = None if mask is None else mask[edited]
            attended[edited] += plain(module, q[edited], k[edited], drawn, own_mask)
        return attended


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
