"""What a person sees of a training: a bar at a terminal, else a line every hundred steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from limner.cli.progress import Report, at_terminal
from limner.errors import TrainingError

if TYPE_CHECKING:
    from limner.training.loop import Progress

LINE_EVERY = 100


class Watch:
    """Called with each step of a training, it shows it; afterwards it knows how far that came."""

    def __init__(self, report: Report, *, quiet: bool = False) -> None:
        self.report = report
        self.lines = not quiet and not at_terminal()
        self.done, self.total = 0, 0

    def __call__(self, progress: Progress) -> None:
        self.done, self.total = progress.step, progress.steps
        self.report(self.done, self.total, line(progress))
        if self.lines and self.done % LINE_EVERY == 0:
            typer.echo(line(progress), err=True)

    def check_done(self) -> None:
        """Raises TrainingError if the training was stopped before its last step."""
        if self.done < self.total:
            raise TrainingError(f"stopped and saved at step {self.done}: --resume goes on")


def line(progress: Progress) -> str:
    """Step, losses, speed and time left."""
    losses = " ".join(f"{name} {value:.4f}" for name, value in progress.losses.items())
    return (
        f"step {progress.step}/{progress.steps}  {losses}  "
        f"{progress.pictures_per_second:.0f} pictures/s  {progress.seconds_left / 60:.0f} min left"
    )
