"""Graphs of a module: made where they pay or are ready, kept while its weights are as they were."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import nn

from limner.engine.texts import fingerprint

Graph = TypeVar("Graph")
Begin = Callable[[], Callable[[], Graph]]
"""Begins a graph; what it returns gives it when it is ready, and another thread may call that."""

MOST_BYTES = 8 << 30  # of weights in the graphs that are kept; one is kept whatever it has


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """When a graph is made.

    pays: from how many calls for one key, those of before and those to come; of fewer the module
    does all. to_go: how many are to come, this one among them. kept: whether it is there from
    before, and takes little time to get: then it is always taken. waits: whether whoever asks waits
    while it is made. tell: is told why there is none yet, or never will be.
    """

    pays: int
    to_go: int
    kept: Callable[[], bool]
    waits: bool
    tell: Callable[[str], object] = str


class Graphs(Generic[Graph]):
    """A module's graphs, each for arguments of one key. called: what makes them."""

    def __init__(self, module: nn.Module, called: str) -> None:
        self.module = module
        self._called = called
        self._ready: OrderedDict[Hashable, Graph] = OrderedDict()
        self._coming: dict[Hashable, Future[Graph]] = {}
        self._weights: tuple[object, ...] = ()
        self._asked = Counter[Hashable]()  # calls of the module that a graph could have answered

    def __iter__(self) -> Iterator[Hashable]:
        """The keys of those that are ready, the longest unused first."""
        return iter(self._ready)

    def get(self, key: Hashable, begin: Begin[Graph], wanted: Wanted) -> Graph | None:
        """The graph for a key; None where there is none yet, or it does not pay."""
        if key not in self._ready:
            graph = self._found(key, begin, wanted)
            if graph is None:
                self._asked[key] += 1
                return None
            self._make_room()
            self._ready[key] = graph
        self._ready.move_to_end(key)
        return self._ready[key]

    def _found(self, key: Hashable, begin: Begin[Graph], wanted: Wanted) -> Graph | None:
        if not wanted.waits:
            return self._come(key, begin, wanted.tell)
        if self._asked[key] + wanted.to_go < wanted.pays and not wanted.kept():
            return None
        return begin()()

    def _come(
        self, key: Hashable, begin: Begin[Graph], tell: Callable[[str], object]
    ) -> Graph | None:
        """The graph for a key if it is ready, else None; one is made at a time."""
        if key not in self._coming and all(each.done() for each in self._coming.values()):
            self._coming[key] = in_background(begin())
        coming = self._coming.get(key)
        if coming is None or not coming.done():
            tell(f"{self._called} was not ready: the denoiser ran without it")
            return None
        if (error := coming.exception()) is not None:
            tell(str(error))
            return None
        return self._coming.pop(key).result()

    def _make_room(self) -> None:
        size = sum(4 * p.numel() for p in self.module.parameters())
        while self._ready and (len(self._ready) + 1) * size > MOST_BYTES:
            self._ready.popitem(last=False)

    def check(self) -> bool:
        """Forget all where the weights are not those that are in them; whether that was so."""
        found = fingerprint(self.module)
        if found == self._weights:
            return False
        self._ready.clear()
        self._coming.clear()
        self._asked.clear()
        self._weights = found
        return True


def in_background(make: Callable[[], Graph]) -> Future[Graph]:
    """What another thread makes, which ends with the process."""
    made: Future[Graph] = Future()

    def run() -> None:
        try:
            made.set_result(make())
        except Exception as error:
            made.set_exception(error)

    threading.Thread(target=run, name="limner-graph", daemon=True).start()
    return made
