"""Compel's `.swap()`: the attention maps of the original prompt, the values of the edited one.

Hertz et al. 2022, "Prompt-to-Prompt": of the original prompt's attention M and the edited prompt's
values V*, the edited picture takes M V*. As Compel's own system does it, both prompts are asked
about the same x at every step, so that one picture is painted and not two.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limner.engine.asks import Ask, Denoise
from limner.nn.attention import Attend, Attention, plain
from limner.pipeline.model import Model
from limner.pipeline.plan import Feature, Moment, Plan
from limner.pipeline.request import Request
from limner.pipeline.scene import Control
from limner.pipeline.script import trees


def complete(request: Request, model: Model) -> Request:
    return request


def planned(request: Request, model: Model) -> Feature | None:
    """What keeps the maps of original words, where the prompt of a completed request has any."""
    assert request.dialect is not None
    prompt, _ = trees(request.prompt, "", request.dialect, lenient=request.lenient)
    return Swap() if prompt.swaps else None


class Swap(Feature):
    """The prompt has swaps."""

    def begin(self, plan: Plan) -> Generator[Ask, Any, tuple[Plan, Feature]]:
        return plan, Swapping()
        yield


class Swapping(Feature):
    """Behind the rows that are wanted go those of the original prompt, about the same x."""

    def __init__(self) -> None:
        self._behind = 0  # rows of the original prompt in the ask that is out

    def asking(self, ask: Denoise, moment: Moment) -> Denoise:
        self._behind = 0
        swap, count = moment.scene.swap, moment.count
        if swap is None:
            return ask
        self._behind = count
        return replace(
            ask,
            x=torch.cat([ask.x, ask.x[-count:]]),
            texts=(*ask.texts, *[swap.original] * count),
            attend=Keeping(swap, count, plain if ask.attend is None else ask.attend),
        )

    def answered(self, rows: Tensor) -> Tensor:
        return rows[: len(rows) - self._behind]


@dataclass(frozen=True)
class Keeping:
    """Attention of n + count pictures, the last `count` by the original prompt and those before
    them by the edited one. attend: what attends then, given other rows."""

    control: Control
    count: int
    attend: Attend = plain

    def __call__(
        self, module: Attention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None
    ) -> Tensor:
        if not (self.control.cross if module.reads_context else self.control.own):
            return self.attend(module, q, k, v, mask)
        q_maps, k_maps = _doubled(q, self.count), _doubled(k, self.count)
        if not module.reads_context:
            return self.attend(module, q_maps, k_maps, v, mask)
        return self._cross(module, q, k, v, mask)

    def _cross(
        self,
        module: Attention,
        q: Float[Tensor, "B N D"],
        k: Float[Tensor, "B L D"],
        v: Float[Tensor, "B L D"],
        mask: Tensor | None,
    ) -> Float[Tensor, "B N D"]:
        """M (S V*), S the shares of the alignment, and what the fresh tokens draw to themselves."""
        count, alignment = self.count, self.control.alignment
        edited, original = slice(-2 * count, -count), slice(-count, None)
        shared = alignment.shares.to(v) @ v[edited]
        kept_v = torch.cat([v[: -2 * count], shared, v[original]])
        mask_maps = None if mask is None else _doubled(mask, count)
        attended = self.attend(module, _doubled(q, count), _doubled(k, count), kept_v, mask_maps)
        fresh = alignment.fresh.to(v.device)
        if fresh.any():
            drawn = v[edited] * fresh[:, None]
            own_mask = None if mask is None else mask[edited]
            attended[edited] += self.attend(module, q[edited], k[edited], drawn, own_mask)
        return attended


def _doubled(rows: Tensor, count: int) -> Tensor:
    """Those of the original, the last `count` rows, also in place of the edited's."""
    return torch.cat([rows[: -2 * count], rows[-count:], rows[-count:]])
