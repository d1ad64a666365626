"""What becomes of what the core tells: events of a job, its previews, and its end."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from PIL import Image

from limner.engine.asks import Step
from limner.pipeline.embedded import save_options
from limner.pipeline.result import Result
from limner.server.jobs import Job, Preview, State
from limner.server.problems import ProblemError, problem_of

log = logging.getLogger("limner.server")
PREVIEW_PAUSE = 0.25  # seconds between two previews of a job
POLLED = 5.0  # seconds for which one who asked how it goes counts as looking on
MOST_LATENTS = 2**26  # bytes of the steps that a job keeps

Keep = Callable[[Job, Sequence[Image.Image], Result | None], None]
"""Takes a job's pictures, and what they came with unless it was interrupted."""
End = Callable[[Job, State, ProblemError | None], None]
"""Takes how a job ended without pictures."""


class Watching:
    """Tells a job what the core tells of its work."""

    def __init__(self, job: Job, keep: Keep, end: End) -> None:
        self._job = job
        self._keep_images = keep
        self._end = end

    def started(self) -> None:
        job = self._job
        job.started, job.status = time.time(), State.RUNNING
        job.tell("running")

    def stepped(self, step: Step) -> None:
        job = self._job
        job.step, job.total = step.index, step.total or 0
        if job.partial and not job.previews_at:
            job.previews_at = evenly(job.partial, step.total or job.request.steps or 0)
        if job.keep_steps:
            self._keep(step)
        job.tell("step", step=step.index, total=step.total)
        now = time.monotonic()
        listened = job.listeners > 0 or now - job.polled < POLLED
        listened = listened and now - job.previewed >= PREVIEW_PAUSE
        if step.index in job.previews_at or (listened and step.index != step.total):
            job.previewed = now
            shown = Preview(step.index, tuple(png(each) for each in step.preview()))
            job.previews = {
                at: kept for at, kept in job.previews.items() if at in job.previews_at
            } | {step.index: shown}
            job.tell("preview", step=step.index, pictures=len(shown.pictures))

    def finished(self, result: Result) -> None:
        job = self._job
        job.request, job.seeds = result.request, tuple(result.seeds)
        # The request was read when it was taken: what is painted of it is read as itself.
        job.warnings = tuple(dict.fromkeys((*job.warnings, *result.warnings)))
        job.attention = result.attention
        self._keep_images(job, result.images, result)

    def interrupted(self, images: list[Image.Image], step: Step) -> None:
        job = self._job
        job.interrupted = True
        first = job.request.seed or 0
        job.seeds = tuple(first + number for number in range(len(images)))
        job.warnings = (
            *job.warnings,
            f"interrupted at step {step.index} of {step.total or 'as many as it takes'}",
        )
        self._keep_images(job, images, None)

    def failed(self, error: Exception) -> None:
        self._end(self._job, State.FAILED, told(error))

    def cancelled(self) -> None:
        self._end(self._job, State.CANCELLED, None)

    def _keep(self, step: Step) -> None:
        """The denoised pictures; copies, because the rows of a call lie in one storage."""
        job, latent, without = self._job, step.denoised, step.unguided
        more = latent.nbytes + (0 if without is None else without.nbytes)
        if job.bytes + more <= MOST_LATENTS:
            job.latents.append(latent.to("cpu", copy=True))
            job.unguided.append(None if without is None else without.to("cpu", copy=True))
            job.pictured.append(step.pictures)


def evenly(number: int, total: int) -> frozenset[int]:
    """So many steps on the way to the last of all, evenly; fewer where there are not so many."""
    at = (round(total * part / (number + 1)) for part in range(1, number + 1))
    return frozenset(step for step in at if 0 < step < total)


def told(error: Exception) -> ProblemError:
    """What a person is told of an error; what is not for them goes to the log."""
    problem = problem_of(error)
    if problem.code == "internal":
        log.error("unexpected: %s", type(error).__name__, exc_info=error)
    return problem


def png(image: Image.Image, said: Mapping[str, str] | None = None) -> bytes:
    """A picture as a PNG file with texts."""
    file = io.BytesIO()
    image.save(file, format="PNG", **save_options("PNG", said or {}))
    return file.getvalue()
