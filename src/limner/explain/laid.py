"""Heat maps of a picture that was laid of several, each of which has maps of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from limner.errors import UsageError
from limner.explain.heatmaps import PROMPT, AttentionMaps

Box = tuple[float, float, float, float]
"""(x, y, width, height), in parts of a picture."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which part of a picture, whose number it is, lies where in the whole one."""

    number: int
    shown: Box
    box: Box


@dataclass(frozen=True, kw_only=True, eq=False)
class LaidMaps:
    """All attention of the paintings that a picture was laid of.

    parts: each painting's. places: of each picture, what lies where in it. size: (h, w) of a latent
    of the whole.
    """

    parts: tuple[AttentionMaps, ...]
    places: tuple[tuple[Place, ...], ...]
    size: tuple[int, int]

    @property
    def count(self) -> int:
        """How many pictures."""
        return len(self.places)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers, in the order in which the denoiser calls them."""
        return self.parts[0].layers

    @property
    def sides(self) -> tuple[str, ...]:
        """The texts that were attended to: "prompt" (or "prompt 1", ...), "negative"."""
        return tuple(dict.fromkeys(side for part in self.parts for side in part.sides))

    def heatmap(
        self,
        words: str,
        *,
        steps: tuple[int, int] | None = None,
        layers: Sequence[str] | None = None,
        heads: Sequence[int] | None = None,
        picture: int = 0,
        side: str = PROMPT,
    ) -> Float[Tensor, "h w"]:
        """As `AttentionMaps.heatmap`, of the parts whose texts have the words, where they lie."""
        if not 0 <= picture < self.count:
            raise UsageError(f"picture is {picture}: 0 to {self.count - 1} is right")
        whole, found, wrong = torch.zeros(self.size), dict[int, Tensor](), UsageError("")
        for number, part in enumerate(self.parts):
            try:
                found[number] = part.heatmap(
                    words, steps=steps, layers=layers, heads=heads, picture=picture, side=side
                )
            except UsageError as error:
                wrong = error
        if not found:
            raise wrong
        for place in self.places[picture]:
            if place.number in found:
                _lay(found[place.number], place, whole)
        return whole

    def arrays(self) -> Mapping[str, Tensor]:
        """All that was recorded, as `AttentionMaps.arrays`, behind parts/NUMBER/."""
        return {
            f"parts/{number}/{name}": array
            for number, part in enumerate(self.parts)
            for name, array in part.arrays().items()
        }


def _lay(heat: Float[Tensor, "h w"], place: Place, whole: Tensor) -> None:
    """Put what is shown of a map into its box, where the whole one has less."""
    shown = heat[_span(place.shown, heat.shape)]
    rows, columns = _span(place.box, whole.shape)
    size = rows.stop - rows.start, columns.stop - columns.start
    scaled = F.interpolate(shown[None, None], size, mode="bilinear")[0, 0]
    whole[rows, columns] = torch.maximum(whole[rows, columns], scaled)


def _span(box: Box, size: Sequence[int]) -> tuple[slice, slice]:
    """The rows and columns of (h, w) places in a box, one of each at the least."""
    x, y, width, height = box
    spans = []
    for start, length, places in ((y, height, size[0]), (x, width, size[1])):
        first = min(max(0, round(start * places)), places - 1)
        last = min(max(first + 1, round((start + length) * places)), places)
        spans.append(slice(first, last))
    return spans[0], spans[1]
