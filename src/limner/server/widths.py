"""How many rows a call is given: as few as are nearly as fast as any number, as measured here.

On two cores more rows a call gain little, and others wait longer for it; on a GPU they gain much.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

MOST = 64  # rows a call
FIRST = 2  # without and with the prompt: what one picture asks for
NEARLY = 1.05  # times the best seconds a row
ENOUGH = 3  # measurements of a width before it is judged; the quickest counts, others wait in it
MOST_KEYS = 256  # that are remembered


@dataclass
class Measured:
    """most: rows, as far as memory was found to go. took: width -> seconds a row, so often."""

    most: int
    took: dict[int, tuple[float, int]] = field(default_factory=dict)


class Widths:
    """The width of each key's calls, which grows as long as that pays."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._keys: OrderedDict[Hashable, Measured] = OrderedDict()

    def width(self, key: Hashable) -> int:
        """How many rows a call may have now: the smallest nearly best, or one that is not known."""
        measured = self._of(key)
        judged = {w: s for w, (s, times) in measured.took.items() if times >= ENOUGH}
        if not judged:
            return min(FIRST, measured.most)
        best = min(judged.values())
        good = min(width for width, seconds in judged.items() if seconds <= NEARLY * best)
        wider = 2 * good
        unknown = not any(width > good for width in judged)
        return min(measured.most, wider if unknown else good)

    def took(self, key: Hashable, rows: int, seconds: float) -> None:
        """Write down a call."""
        measured, width = self._of(key), _up(rows)
        before, times = measured.took.get(width, (float("inf"), 0))
        measured.took[width] = min(before, seconds / rows), times + 1

    def short(self, key: Hashable, rows: int) -> None:
        """A call of so many rows did not fit into memory: half as many from now on."""
        measured = self._of(key)
        measured.most = max(1, min(measured.most, rows // 2))

    def _of(self, key: Hashable) -> Measured:
        if key not in self._keys:
            self._keys[key] = Measured(self.most)
            if len(self._keys) > MOST_KEYS:
                self._keys.popitem(last=False)
        self._keys.move_to_end(key)
        return self._keys[key]


def _up(rows: int) -> int:
    """The power of two that is not below it."""
    return 1 << (rows - 1).bit_length()
