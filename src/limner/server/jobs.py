"""A job: what somebody asked for, how it goes, and who waits for it."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.explain.heatmaps import AttentionMaps
from limner.explain.laid import LaidMaps
from limner.pipeline.request import Request
from limner.types import Latent

MOST_EVENTS = 1000  # that can be replayed
ID_BYTES = 16
Pictured = Callable[[Float[Tensor, "B P H W"]], list[Image.Image]]


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (State.COMPLETED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Event:
    """Something that happened to a job; numbers count from 1."""

    number: int
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Preview:
    """What a job's pictures were after a step. pictures: as PNG files."""

    step: int
    pictures: tuple[bytes, ...]


@dataclass(eq=False)
class Job:
    """A job, for all threads. Times are seconds since 1970.

    door: the API that it came in by. task: what the caller calls it. error: {code, message}.
    warnings: what its reading told, and its painting. partial: how many previews are wanted whoever
    looks on; previews_at: their steps, known from the first on; previews: of these, and the last
    one. listeners, polled: who looks on, and when one asked last (monotonic). latents: of
    each step's denoised picture, where these were asked for; unguided: of the picture without the
    prompt, None of a step that guidance had no part in; pictured: what makes pictures of them once
    they are decoded (a collage is laid of several).
    """

    owner: str
    model: str
    request: Request
    door: str
    task: str | None = None
    keep_steps: bool = False
    partial: int = 0
    previews_at: frozenset[int] = frozenset()
    id: str = field(default_factory=lambda: secrets.token_hex(ID_BYTES))
    created: float = field(default_factory=time.time)
    status: State = State.QUEUED
    started: float | None = None
    finished: float | None = None
    step: int = 0
    total: int = 0  # 0 where nobody knows: not yet, or a solver chooses its steps
    images: int = 0
    seeds: tuple[int, ...] = ()
    interrupted: bool = False
    error: dict[str, str] | None = None
    warnings: tuple[str, ...] = ()
    previews: dict[int, Preview] = field(default_factory=dict)
    previewed: float = 0.0
    listeners: int = 0
    polled: float = 0.0
    latents: list[Latent] = field(default_factory=list)
    unguided: list[Latent | None] = field(default_factory=list)
    pictured: list[Pictured] = field(default_factory=list)
    attention: AttentionMaps | LaidMaps | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._last = 0
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def bytes(self) -> int:
        """That it holds beside words and numbers."""
        maps = 0 if self.attention is None else self.attention.nbytes
        kept = (*self.latents, *self.unguided)
        return maps + sum(latent.nbytes for latent in kept if latent is not None)

    @property
    def last(self) -> int:
        """The number of the last event."""
        return self._last

    def tell(self, kind: str, **data: Any) -> None:
        """Add an event, and wake whoever waits for one."""
        with self._lock:
            self._last += 1
            self._events.append(Event(self._last, kind, data))
            waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            waiter.get_loop().call_soon_threadsafe(_done, waiter)

    def events(self, after: int = 0) -> list[Event]:
        """Those behind a number, as far as they are kept."""
        with self._lock:
            return [event for event in self._events if event.number > after]

    async def changed(self, after: int, timeout: float | None = None) -> bool:
        """Wait for an event behind a number; False where there was none in time (seconds)."""
        with self._lock:
            if self._last > after:
                return True
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
        try:
            await asyncio.wait_for(waiter, timeout)
        except TimeoutError:
            return False
        finally:
            with self._lock:
                self._waiters.discard(waiter)
        return True

    async def end(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; False where it has not in time (seconds)."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self.status.ended:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return False
            last = self.last
            if self.status.ended:
                break
            await self.changed(last, left)
        return True


def _done(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
