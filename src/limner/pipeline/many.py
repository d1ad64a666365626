"""Many paintings by shared calls: how they are planned, and their outcomes put in order."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from limner.engine.asks import Denoise
from limner.engine.eager import EagerEngine
from limner.engine.scheduler import outcomes
from limner.errors import UsageError
from limner.generators import answered
from limner.pipeline.model import Model
from limner.pipeline.paint import Painting, latents, paint
from limner.pipeline.planning import plan
from limner.pipeline.request import Request

T = TypeVar("T")
AHEAD = 128  # results that wait for one before them, at most


def painting(request: Request, model: Model) -> Painting:
    """A painting that plans itself when it begins, so that what fails then is its own failure."""
    return (yield from paint(plan(request, model)))


def signed(painting: Painting, engine: EagerEngine) -> Painting:
    """The same painting, whose result says what ran it and what a person should know of that."""
    said: dict[str, None] = {}
    ran: dict[str, None] = {}

    def look(ask: object) -> None:
        said.update(engine.remarks(ask))
        if isinstance(ask, Denoise):
            ran[engine.answered_by(ask)] = None

    result = yield from answered(painting, look)
    called = " and ".join(ran) or engine.called
    return replace(result, engine=called, warnings=(*result.warnings, *said))


def rows_of(request: Request) -> int:
    """How many rows it asks to denoise, as far as that is known before it is planned."""
    return 2 * request.count  # without and with the prompt


def in_order(found: Generator[tuple[int, T | Exception], None, None]) -> Iterator[T]:
    """Results by their numbers, 0, 1, ...; raises the first error there is, in its place.

    What is under way then is cancelled at once, not when the error is forgotten.
    """
    early, following = dict[int, T | Exception](), 0
    with closing(found):
        for number, outcome in found:
            early[number] = outcome
            while following in early:
                ready = early.pop(following)
                if isinstance(ready, Exception):
                    raise ready
                yield ready
                following += 1


@torch.inference_mode()
def paint_batch(
    model: Model, engine: EagerEngine, prompts: Sequence[str], seeds: Sequence[int]
) -> Float[Tensor, "B P H W"]:
    """One picture a prompt and seed, in the model's defaults, as model pixels on the CPU.

    For measuring many prompts, which are taken as they stand: the batch shares every model call.
    Raises UsageError where there are none.
    """
    if not prompts:
        raise UsageError("there is nothing to paint: a prompt and a seed at least are right")
    model = replace(model, language=None)
    asked = [Request(prompt=p, seed=s) for p, s in zip(prompts, seeds, strict=True)]
    paintings = ((n, latents(plan(request, model)), 0) for n, request in enumerate(asked))
    found = in_order(outcomes(paintings, engine, most=len(asked)))
    return engine.decoder(torch.cat(list(found))).pixels
