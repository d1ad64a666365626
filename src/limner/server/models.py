"""The models of a server: by name, in memory as long as a budget lasts."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from limner.errors import UsageError

T = TypeVar("T")
Loader = Callable[[Callable[[], T], Callable[[T | Exception], None]], None]
"""Has a model loaded, and what came of it told, on the thread that the models are used on."""
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Shelf(Generic[T]):
    """A model that can be loaded. size: bytes in memory, as its files say."""

    load: Callable[[], T]
    size: int


def at_once(load: Callable[[], T], tell: Callable[[T | Exception], None]) -> None:
    """Load while whoever asks waits."""
    try:
        found: T | Exception = load()
    except Exception as error:
        found = error
    tell(found)


class Models(Generic[T]):
    """What can be painted with. Only the engine's thread calls it, but for `names` and `loaded`.

    budget: bytes of all that are in memory or on their way there; the longest unused leave, never
    one that is held. loader: where they are loaded; a server sets one that nobody waits for.
    """

    def __init__(self, shelves: Mapping[str, Shelf[T]], budget: int | None = None) -> None:
        for name, shelf in shelves.items():
            if not NAME.fullmatch(name):
                raise UsageError(
                    f"model name {name!r}: letters, digits, dots, dashes and underscores are "
                    "right, at most 64"
                )
            if budget is not None and shelf.size > budget:
                raise UsageError(
                    f"model {name} takes {shelf.size / 1e6:.0f} MB and the budget is "
                    f"{budget / 1e6:.0f} MB: a larger --memory is right"
                )
        self.loader: Loader[T] = at_once
        self._shelves = dict(shelves)
        self._budget = budget
        self._there: OrderedDict[str, T] = OrderedDict()
        self._coming: dict[str, list[Callable[[T | Exception], object]]] = {}
        self._held: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._shelves)

    @property
    def bytes(self) -> int:
        """Of those in memory, and on their way there."""
        return self._size({*tuple(self._there), *tuple(self._coming)})

    def loaded(self, name: str) -> T | None:
        """A model if it is in memory, from any thread."""
        return self._there.get(name)

    def fetch(self, name: str, tell: Callable[[T | Exception], object]) -> bool:
        """Have a model, or why it cannot be loaded, told when it is there; False: there is no room.

        Raises UsageError for an unknown name.
        """
        if name not in self._shelves:
            raise UsageError(f"no model {name[:64]!r}: one of {', '.join(self.names)} is right")
        if name in self._there:
            self._there.move_to_end(name)
            tell(self._there[name])
        elif name in self._coming:
            self._coming[name].append(tell)
        elif not self._make_room(self._shelves[name].size):
            return False
        else:
            self._coming[name] = [tell]
            self.loader(self._shelves[name].load, partial(self._come, name))
        return True

    def hold(self, name: str) -> None:
        """Keep a model that is in memory there until as many `release`; it is the last used."""
        self._there.move_to_end(name)
        self._held[name] = self._held.get(name, 0) + 1

    def release(self, name: str) -> None:
        self._held[name] -= 1
        if not self._held[name]:
            del self._held[name]

    def _come(self, name: str, found: T | Exception) -> None:
        waiting = self._coming.pop(name)
        if not isinstance(found, Exception):
            self._there[name] = found
        for tell in waiting:
            tell(found)

    def _make_room(self, size: int) -> bool:
        """Put away what is not held, the longest unused first, where that makes room enough."""
        if self._budget is None:
            return True
        if self._size({*self._held, *self._coming}) + size > self._budget:
            return False
        for name in [name for name in self._there if name not in self._held]:
            if self.bytes + size <= self._budget:
                break
            del self._there[name]
        return True

    def _size(self, names: Iterable[str]) -> int:
        return sum(self._shelves[name].size for name in names)
