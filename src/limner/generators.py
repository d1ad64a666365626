"""Long work yields on its way and returns its outcome: how to run it to its end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, TypeVar

Work = TypeVar("Work")
Outcome = TypeVar("Outcome")


def nothing(step: object) -> None:
    """What is done with steps that nobody looks at."""


def finish(
    work: Generator[Work, Any, Outcome], report: Callable[[Work], object] = nothing
) -> Outcome:
    """Run a generator to its end, hand on what it yields, and return what it returns.

    Where `report` fails, the work is closed at once, not when the error is forgotten.
    """
    with closing(work):
        while True:
            try:
                step = next(work)
            except StopIteration as end:
                return end.value
            report(step)
