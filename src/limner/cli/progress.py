"""Progress: a bar for a person at a terminal, now and then a plain line for a pipe or a log."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, runtime_checkable

from limner.cli import streams
from limner.errors import LimnerError
from limner.generators import finish

Outcome = TypeVar("Outcome")
EVERY = 5.0
"""Seconds between two lines of progress, where no bar is seen."""


class StoppedError(LimnerError):
    """Work that was stopped by Ctrl-C, and says how it goes on."""


class Stop:
    """Called, it says whether a signal has asked for an end; `interrupted`: whether by Ctrl-C."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __call__(self) -> bool:
        return self.number is not None

    @property
    def interrupted(self) -> bool:
        return self.number == signal.SIGINT


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Whether Ctrl-C or a termination was asked for: work that can be resumed ends when it suits.

    A second signal does what it always does.
    """
    stop = Stop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: object) -> None:
        stop.number = number
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        restore()


@runtime_checkable
class Numbered(Protocol):
    """A step of long work: its index, from 1 to the total; None where nobody knows it."""

    @property
    def index(self) -> int: ...

    @property
    def total(self) -> int | None: ...


@runtime_checkable
class Report(Protocol):
    """Called with how many are done, how many there are in all, and what else to say of it."""

    def __call__(self, done: int, total: int | None, note: str = "") -> None: ...


def at_terminal() -> bool:
    """Whether standard error is read by a person who can see a bar move."""
    return sys.stderr.isatty()


@contextmanager
def progress_bar(label: str, *, quiet: bool = False, lines: bool = True) -> Iterator[Report]:
    """A bar on standard error if that is a terminal, else, with `lines`, a line now and then.

    quiet: neither.
    """
    if quiet or not at_terminal():
        yield line_by_line(label) if lines and not quiet else lambda done, total, note="": None
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # what goes to a file stays there
    )
    with bar as progress:
        task = progress.add_task(label, total=None)

        def report(done: int, total: int | None, note: str = "") -> None:
            progress.update(task, description=note or label, completed=done, total=total)

        yield report


def line_by_line(label: str) -> Report:
    """Says how far it has come every few seconds, and at the end."""
    said = time.monotonic()

    def report(done: int, total: int | None, note: str = "") -> None:
        nonlocal said
        if (total is not None and done >= total) or time.monotonic() - said >= EVERY:
            said = time.monotonic()
            streams.say(f"{note or label}: {done}" + ("" if total is None else f" of {total}"))

    return report


def follow(steps: Generator[Numbered, None, Outcome], report: Report) -> Outcome:
    """Run a generator to its end, report each step, and return what it returns."""

    def number(step: Numbered) -> None:
        report(step.index, step.total)

    return finish(steps, number)
