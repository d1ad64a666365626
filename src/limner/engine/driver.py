"""One painting, its asks answered by an engine."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from PIL import Image

from limner.engine.asks import Ask, Decode, Step

R = TypeVar("R")
Painting = Generator[Ask | Step, Any, R]
"""Yields asks, and is sent their answers, and steps; returns a result."""


@runtime_checkable
class Engine(Protocol):
    """What answers asks.

    Asks of one key can be answered together. `session`: around a painting; what was computed for
    it is kept as long as one is under way.
    """

    def key(self, ask: Ask) -> object: ...

    def answer(self, asks: list[Any]) -> list[Any]: ...

    def session(self) -> AbstractContextManager[None]: ...


def steps(painting: Painting[R], engine: Engine) -> Generator[Step, None, R]:
    """Drive a painting: yields its steps, returns its result; stop iterating to cancel.

    Where an ask fails, the failure is thrown into the painting at that place.
    """
    with engine.session():
        said = advanced(painting, None)
        while not isinstance(said, Returned):
            if isinstance(said, Step):
                yield shown(said, engine)
                said = advanced(painting, None)
                continue
            try:
                (answer,) = engine.answer([said])
            except Exception as error:
                said = failed(painting, error)
            else:
                said = advanced(painting, answer)
        return said.value


class Returned:
    """What a painting ended with."""

    def __init__(self, value: Any) -> None:
        self.value = value


@torch.inference_mode()
def advanced(painting: Painting[Any], answer: Any) -> Ask | Step | Returned:
    """What a painting says next, given an answer; None at its start and after a step."""
    try:
        return painting.send(answer)
    except StopIteration as finished:
        return Returned(finished.value)


@torch.inference_mode()
def failed(painting: Painting[Any], error: Exception) -> Ask | Step | Returned:
    """What a painting says to a failure; most raise it."""
    try:
        return painting.throw(error)
    except StopIteration as finished:
        return Returned(finished.value)


def shown(step: Step, engine: Engine) -> Step:
    """The step with a preview, which decodes when it is looked at."""
    return replace(step, preview=partial(_preview, step, engine))


def _preview(step: Step, engine: Engine) -> list[Image.Image]:
    (decoded,) = engine.answer([Decode(latent=step.denoised)])
    return step.pictures(decoded.pixels)
