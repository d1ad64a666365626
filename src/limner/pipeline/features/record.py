"""What the denoiser looks at while a request is painted, where the request asks for it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from limner.engine.asks import Ask, Denoise, Step
from limner.explain.heatmaps import NEGATIVE, AttentionMaps
from limner.explain.heatmaps import Moment as Seen
from limner.explain.recorder import AttentionRecorder
from limner.pipeline.model import Model
from limner.pipeline.plan import Feature, Moment, Plan
from limner.pipeline.request import Request
from limner.pipeline.result import Result
from limner.text.learned import ids_of
from limner.text.tokenizer import Tokenizer


def complete(request: Request, model: Model) -> Request:
    return request


def planned(request: Request, model: Model) -> Feature | None:
    return None if request.attention is None else Record(heads=request.attention == "heads")


@dataclass(frozen=True, kw_only=True, eq=False)
class Record(Feature):
    """heads: keep the maps of every head, else their mean."""

    heads: bool

    def begin(self, plan: Plan) -> Generator[Ask, Any, tuple[Plan, Feature]]:
        recorder = AttentionRecorder(plan.model.parts.denoiser, heads=self.heads)
        return plan, Recording(recorder, _tokenizer(plan))
        yield


class Recording(Feature):
    """The moments of one painting."""

    def __init__(self, recorder: AttentionRecorder, tokenizer: Tokenizer) -> None:
        self._recorder = recorder
        self._tokenizer = tokenizer
        self._moments: list[Seen] = []
        self._asked: Moment | None = None

    def asking(self, ask: Denoise, moment: Moment) -> Denoise:
        self._asked = moment
        return replace(ask, attend=self._recorder.attend)

    def answered(self, rows: Tensor) -> Tensor:
        """Where guidance is not at work, the negative was not told."""
        moment = self._asked
        assert moment is not None
        maps, sides = self._recorder.take(), moment.scene.sides
        seen = len(next(iter(maps.values()))) if maps else 0
        if seen != len(sides) * moment.count:
            sides = tuple(side for side in sides if side.name != NEGATIVE)
        self._moments.append(Seen(step=moment.step, sides=sides, maps=maps))
        return rows

    def finish(self, result: Result) -> Generator[Ask | Step, Any, Result]:
        if self._moments:
            height, width = result.latents.shape[-2:]
            maps = AttentionMaps(
                moments=tuple(self._moments),
                tokenizer=self._tokenizer,
                size=(height, width),
                count=len(result.images),
            )
            result = replace(result, attention=maps)
        return result
        yield


def _tokenizer(plan: Plan) -> Tokenizer:
    """The model's own with the learned words of the request, whatever is put on later."""
    parts = plan.model.parts
    vectors = {word.word: word.vectors["text_encoder"] for word in plan.adapted.words}
    return parts.tokenizer.with_learned(ids_of(vectors, parts.text_encoder.config.vocabulary_size))
