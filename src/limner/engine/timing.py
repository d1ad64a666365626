"""How long several ways to the same take on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

SLOW = 0.7
"""One way's time in parts of another's below which it is taken: well beside what noise makes."""


def least(ways: Sequence[Callable[..., Any]], given: Sequence[Any], turns: int = 3) -> list[float]:
    """The least seconds of each way, called in turns; its first call is not counted."""
    spent: list[list[float]] = [[] for _ in ways]
    for _ in range(turns + 1):
        for way, taken in zip(ways, spent, strict=True):
            began = time.perf_counter()
            way(*given)
            taken.append(time.perf_counter() - began)
    return [min(taken[1:]) for taken in spent]
