"""Many requests by shared calls: as many calls as the longest takes, and what each gives alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from as_seen import premultiplied
from often import often
from tiny_pipelines import saved

import limner
from limner.diffusion.solvers import SOLVERS
from limner.engine.asks import Denoise
from limner.engine.scheduler import MOST_ROWS
from limner.errors import LimnerError, NumericsError, RequestError
from limner.pipeline import Painter, Request, Result
from limner.pipeline.many import AHEAD

PROMPTS = ("a red apple", "a blue cat, 3d", "a [cat:dog:2]", "a cat AND a dog", "a (red:1.2) cat")
LONG = "a red apple, " * 30  # three chunks of tokens


def mixed(chance: random.Random, **fixed: Any) -> Request:
    """A request of no certain steps, solver, guidance, length or number of pictures."""
    fields: dict[str, Any] = {
        "prompt": chance.choice((*PROMPTS, LONG)),
        "seed": chance.randrange(1000),
        "steps": chance.randint(1, 5),
        "solver": chance.choice(tuple(SOLVERS)),
        "guidance": chance.choice((1.0, 2.0, 5.0)),
        "count": chance.choice((1, 1, 2)),
        "weighting": "lerp",
    }
    return Request(**{**fields, **fixed})


@pytest.mark.parametrize("count", [1, 2, 8])
def test_mixed_requests_make_as_many_calls_as_the_longest_alone(
    painter: Painter, count: int
) -> None:
    chance = random.Random(count)
    requests = [mixed(chance) for _ in range(count)]
    alone = []
    for request in requests:
        before = painter.engine.calls
        painter.paint(request)
        alone.append(painter.engine.calls - before)
    before = painter.engine.calls
    assert len(list(painter.paint_many(requests))) == count
    assert painter.engine.calls - before == max(alone)


def test_results_come_in_the_order_of_the_requests(painter: Painter) -> None:
    steps = (5, 1, 3, 2)
    requests = [Request(prompt="a cat", seed=9, steps=n, solver="euler") for n in steps]
    found = [result.request.steps for result in painter.paint_many(requests)]
    assert found == list(steps)
    ends = [number for number, _ in painter.outcomes(requests)]
    assert ends == [1, 3, 2, 0]


def test_requests_are_read_as_there_is_room_and_what_is_left_is_cancelled(
    painter: Painter,
) -> None:
    read = []

    def endless() -> Iterator[Request]:
        for seed in range(10_000):
            read.append(seed)
            yield Request(prompt="a cat", seed=seed, steps=2, solver="euler")

    results = painter.paint_many(endless())
    first = [next(results) for _ in range(3)]
    results.close()
    assert [result.seeds for result in first] == [(0,), (1,), (2,)]
    assert len(read) < 200


def test_one_that_fails_stops_no_other(painter: Painter) -> None:
    requests = [
        Request(prompt="a cat", seed=1),
        Request(prompt="a cat", seed=1, size=(17, 16)),
        Request(prompt="a cat", seed=1, clip_skip=30),
        Request(prompt="a dog", seed=2),
    ]
    found = dict(painter.outcomes(requests))
    assert isinstance(found[1], RequestError)
    assert isinstance(found[2], LimnerError)
    for number in (0, 3):
        outcome = found[number]
        assert isinstance(outcome, Result)
        alone = painter.paint(requests[number])
        torch.testing.assert_close(outcome.latents, alone.latents, atol=1e-4, rtol=1e-4)
    with pytest.raises(RequestError, match="17x16"):
        list(painter.paint_many(requests))


def test_an_error_of_any_kind_is_its_own(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that is too small for all together is enough for fewer; a fault is of one alone."""
    answer, calls = painter.engine.answer, []

    def narrow(asks: list[Any]) -> list[Any]:
        calls.append(len(asks))
        if len(asks) > 2:
            raise torch.OutOfMemoryError("no room for so much")
        if any(isinstance(ask, Denoise) and len(ask) == 4 for ask in asks):
            raise ZeroDivisionError("of the third alone")
        return answer(asks)

    monkeypatch.setattr(painter.engine, "answer", narrow)
    requests = [Request(prompt="a cat", seed=n, count=1 + (n == 2), steps=2) for n in range(5)]
    found = dict(painter.outcomes(requests))
    assert isinstance(found.pop(2), ZeroDivisionError)
    assert all(isinstance(outcome, Result) for outcome in found.values())
    assert len(found) == 4
    assert max(calls) == 5


def test_an_error_that_is_kept_keeps_no_painting_under_way(painter: Painter) -> None:
    closed, own = [], painter.engine.session

    @contextmanager
    def session() -> Iterator[None]:
        with own():
            try:
                yield
            finally:
                closed.append(True)

    painter.engine.session = session  # type: ignore[method-assign]
    sizes = ((16, 16), (17, 16), (16, 16))
    asked = [Request(prompt="a cat", seed=1, steps=1, size=size) for size in sizes]
    with pytest.raises(RequestError) as kept:
        list(painter.paint_many(asked))
    assert kept.tb is not None  # it holds what it went through
    assert closed


def test_requests_of_many_pictures_wait_for_each_other(painter: Painter) -> None:
    answer, most = painter.engine.answer, 0

    def counted(asks: list[Any]) -> list[Any]:
        nonlocal most
        most = max(most, sum(len(ask) for ask in asks if isinstance(ask, Denoise)))
        return answer(asks)

    painter.engine.answer = counted  # type: ignore[method-assign]
    requests = [Request(prompt="a cat", seed=n, steps=1, count=16) for n in range(12)]
    assert len(list(painter.paint_many(requests))) == 12
    assert most <= MOST_ROWS


def test_a_long_painting_keeps_few_results_waiting(painter: Painter) -> None:
    read = []

    def many() -> Iterator[Request]:
        yield Request(prompt="a cat", seed=0, steps=20, solver="euler")
        for seed in range(300):
            read.append(seed)
            yield Request(prompt="a cat", seed=seed, steps=1, solver="euler")

    results = painter.paint_many(many())
    assert next(results).request.steps == 20
    results.close()
    assert len(read) <= AHEAD


def test_rows_that_are_not_finite_are_their_own_paintings_failure(painter: Painter) -> None:
    spoilt = torch.full((1, 4, 8, 8), torch.inf)
    requests = [
        Request(prompt="a cat", seed=1),
        Request(prompt="a cat", seed=1, start_noise=spoilt),
    ]
    found = dict(painter.outcomes(requests))
    assert isinstance(found[1], NumericsError)
    outcome = found[0]
    assert isinstance(outcome, Result)
    alone = painter.paint(requests[0]).latents
    torch.testing.assert_close(outcome.latents, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_every_answer_of_a_shared_call_is_that_of_the_ask_alone(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = limner.load(saved(kind, tmp_path), device="cpu")
    answer, shared = painter.engine.answer, 0

    def checked(asks: list[Any]) -> list[Any]:
        nonlocal shared
        found = answer(asks)
        if isinstance(asks[0], Denoise) and len(asks) > 1:
            shared += 1
            for ask, together in zip(asks, found, strict=True):
                (alone,) = answer([ask])
                torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
        return found

    monkeypatch.setattr(painter.engine, "answer", checked)
    chance = random.Random(0)
    requests = [mixed(chance, size=(16, 16)) for _ in range(12)]
    assert len(list(painter.paint_many(requests))) == 12
    assert shared > 3


@pytest.mark.parametrize("sets", often(8, 100))
def test_sets_of_requests_on_the_shipped_model_are_what_each_is_alone(sets: int) -> None:
    painter, chance = limner.load(device="cpu"), random.Random(3)
    words = painter.words
    assert words is not None
    things = [(chance.choice(words.concepts), chance.choice(words.styles)) for _ in range(24)]
    pool = [
        Request(
            prompt=f"a {concept}, {style}",
            seed=seed,
            steps=chance.randint(1, 3),
            solver=chance.choice(tuple(SOLVERS)),
            guidance=chance.choice((None, 1.0, 4.0)),
            upscale=1,
        )
        for seed, (concept, style) in enumerate(things)
    ]
    alone = [seen(painter.paint(request)) for request in pool]
    for _ in range(sets):
        chosen = chance.sample(range(len(pool)), chance.randint(2, 5))
        results = painter.paint_many([pool[index] for index in chosen])
        for index, result in zip(chosen, results, strict=True):
            assert abs(seen(result) - alone[index]).max() <= 1


def seen(result: Result) -> np.ndarray:
    return premultiplied(result.images[0])
