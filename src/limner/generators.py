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


def answered(
    work: Generator[Work, Any, Outcome], told: Callable[[Work], object]
) -> Generator[Work, Any, Outcome]:
    """The same generator; `told` is given what it yielded, each once it has its answer."""
    lead: Callable[[Any], Work] = work.send
    answer: Any = None
    with closing(work):
        while True:
            try:
                said = lead(answer)
            except StopIteration as end:
                return end.value
            try:
                answer, lead = (yield said), work.send
            except Exception as error:
                answer, lead = error, work.throw
            else:
                told(said)
