"""Jobs of random kinds and arrivals, led by the core, are each what it is alone."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import numpy as np
import pytest
from as_seen import premultiplied
from traces import Clock, Ends, until

import limner
from limner import Request, Result
from limner.diffusion.solvers import SOLVERS
from limner.pipeline.many import painting, rows_of
from limner.server.core import Core
from limner.server.models import Models, Shelf
from limner.server.work import Work

SETS, JOBS = 1, 4


class Sure:
    """Widths that take along all that there is, so that calls are shared whatever that costs."""

    most = 64

    def width(self, key: object) -> int:
        return self.most

    def took(self, key: object, rows: int, seconds: float) -> None: ...

    def short(self, key: object, rows: int) -> None: ...


def seen(result: Result) -> np.ndarray:
    return premultiplied(result.images[0])


@pytest.fixture(scope="module")
def shipped() -> limner.Painter:
    return limner.load(device="cpu")


def asked(chance: random.Random, painter: limner.Painter) -> Request:
    words = painter.words
    assert words is not None
    fields: dict[str, Any] = {
        "prompt": f"a {chance.choice(words.concepts)}, {chance.choice(words.styles)}",
        "seed": chance.randrange(2**31),
        "steps": chance.randint(2, 3),
        "solver": chance.choice(tuple(SOLVERS)),
        "guidance": chance.choice((None, 1.0, 4.0)),
        "upscale": 1,
    }
    return Request(**fields)


def test_sets_of_jobs_that_come_at_any_time_are_what_each_is_alone(
    shipped: limner.Painter,
) -> None:
    chance = random.Random(5)
    for _ in range(SETS):
        requests = [asked(chance, shipped) for _ in range(JOBS)]
        found = together(requests, shipped, chance)
        for request, result in zip(requests, found, strict=True):
            assert abs(seen(result) - seen(shipped.paint(request))).max() <= 1


def together(
    requests: list[Request], painter: limner.Painter, chance: random.Random
) -> list[Result]:
    """The results of requests that arrive at random turns."""
    clock = Clock()
    core = Core(models=Models({"a": Shelf(load=lambda: painter, size=1)}), clock=clock)
    core.widths = Sure()  # type: ignore[assignment]
    ends = [Ends(clock) for _ in requests]
    shared = 0
    for number, (request, end) in enumerate(zip(requests, ends, strict=True)):
        core.submit(
            Work(
                id=str(number),
                owner=chance.choice(("ann", "bob")),
                model="a",
                shape=None,
                rows=rows_of(request),
                begin=partial(_begun, request),
                watcher=end,
            )
        )
        for _ in range(chance.randint(1, 2)):
            core.tick()
            shared = max(shared, len(core.under_way))
    until(core, lambda: all(end.ended for end in ends))
    assert shared > 1
    assert all(end.ended == ["finished"] for end in ends)
    return [end.result for end in ends]


def _begun(request: Request, painter: limner.Painter) -> Any:
    return painting(request, painter.model)
