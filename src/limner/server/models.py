"""The models of a server: by name, in memory as long as a budget lasts."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from limner.errors import UsageError

T = TypeVar("T")
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Shelf(Generic[T]):
    """A model that can be loaded. size: bytes in memory, as its files say."""

    load: Callable[[], T]
    size: int


class Models(Generic[T]):
    """What can be painted with. Only the engine's thread calls it, but for `names` and `loaded`.

    budget: bytes of all that are in memory; the longest unused leave, never one that is held.
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
        self._shelves = dict(shelves)
        self._budget = budget
        self._there: OrderedDict[str, T] = OrderedDict()
        self._held: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._shelves)

    @property
    def bytes(self) -> int:
        """Of those in memory."""
        return sum(self._shelves[name].size for name in tuple(self._there))

    def loaded(self, name: str) -> T | None:
        """A model if it is in memory, from any thread."""
        return self._there.get(name)

    def get(self, name: str) -> T | None:
        """A model, loaded where it is not in memory; None: there is no room beside those held.

        Raises UsageError for an unknown name, and what loading raises.
        """
        if name not in self._shelves:
            raise UsageError(f"no model {name[:64]!r}: one of {', '.join(self.names)} is right")
        if name not in self._there:
            if not self._make_room(self._shelves[name].size):
                return None
            self._there[name] = self._shelves[name].load()
        self._there.move_to_end(name)
        return self._there[name]

    def hold(self, name: str) -> None:
        """Keep a model in memory until as many `release`."""
        self._held[name] = self._held.get(name, 0) + 1

    def release(self, name: str) -> None:
        self._held[name] -= 1
        if not self._held[name]:
            del self._held[name]

    def _make_room(self, size: int) -> bool:
        """Put away what is not held, the longest unused first, where that makes room enough."""
        if self._budget is None:
            return True
        held = sum(self._shelves[name].size for name in self._there if name in self._held)
        if held + size > self._budget:
            return False
        for name in [name for name in self._there if name not in self._held]:
            if self.bytes + size <= self._budget:
                break
            del self._there[name]
        return True
