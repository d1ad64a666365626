"""What the denoiser looks at while a request is painted, where the request asks for it."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from limner.explain.heatmaps import NEGATIVE, AttentionMaps, Moment, Side
from limner.explain.recorder import AttentionRecorder
from limner.nn.attention import Attend, plain
from limner.text.tokenizer import Tokenizer
from limner.types import Latent


class Recording:
    """The moments of one painting. asked: None records nothing; "mean" or "heads" as in Request."""

    def __init__(self, denoiser: nn.Module, asked: str | None) -> None:
        heads = asked == "heads"
        self._recorder = None if asked is None else AttentionRecorder(denoiser, heads=heads)
        self._moments: list[Moment] = []

    @property
    def attend(self) -> Attend:
        """What a call that is recorded is handed."""
        return plain if self._recorder is None else self._recorder.attend

    def keep(self, step: int, sides: tuple[Side, ...], count: int) -> None:
        """Keep what was recorded of one evaluation: `count` pictures told of each of these sides.

        In their order; where guidance is not at work, the negative is not told.
        """
        if self._recorder is None:
            return
        maps = self._recorder.take()
        rows = len(next(iter(maps.values()))) if maps else 0
        told = sides if rows == len(sides) * count else tuple(_without_negative(sides))
        self._moments.append(Moment(step=step, sides=told, maps=maps))

    def maps(self, tokenizer: Tokenizer, latent: Latent, count: int) -> AttentionMaps | None:
        """All of it, of a painting that ended in this latent."""
        if self._recorder is None or not self._moments:
            return None
        height, width = latent.shape[-2:]
        moments, size = tuple(self._moments), (height, width)
        return AttentionMaps(moments=moments, tokenizer=tokenizer, size=size, count=count)


def _without_negative(sides: tuple[Side, ...]) -> Iterator[Side]:
    return (side for side in sides if side.name != NEGATIVE)
