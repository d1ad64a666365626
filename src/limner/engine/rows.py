"""Asks to denoise, joined to the rows of one call of the denoiser.

Rows of one call may differ in x, level, text and in what is shown beside; texts of unequal length
are drawn out with tokens that may not be attended to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from limner.diffusion.prediction import Prediction
from limner.diffusion.process import Level, Process, per_picture
from limner.diffusion.sample import predict
from limner.engine.asks import Denoise
from limner.nn.attention import Attend
from limner.types import Conditioning, Latent, Times

Network = Callable[[Tensor, Times], Tensor]
"""From native x, (R, C, h, w), and times, (R,), to what a denoiser predicts of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """The rows of one call. All tensors have R rows; levels and texts one a row."""

    x: Latent
    levels: tuple[Level, ...]
    texts: tuple[Conditioning, ...]
    shown: Tensor | None = None
    visible: Tensor | None = None
    added: tuple[Tensor, ...] = ()
    attend: Attend | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def nothing_beside(self) -> bool:
        """Whether the denoiser is called with x, t and texts alone."""
        return self.attend is None and self.visible is None and not self.added

    def with_shown(self, x: Tensor) -> Tensor:
        """x, and beside it what an inpainting model is shown, (R, C + K, h, w)."""
        return x if self.shown is None else torch.cat([x, self.shown.to(x)], dim=1)

    def split(self, most: int) -> Iterator[Rows]:
        """The same in parts of at most so many rows."""
        if len(self) <= most:
            yield self
            return
        for first in range(0, len(self), most):
            part = slice(first, first + most)
            yield Rows(
                x=self.x[part],
                levels=self.levels[part],
                texts=self.texts[part],
                shown=None if self.shown is None else self.shown[part],
                visible=None if self.visible is None else self.visible[part],
                added=tuple(each[part] for each in self.added),
                attend=self.attend,
            )


def joined(asks: Sequence[Denoise]) -> Rows:
    """Asks of one key as rows, one ask after the other."""
    return Rows(
        x=_cat([ask.x for ask in asks]),
        levels=tuple(ask.level for ask in asks for _ in range(len(ask))),
        texts=tuple(text for ask in asks for text in ask.texts),
        shown=None if asks[0].shown is None else _cat([_of(ask, ask.shown) for ask in asks]),
        visible=_visible(asks),
        added=_added(asks),
        attend=asks[0].attend,
    )


def denoised(call: Network, rows: Rows, process: Process, prediction: Prediction) -> Latent:
    """D(x, level) of every row, by a network called with native x and its times.

    The output is cast to x's dtype before it is used, so a network in half precision is given x in
    fp32 and casts it itself.
    """
    x = rows.x

    def numbers(of: Callable[[Level], float]) -> Times:
        return torch.tensor([of(level) for level in rows.levels], device=x.device)

    native = x * per_picture(numbers(process.native_scale), x)
    output = predict(call, process, native, numbers(process.time_of_level))
    alpha = numbers(lambda level: level.alpha * process.native_scale(level))
    sigma = numbers(lambda level: level.sigma * process.native_scale(level))
    return prediction.denoised(output.to(x.dtype), native, alpha, sigma)


def _cat(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _of(ask: Denoise, value: Tensor | None) -> Tensor:
    """A tensor of an ask with a row for each of its rows."""
    assert value is not None
    return value.to(ask.x.device).expand(len(ask), *value.shape[1:])


def _visible(asks: Sequence[Denoise]) -> Tensor | None:
    """Which tokens each place of each row may look at; all of them where an ask says nothing."""
    if all(ask.visible is None for ask in asks):
        return None
    if len(asks) == 1:
        return _of(asks[0], asks[0].visible)
    length = max(text.context.shape[1] for ask in asks for text in ask.texts)
    size = asks[0].x.shape[2:]
    parts = []
    for ask in asks:
        seen = ask.visible
        if seen is None:
            seen = torch.ones(1, length, *size, dtype=torch.bool)
        parts.append(_of(ask, F.pad(seen, (0, 0, 0, 0, 0, length - seen.shape[1]))))
    return torch.cat(parts)


def _added(asks: Sequence[Denoise]) -> tuple[Tensor, ...]:
    """The maps that are added to those of the U-Net; zeros where an ask adds none."""
    like = next((ask.added for ask in asks if ask.added), ())
    if len(asks) == 1:
        return tuple(_of(asks[0], each) for each in like)
    return tuple(
        torch.cat(
            [
                _of(ask, ask.added[place])
                if ask.added
                else each.new_zeros(len(ask), *each.shape[1:]).to(ask.x.device)
                for ask in asks
            ]
        )
        for place, each in enumerate(like)
    )
