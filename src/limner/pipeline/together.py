"""Several paintings as one: step by step side by side, by shared calls where they ask alike."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from limner.engine.asks import Ask, Denoise, Step
from limner.pipeline.paint import Painting
from limner.pipeline.result import Result

Seen = Callable[[Sequence[Sequence[Image.Image]]], list[Image.Image]]
"""What is shown of the pictures of each painting at a step."""


def together(paintings: Sequence[Painting], seen: Seen) -> Generator[Ask | Step, Any, list[Result]]:
    """The results of all; a step of the whole is one of each, where some may be done already."""
    with ExitStack() as stack:
        under_way = [stack.enter_context(closing(UnderWay(each))) for each in paintings]
        for each in under_way:
            each.go_on(None)
        while any(each.result is None for each in under_way):
            yield from _answered(under_way)
            stepped = [each for each in under_way if each.step is not None]
            if stepped:
                yield _joined(under_way, seen)
            for each in stepped:
                each.go_on(None)
    return [each.result for each in under_way if each.result is not None]


class UnderWay:
    """A painting: what it asks, or the step that it is at, or its result; and its last step."""

    def __init__(self, painting: Painting) -> None:
        self.painting = painting
        self.ask: Ask | None = None
        self.step: Step | None = None
        self.last: Step | None = None
        self.result: Result | None = None

    def go_on(self, answer: Any) -> None:
        self._led(lambda: self.painting.send(answer))

    def fail(self, error: Exception) -> None:
        self._led(lambda: self.painting.throw(error))

    def close(self) -> None:
        self.painting.close()

    def _led(self, advance: Callable[[], Ask | Step]) -> None:
        self.ask = self.step = None
        try:
            said = advance()
        except StopIteration as finished:
            self.result = finished.value
            return
        if isinstance(said, Step):
            self.step = self.last = said
        else:
            self.ask = said


def _answered(under_way: Sequence[UnderWay]) -> Generator[Ask, Any, None]:
    """Have all asks of the paintings answered, until each is at a step or done.

    Rows are asked last, when all that come to some have come.
    """
    while asking := [(each, each.ask) for each in under_way if each.ask is not None]:
        first = min((ask for _, ask in asking), key=lambda ask: isinstance(ask, Denoise))
        group = [(each, ask) for each, ask in asking if _go_together(first, ask)]
        rows = [ask for _, ask in group if isinstance(ask, Denoise)]
        try:
            answer = yield _shared(rows) if len(group) > 1 else first
        except Exception as error:
            for each, _ in group:
                each.fail(error)
            continue
        answers = answer.split([len(ask) for ask in rows]) if len(group) > 1 else [answer]
        for (each, _), own in zip(group, answers, strict=True):
            each.go_on(own)


def _go_together(first: Ask, other: Ask) -> bool:
    """Whether two asks are one, or rows that one call can hold."""
    if first is other:
        return True
    return (
        isinstance(first, Denoise)
        and isinstance(other, Denoise)
        and first.level == other.level
        and first.under.key == other.under.key
        and first.x.shape[1:] == other.x.shape[1:]
        and all(_is_plain(each) for each in (first, other))
    )


def _is_plain(ask: Denoise) -> bool:
    """Whether an ask is nothing but rows with their texts."""
    more = ask.shown, ask.visible, ask.attend
    return all(each is None for each in more) and not ask.added


def _shared(asks: Sequence[Denoise]) -> Denoise:
    """One ask of the rows of all."""
    texts = tuple(text for ask in asks for text in ask.texts)
    return replace(asks[0], x=torch.cat([ask.x for ask in asks]), texts=texts)


def _joined(under_way: Sequence[UnderWay], seen: Seen) -> Step:
    """One step of what all are at, or were at last."""
    steps = [each.last for each in under_way if each.last is not None]
    counts = [len(step.denoised) for step in steps]
    without = [step.unguided for step in steps if step.unguided is not None]

    def pictures(pixels: Tensor) -> list[Image.Image]:
        parts = zip(steps, pixels.split(counts), strict=True)
        return seen([step.pictures(part) for step, part in parts])

    return replace(
        max(steps, key=lambda step: step.index),
        x=torch.cat([step.x for step in steps]),
        denoised=torch.cat([step.denoised for step in steps]),
        unguided=torch.cat(without) if len(without) == len(steps) else None,
        pictures=pictures,
    )
