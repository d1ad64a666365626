"""What a denoiser is asked while pictures are painted: by that int8 finds the range of its numbers.

Real texts and the latents of the solver's own path; noise alone has other ranges than pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from limner.checkpoints import Parts
from limner.engine.adapted import Adapted, Places
from limner.engine.eager import EagerEngine
from limner.engine.graphs import Shape
from limner.engine.rows import Network, Rows
from limner.engine.sharing import shared
from limner.nn.prepared import Prepared, choose, join
from limner.types import Times

Inputs: TypeAlias = tuple[Tensor, Tensor, Prepared]
"""Arguments of a denoiser: x (R, C, h, w), times (R,) and text; R differs from one to the next.

A row of x may be told several texts, as `limner.nn.prepared.Denoiser` says.
"""

MOST_SAMPLES = 24


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Paintings that an engine may look at. key: equal where they are the same.

    paint: has an engine paint them, on latents of (h, w).
    """

    key: str
    paint: Callable[[EagerEngine, tuple[int, int]], None]


class Watched(EagerEngine):
    """The modules; what their denoiser is asked is kept."""

    def __init__(self, parts: Parts, places: Places | None = None) -> None:
        super().__init__(parts, places)
        self.seen: list[Inputs] = []

    def network(self, rows: Rows, under: Adapted) -> Network:
        call, prepared = super().network(rows, under), self._prepared(rows.texts, under.key)

        def watched(x: Tensor, t: Times) -> Tensor:
            alike = shared(self.parts.denoiser, rows.with_shown(x), t, prepared)
            self.seen.append((*alike, prepared))
            return call(x, t)

        return watched


def samples(
    calibration: Calibration, parts: Parts, places: Places, shape: Shape
) -> tuple[Inputs, ...]:
    """What the denoiser is asked in the paintings, in the shapes of a graph; at most so many."""
    engine = Watched(parts, places)
    calibration.paint(engine, (shape.x[2], shape.x[3]))
    found = list(fitted(engine.seen, shape))
    count = min(len(found), MOST_SAMPLES)
    return tuple(found[index * len(found) // count] for index in range(count))


def fitted(seen: Sequence[Inputs], shape: Shape) -> Iterator[Inputs]:
    """The same rows in calls of a graph's shapes, whatever calls they came in; all have some."""
    rows = shape.x[0], shape.rows
    fit = all((len(x), text.rows if text.keys else len(x)) == rows for x, _, text in seen)
    for x, t, text in seen if fit else grouped(seen, *rows):
        yield x, t, _as_long(text, shape)


def grouped(seen: Sequence[Inputs], rows: int, told: int) -> Iterator[Inputs]:
    """The rows of all calls in calls of so many rows and texts; the first fill the last call."""
    single = [one for call in seen for one in apart(call, told // rows)]
    for first in range(0, len(single), rows):
        some = [single[index % len(single)] for index in range(first, first + rows)]
        xs, ts, texts = zip(*some, strict=True)
        yield (
            torch.cat(xs),
            torch.cat(ts),
            join([each for same in zip(*texts, strict=True) for each in same]),
        )


def apart(call: Inputs, times: int) -> Iterator[tuple[Tensor, Times, tuple[Prepared, ...]]]:
    """Rows of a call by themselves, each with so many of its texts, the first again if fewer."""
    x, t, text = call
    for row in range(len(x)):
        own = range(row, max(len(x), text.rows if text.keys else 0), len(x))
        for first in range(0, len(own), times):
            taken = [own[(first + more) % len(own)] for more in range(times)]
            texts = tuple(choose(text, slice(place, place + 1)) for place in taken)
            yield x[row : row + 1], t[row : row + 1], texts


def _as_long(text: Prepared, shape: Shape) -> Prepared:
    """A text with a graph's number of tokens, by its own over again, and a mask as that has it."""
    if (text.tokens, text.mask is not None) == (shape.tokens, shape.masked):
        return text
    places = torch.arange(shape.tokens) % max(1, text.tokens)
    mask = torch.ones(text.rows, text.tokens, dtype=torch.bool) if text.mask is None else text.mask
    return Prepared(
        tuple(key[:, places] for key in text.keys),
        tuple(value[:, places] for value in text.values),
        mask[:, places] if shape.masked else None,
        text.pooled,
    )
