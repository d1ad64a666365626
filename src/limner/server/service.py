"""Jobs from their asking to their pictures: what every door of the server calls.

A job is checked before it is taken, painted by the core on the engine's thread, written to the
store on a thread of its own, and then told as completed.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PIL import Image

from limner.pipeline.embedded import PARAMETERS
from limner.pipeline.many import painting, rows_of, signed
from limner.pipeline.metadata import described, texts
from limner.pipeline.painter import Painter
from limner.pipeline.planning import plan
from limner.pipeline.request import Request
from limner.pipeline.resolve import Resolved
from limner.pipeline.result import Result
from limner.server.core import Core, Turn
from limner.server.jobs import Job, State
from limner.server.models import Models, at_once
from limner.server.problems import ProblemError, not_found, problem_of
from limner.server.store import Store
from limner.server.watching import Watching, png, told
from limner.server.work import Work
from limner.server.worker import Worker

log = logging.getLogger("limner.server")
SWEEP = 30.0  # seconds between two looks for what has expired
MOST_ENDED, MOST_HELD = 200, 2**28  # jobs that ended, and bytes of these, that are in memory
MEMORABLE = 64  # of the last jobs' seconds, for estimates
BUSY = ProblemError(
    503, "busy", "other models are being painted with: try again", {"Retry-After": "5"}
)
STOPPED = ProblemError(503, "stopped", "the server was stopped before this was finished: ask again")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request, and one owner, may ask for.

    waiting, waiting_of_owner: jobs that are not finished. keep: seconds for which pictures are
    kept. pixels: of all pictures of a request.
    """

    waiting: int = 256
    waiting_of_owner: int = 64
    keep: float = 3600.0
    count: int = 32
    pixels: int = 2**24
    steps: int = 1000


class Service:
    """Takes jobs, has them painted, and keeps them. For all threads."""

    def __init__(
        self,
        models: Models[Painter],
        store: Store,
        *,
        limits: Limits | None = None,
        origins: Mapping[str, Path] | None = None,
        watch: Callable[[Turn], None] | None = None,
        restyling: str | None = None,
    ) -> None:
        """restyling: the model that paints requests with a content, where they name none."""
        self.models = models
        models.loader = self._load_beside
        self.store = store
        self.limits = Limits() if limits is None else limits
        self.origins = origins or {}
        self.default = models.names[0]
        self._restyling = restyling if restyling in models.names else None
        self.worker = Worker(Core(models=models, watch=watch))
        self.draining = False
        self.counts: Counter[tuple[str, str]] = Counter()  # (door, outcome) -> jobs
        self.shots: Counter[str] = Counter()  # owner -> works under way that are no jobs
        self.seconds: list[float] = []
        self.on_end: Callable[[Job], None] | None = None
        self._jobs: dict[str, Job] = {}
        self._ended: list[Job] = []
        self._held = 0  # bytes of these
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._unready: str | None = "the first model is being loaded"
        self._keeper = ThreadPoolExecutor(1, "limner-keeper")
        self._swept = time.time()

    def start(self) -> None:
        """Begin to paint; the first model is loaded at once."""
        self.worker.start()
        self.worker.do(partial(self.models.fetch, self.default, self._warmed))

    def drain(self, seconds: float) -> None:
        """Take no more jobs, let those under way end, and fail what is left after some seconds."""
        self.draining = True
        until = time.monotonic() + seconds
        while self.live() and time.monotonic() < until:
            time.sleep(0.02)

    def stop(self) -> None:
        """End the engine's thread; what is not finished is told as failed."""
        self.worker.stop(5.0)
        self._keeper.shutdown(wait=True)
        for job in self.live():
            self._end(job, State.FAILED, error=STOPPED)
        self.store.close()

    @property
    def ready(self) -> str | None:
        """Why nothing can be painted now; None: it can."""
        if self.draining:
            return "the server is going down"
        if not self.worker.alive:
            return "the engine's thread has ended"
        if self._unready is not None:
            return self._unready
        if len(self.live()) >= self.limits.waiting:
            return "the queue is full"
        return None

    def live(self, owner: str | None = None) -> list[Job]:
        """Jobs that have not ended, as they came; of one owner, or of all."""
        with self._lock:
            jobs = list(self._jobs.values())
        return [
            job for job in jobs if not job.status.ended and (owner is None or job.owner == owner)
        ]

    def submit(self, job: Job, once: str | None = None, asked: bytes = b"") -> Job:
        """Take a job, or give the one that its owner sent before with the same key.

        asked: what it came with, which must be the same then. Raises ProblemError where it cannot
        be taken.
        """
        digest = hashlib.sha256(asked).hexdigest()
        if once is not None and (earlier := self.store.once(job.owner, once)) is not None:
            if earlier[1] != digest:
                raise ProblemError(
                    422, "idempotency_key", "this Idempotency-Key came with another request before"
                )
            return self.find(earlier[0], job.owner)
        self.check_room(job.owner)
        job.request, job.warnings = self.checked(job.request, job.model)
        self.store.add(job, once, digest if once is not None else None)
        with self._lock:
            self._jobs[job.id] = job
        job.tell("queued", position=self.position(job))
        self.worker.do(partial(self.worker.core.submit, self._work(job)))
        self._sweep()
        return job

    def checked(self, request: Request, model: str) -> Resolved:
        """The request with the model's defaults, where that is in memory, and what is told of it.

        Raises ProblemError where it cannot be painted.
        """
        if model not in self.models.names:
            raise not_found("model")
        self._check_size(request)
        painter = self.models.loaded(model)
        if painter is None:  # the seed is known all the same, should it be interrupted
            return Resolved(request.with_defaults(seed=secrets.randbelow(2**32)))
        try:
            found = plan(request, painter.model)
        except Exception as error:
            raise told(error) from None
        self._check_size(found.request)
        return Resolved(found.request, found.notes)

    def model_for(self, request: Request) -> str:
        """Which model paints a request that names none."""
        restyles = request.content is not None or isinstance(request.style, Image.Image)
        return self._restyling if restyles and self._restyling else self.default

    def find(self, id: str, owner: str) -> Job:
        """A job of an owner. Raises ProblemError: there is none, or its pictures have expired."""
        with self._lock:
            job = self._jobs.get(id)
        if job is None:
            kept = self.store.job(id)
            if kept is None:
                raise not_found()
            job, expired = kept
            if job.owner == owner and expired:
                raise ProblemError(
                    410, "expired", "this job was too long ago: its pictures are gone"
                )
        if job.owner != owner:
            raise not_found()
        return job

    def cancel(self, job: Job, *, keep: bool = False) -> None:
        """End a job before its next evaluation; keep: with its pictures as they are then."""
        if not job.status.ended:
            self.worker.do(partial(self.worker.core.cancel, job.id, keep=keep))

    def image(self, job: Job, number: int) -> bytes:
        """A picture of a job as a PNG file."""
        file = self.store.image(job.id, number) if number < job.images else None
        if file is None:
            raise not_found("picture")
        return file

    def position(self, job: Job) -> int:
        """How many jobs came before it and have not begun."""
        return sum(
            other.status is State.QUEUED and other.created < job.created for other in self.live()
        )

    def estimate(self, job: Job | None = None) -> float:
        """About how many seconds until a job's end, or until there is room for another."""
        if not self.seconds:
            return 1.0
        mean = sum(self.seconds) / len(self.seconds)
        return mean * (1 + (len(self.live()) if job is None else self.position(job)))

    async def painter(self, name: str) -> Painter:
        """A model, loaded if it is not in memory. Raises ProblemError where it cannot be."""
        if name not in self.models.names:
            raise not_found("model")
        if (there := self.models.loaded(name)) is not None:
            return there
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Painter] = loop.create_future()

        def tell(what: Painter | Exception) -> None:
            loop.call_soon_threadsafe(_settle, found, what)

        def ask() -> None:
            if not self.models.fetch(name, tell):
                tell(BUSY)

        self.worker.do(ask)
        return await found

    def _load_beside(
        self, load: Callable[[], Painter], tell: Callable[[Painter | Exception], None]
    ) -> None:
        """Load a model on a thread of its own, one at a time, while others are painted with."""

        def loaded() -> None:
            with self._loading:
                at_once(load, lambda found: self.worker.do(partial(tell, found)))

        threading.Thread(target=loaded, name="limner-loader", daemon=True).start()

    def _warmed(self, found: Painter | Exception) -> None:
        self._unready = None
        if isinstance(found, Exception):
            self._unready = "the first model could not be loaded"
            log.error("the first model could not be loaded", exc_info=found)

    def _work(self, job: Job) -> Work:
        request = job.request
        return Work(
            id=job.id,
            owner=job.owner,
            model=job.model,
            shape=request.size,
            rows=rows_of(request),
            begin=lambda painter: signed(painting(request, painter.model), painter.engine),
            watcher=Watching(job, self._keep_later, self._end_later),
        )

    def check_room(self, owner: str) -> None:
        """Raises ProblemError where an owner, or all together, have enough that is not finished."""
        wait = {"Retry-After": str(max(1, math.ceil(self.estimate())))}
        if self.draining:
            raise ProblemError(503, "draining", "the server is going down: try again later", wait)
        mine = len(self.live(owner)) + self.shots[owner]
        all_of = len(self.live()) + self.shots.total()
        if mine >= self.limits.waiting_of_owner or all_of >= self.limits.waiting:
            detail = f"{mine} of your jobs are waiting already: ask again when some are done"
            raise ProblemError(429, "queue_full", detail, wait)

    def _check_size(self, request: Request) -> None:
        limits = self.limits
        if request.count > limits.count:
            raise ProblemError(
                422, "too_many", f"count is {request.count}: at most {limits.count} is right here"
            )
        if (request.steps or 0) > limits.steps:
            raise ProblemError(
                422, "too_many", f"steps is {request.steps}: at most {limits.steps} is right here"
            )
        width, height = request.size or (0, 0)
        larger = request.upscale or 1
        if width * height * larger**2 * request.count > limits.pixels:
            raise ProblemError(
                422,
                "too_large",
                f"{request.count} pictures of {width * larger}x{height * larger}: at most "
                f"{limits.pixels} pixels in all are right here",
            )

    def _keep_later(self, job: Job, images: Sequence[Image.Image], result: Result | None) -> None:
        self._keeper.submit(self._keep, job, images, result)

    def _end_later(self, job: Job, state: State, problem: ProblemError | None) -> None:
        self._keeper.submit(self._end, job, state, error=problem)

    def _end(
        self,
        job: Job,
        state: State,
        images: Sequence[bytes] = (),
        error: ProblemError | None = None,
    ) -> None:
        """Write how a job ended, then tell it; what it held in memory for its end goes."""
        job.finished, ended = time.time(), state
        if error is not None:
            job.error = {"code": error.code, "message": error.detail}
        try:
            self.store.finish(job, images, state)
            job.images = len(images)
        except Exception:
            log.exception("a job could not be written")
            job.error = {"code": "store", "message": "it could not be written"}
            ended = State.FAILED
        job.status = ended
        for number in range(job.images):
            job.tell("image", number=number)
        job.request = replace(job.request, picture=None, content=None, start_noise=None, maps=None)
        job.tell(ended.value, **({"error": job.error} if job.error else {}))
        self.counts[job.door, ended.value] += 1
        if job.started is not None and ended is State.COMPLETED:
            self.seconds = [*self.seconds[1 - MEMORABLE :], job.finished - job.started]
        if self.on_end is not None:
            self.on_end(job)
        if (job.error or {}).get("code") != "store":
            self._leave(job)

    def _leave(self, job: Job) -> None:
        """Keep the last jobs that ended in memory; of those before them there is the store."""
        with self._lock:
            self._ended.append(job)
            self._held += job.bytes
            while len(self._ended) > MOST_ENDED or (self._held > MOST_HELD and self._ended[1:]):
                oldest = self._ended.pop(0)
                self._held -= oldest.bytes
                self._jobs.pop(oldest.id, None)

    def _keep(self, job: Job, images: Sequence[Image.Image], result: Result | None) -> None:
        """Make files of a job's pictures, and end it."""
        try:
            origin = self.origins.get(job.model)
            files = []
            for index, image in enumerate(images):
                said = self._said(job, index) if result is None else texts(result, index, origin)
                files.append(png(image, said))
        except Exception as error:
            log.exception("pictures could not be written as PNG")
            self._end(job, State.FAILED, error=problem_of(error))
            return
        self._end(job, State.COMPLETED, files)

    def _said(self, job: Job, index: int) -> dict[str, str]:
        """What an interrupted picture says: nothing that would paint it again."""
        others = {"Interrupted": f"{job.step} of {job.total or '?'}"}
        alone = job.request.alone(index)
        return {PARAMETERS: described(alone, self.origins.get(job.model), others)}

    def _sweep(self) -> None:
        """Forget what is older than pictures are kept."""
        now = time.time()
        if now - self._swept < min(SWEEP, self.limits.keep):
            return
        self._swept = now
        before = now - self.limits.keep
        with self._lock:
            old = [job for job in self._jobs.values() if (job.finished or now) < before]
            for job in old:
                del self._jobs[job.id]
            self._ended = [job for job in self._ended if job.id in self._jobs]
            self._held = sum(job.bytes for job in self._ended)
        self._keeper.submit(self.store.expire, before, now)


def _settle(found: asyncio.Future[Painter], what: Painter | Exception) -> None:
    if found.done():
        return
    if isinstance(what, Exception):
        found.set_exception(told(what))
    else:
        found.set_result(what)
