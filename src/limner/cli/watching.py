"""What a person sees of a training: a bar at a terminal, else a line every hundred steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from limner.cli import streams
from limner.cli.progress import Report, Stop, StoppedError, at_terminal
from limner.errors import TrainingError

if TYPE_CHECKING:
    from limner.training.loop import Progress

LINE_EVERY = 100
EVERY = 0.5
"""Seconds between two notes beside the bar."""


class Watch:
    """Called with each step of a training, it shows it; afterwards it knows how far that came."""

    def __init__(self, report: Report, *, quiet: bool = False) -> None:
        self.report = report
        self.lines = not quiet and not at_terminal()
        self.done, self.total = 0, 0
        self._note, self._noted = "", -EVERY

    def __call__(self, progress: Progress) -> None:
        self.done, self.total = progress.step, progress.steps
        if time.monotonic() - self._noted > EVERY:  # reading a loss waits for its step on a GPU
            self._note, self._noted = line(progress), time.monotonic()
        self.report(self.done, self.total, self._note)
        if self.lines and self.done % LINE_EVERY == 0:
            streams.say(line(progress))

    def check_done(self, stopped: Stop) -> None:
        """Raises StoppedError or TrainingError if it was stopped before its last step."""
        if self.done < self.total:
            kind = StoppedError if stopped.interrupted else TrainingError
            raise kind(f"stopped and saved at step {self.done}: --resume goes on")


def line(progress: Progress) -> str:
    """Step, losses, speed and time left."""
    losses = " ".join(f"{name} {value:.4f}" for name, value in progress.losses.items())
    return (
        f"step {progress.step}/{progress.steps}  {losses}  "
        f"{progress.pictures_per_second:.0f} pictures/s  {progress.seconds_left / 60:.0f} min left"
    )
