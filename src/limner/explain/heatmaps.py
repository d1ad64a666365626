"""Heat maps of words: recorded attention, averaged over layers, heads and steps (DAAM).

Source: Tang et al. 2022, "What the DAAM: interpreting Stable Diffusion using cross attention",
section 3: every layer's map is brought to the size of the latent and the mean is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from limner.errors import UsageError
from limner.nn.regions import grid_of
from limner.text.tokenizer import Tokenizer

PROMPT, NEGATIVE = "prompt", "negative"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the texts that a denoiser was told at once: the prompt, the negative, a member.

    texts: the ids of its tokens, as they lie in the context; several of a blend.
    """

    name: str
    texts: tuple[Int[Tensor, "L"], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """The attention of one evaluation of the denoiser.

    step: from 1. maps: layer -> (S B, H, L, N), B pictures of the first side, then of the second...
    """

    step: int
    sides: tuple[Side, ...]
    maps: Mapping[str, Float[Tensor, "SB H L N"]]


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionMaps:
    """All attention of one painting. size: (h, w) of the latent. count: how many pictures."""

    moments: tuple[Moment, ...]
    tokenizer: Tokenizer
    size: tuple[int, int]
    count: int

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers, in the order in which the denoiser calls them."""
        return tuple(self.moments[0].maps)

    @property
    def sides(self) -> tuple[str, ...]:
        """The texts that were attended to: "prompt" (or "prompt 1", ...), "negative"."""
        return tuple(dict.fromkeys(side.name for each in self.moments for side in each.sides))

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
        """How much each place of the latent looks at some words of the prompt, from 0 to 1.

        words: as they stand in the prompt; where they stand several times, all count.
        steps: first and last, from 1; layers: names, or the beginnings of names; heads: numbers,
        where each head was recorded. None: all. side: one of `sides`.
        Raises UsageError where there is no such word, step, layer, head, picture or side.
        """
        if not 0 <= picture < self.count:
            raise UsageError(f"picture is {picture}: 0 to {self.count - 1} is right")
        wanted = self.tokenizer.encode(words)
        if not wanted:
            raise UsageError("words of a heat map are empty: a word of the prompt is right")
        found = [
            self._of_layer(maps, moment.sides[row], wanted, row * self.count + picture, heads)
            for moment in self._within(steps)
            for row in _rows(moment, side, self.sides)
            for name, maps in moment.maps.items()
            if layers is None or name.startswith(tuple(layers))
        ]
        known = [each for each in found if each is not None]
        if not found:
            raise UsageError(f"no layer begins with {layers}: there are {', '.join(self.layers)}")
        if not known:
            raise UsageError(f"{words!r} is not in the {side}: its tokens are {self._said(side)}")
        return torch.stack(known).mean(0)

    def arrays(self) -> Mapping[str, Tensor]:
        """All that was recorded: maps/STEP/LAYER (S B, H, L, N), tokens/STEP/SIDE the ids.

        Of several evaluations in one step (Heun) the last is kept.
        """
        found: dict[str, Tensor] = {}
        for moment in self.moments:
            found |= {f"maps/{moment.step}/{name}": maps for name, maps in moment.maps.items()}
            found |= {f"tokens/{moment.step}/{s.name}": s.texts[0] for s in moment.sides}
        return found

    def _within(self, steps: tuple[int, int] | None) -> Iterator[Moment]:
        last = self.moments[-1].step
        first, until = (1, last) if steps is None else steps
        if not 1 <= first <= until <= last:
            raise UsageError(f"steps are {steps}: first and last from 1 to {last} are right")
        return (moment for moment in self.moments if first <= moment.step <= until)

    def _of_layer(
        self,
        maps: Float[Tensor, "SB H L N"],
        side: Side,
        wanted: Sequence[int],
        row: int,
        heads: Sequence[int] | None,
    ) -> Float[Tensor, "h w"] | None:
        """The map of the tokens in one layer at the latent's size; None where they are not."""
        places = sorted({p for text in side.texts for p in occurrences(text.tolist(), wanted)})
        if not places:
            return None
        chosen = list(range(maps.shape[1])) if heads is None else list(heads)
        if not set(chosen) <= set(range(maps.shape[1])):
            raise UsageError(f"heads are {chosen}: 0 to {maps.shape[1] - 1} were recorded")
        looked = maps[row, chosen][:, places].float().mean((0, 1))
        grid = looked.reshape(1, 1, *grid_of(len(looked), self.size))
        return F.interpolate(grid, self.size, mode="bilinear")[0, 0]

    def _said(self, side: str) -> str:
        texts = [s.texts[0] for each in self.moments for s in each.sides if s.name == side]
        return self.tokenizer.decode(texts[0]) if texts else "none"


def occurrences(ids: Sequence[int], wanted: Sequence[int]) -> Iterator[int]:
    """The places of every occurrence of a run of ids."""
    for start in range(len(ids) - len(wanted) + 1):
        if list(ids[start : start + len(wanted)]) == list(wanted):
            yield from range(start, start + len(wanted))


def _rows(moment: Moment, side: str, known: Sequence[str]) -> list[int]:
    if side not in known:
        raise UsageError(f"side {side!r} was not attended to: one of {', '.join(known)} is right")
    return [row for row, each in enumerate(moment.sides) if each.name == side]
