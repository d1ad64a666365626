"""A clock that is set, an engine that costs time, paintings of sums: what tests the core."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch

from limner.diffusion.process import Level
from limner.engine.asks import Decode, Decoded, Denoise, Encode, Step
from limner.errors import NumericsError
from limner.server.core import Core
from limner.server.models import Models, Shelf, at_once
from limner.server.work import Work
from limner.types import Conditioning

DECODED = Decoded(pixels=torch.zeros(1, 3, 1, 1))


class Clock:
    """A clock that goes on as it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class Said:
    """What stands in place of the tensors of an ask: whose it is, and a number."""

    work: str
    number: int
    poison: bool = False


class Asked(Denoise):
    """An ask to denoise with what tells it apart beside its rows."""

    said: Said


@cache
def _rows(rows: int) -> dict[str, Any]:
    text = Conditioning(context=torch.zeros(1, 1, 1), mask=torch.ones(1, 1, dtype=torch.bool))
    ask = Denoise(
        x=torch.zeros(rows, 1, 1, 1),
        level=Level(alpha=1.0, sigma=1.0, t=None),
        texts=(text,) * rows,
    )
    return vars(ask)


def asked(said: Said, rows: int) -> Asked:
    """Such an ask, made without the checks of a new one, as there are millions of them."""
    ask = object.__new__(Asked)
    ask.__dict__.update(_rows(rows), said=said)
    return ask


@dataclass(eq=False)
class SumEngine:
    """Answers with numbers, and takes its time for it: `fixed` a call and `each` a row.

    room: rows that fit into memory. Calls are kept as (their works, their rows).
    """

    clock: Clock
    fixed: float = 0.5
    each: float = 1.0
    room: int = 10_000
    calls: list[tuple[tuple[str, ...], int]] = field(default_factory=list)
    open: int = 0

    def key(self, ask: Any) -> object:
        return (Denoise,) if isinstance(ask, Denoise) else (type(ask), id(ask))

    @contextmanager
    def session(self) -> Iterator[None]:
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    def answer(self, asks: list[Any]) -> list[Any]:
        if not isinstance(asks[0], Denoise):
            self.clock.now += self.each
            return [DECODED for _ in asks]
        rows = sum(len(ask) for ask in asks)
        self.calls.append((tuple(ask.said.work for ask in asks), rows))
        self.clock.now += self.fixed + self.each * rows
        if rows > self.room:
            raise RuntimeError("not enough memory: you tried to allocate 7 bytes")
        if any(ask.said.poison for ask in asks):
            raise NumericsError("the denoiser produced NaN")
        return [answered(ask.said.number) for ask in asks]


def answered(number: int) -> int:
    return (number * 1103515245 + 12345) % 2**31


@dataclass(eq=False)
class Sums:
    """The painter of a model: its engine alone."""

    engine: SumEngine


class Loads:
    """Loads models when it is told to, one at a time."""

    def __init__(self) -> None:
        self._begun: deque[tuple[Callable[[], Any], Callable[[Any], None]]] = deque()

    def __call__(self, load: Callable[[], Any], tell: Callable[[Any], None]) -> None:
        self._begun.append((load, tell))

    def end_one(self) -> bool:
        """Let the first end; False: there is none."""
        if not self._begun:
            return False
        at_once(*self._begun.popleft())
        return True


@dataclass(eq=False)
class Ends:
    """A watcher that keeps what it was told."""

    clock: Clock
    told: list[str] = field(default_factory=list)
    steps: int = 0
    result: Any = None
    at: float = 0.0

    def started(self) -> None:
        self.told.append("started")

    def stepped(self, step: Step) -> None:
        self.steps += 1

    def finished(self, result: Any) -> None:
        self._end("finished", result)

    def interrupted(self, images: list[Any], step: Step) -> None:
        self._end("interrupted", step.index)

    def failed(self, error: Exception) -> None:
        self._end("failed", error)

    def cancelled(self) -> None:
        self._end("cancelled", None)

    def _end(self, how: str, result: Any) -> None:
        self.told.append(how)
        self.result, self.at = result, self.clock.now

    @property
    def ended(self) -> list[str]:
        return [each for each in self.told if each != "started"]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A painting: its rows and evaluations, and at which of them it is poisoned."""

    id: str
    owner: str
    model: str
    rows: int
    steps: int
    poisoned: int | None = None

    @property
    def alone(self) -> int:
        """What it comes to."""
        number = int(self.id)
        for _ in range(self.steps):
            number = answered(number)
        return number

    def painting(self, painter: Any, hold: object = None) -> Generator[Any, Any, int]:
        yield Encode(texts=())
        number = int(self.id)
        for step in range(1, self.steps + 1):
            said = Said(self.id, number, poison=step == self.poisoned)
            number = yield asked(said, self.rows)
            yield _step(step, self.steps)
        yield Decode(latent=_rows(1)["x"])
        return number

    def work(self, watcher: Any) -> Work:
        return Work(
            id=self.id,
            owner=self.owner,
            model=self.model,
            shape=None,
            rows=self.rows,
            begin=self.painting,
            watcher=watcher,
        )


@cache
def _step(index: int, total: int) -> Step:
    x = _rows(1)["x"]
    return Step(
        index=index,
        total=total,
        level=Level(alpha=1.0, sigma=1.0, t=None),
        x=x,
        denoised=x,
        pictures=lambda _: [],
    )


def core(clock: Clock, *names: str, budget: int | None = None, **more: Any) -> Core:
    """A core with a model of one byte for each name."""
    engines = more.pop("engines", {})
    shelves = {
        name: Shelf(load=lambda n=name: Sums(engines.get(n) or SumEngine(clock)), size=1)
        for name in names or ("a",)
    }
    return Core(models=Models(shelves, budget), clock=clock, **more)


def run(core: Core, most: int = 10**6) -> None:
    """Turns until there is nothing to do."""
    for _ in range(most):
        if not core.tick():
            return
    raise AssertionError("it does not end")


def until(core: Core, ready: Callable[[], bool], most: int = 10_000) -> None:
    """Turns until something holds."""
    for _ in range(most):
        if ready():
            return
        core.tick()
    raise AssertionError("it never holds")
