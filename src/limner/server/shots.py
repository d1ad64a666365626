"""Works that are no jobs: pictures that are wanted once, at once, and are kept nowhere."""

from __future__ import annotations

import secrets
from enum import StrEnum
from functools import partial
from typing import Any

from PIL import Image
from starlette.requests import Request as HttpRequest

from limner.data.pixels import difference
from limner.engine.asks import Decode, Enlarge, Step
from limner.pipeline.request import Request
from limner.server.doors import waited
from limner.server.jobs import Job, Pictured, State
from limner.server.problems import ProblemError
from limner.server.service import STOPPED, Service
from limner.server.watching import told
from limner.server.work import Work
from limner.types import Latent

Pictures = list[Image.Image]


class Shot:
    """Watches such a work. job: stands for it, so that its end can be waited for."""

    def __init__(self) -> None:
        self.job = Job(owner="", model="", request=Request(prompt=""), door="")
        self.pixels: list[Image.Image] | None = None
        self.problem: ProblemError | None = None

    def started(self) -> None: ...

    def stepped(self, step: Step) -> None: ...

    def finished(self, result: Any) -> None:
        self.pixels = result
        self._end()

    def interrupted(self, images: list[Image.Image], step: Step) -> None: ...

    def failed(self, error: Exception) -> None:
        self.problem = told(error)
        self._end()

    def cancelled(self) -> None:
        self._end()

    def _end(self) -> None:
        self.job.status = State.COMPLETED
        self.job.tell("completed")


class Seen(StrEnum):
    """What there is to see of a step: what it was going towards, with and without the prompt."""

    DENOISED = "denoised"
    UNGUIDED = "unguided"
    DIFFERENCE = "difference"


async def decoded(
    service: Service, job: Job, number: int, of: Seen, asking: HttpRequest
) -> Pictures:
    """The pictures of a step (from 1) that a job kept, decoded in its owner's time.

    Raises ProblemError for what guidance did at a step that had none.
    """

    async def pictures(latent: Latent) -> Pictures:
        work = {"model": job.model, "shape": "step", "rows": len(latent)}
        begin = partial(_decoding, latent, job.pictured[number - 1])
        return await _shot(service, job.owner, asking, begin=begin, **work)

    denoised, without = job.latents[number - 1], job.unguided[number - 1]
    if of is Seen.DENOISED:
        return await pictures(denoised)
    if without is None:
        raise ProblemError(
            404, "not_found", f"step {number} had no guidance: the words alone were asked"
        )
    unguided = await pictures(without)
    if of is Seen.UNGUIDED:
        return unguided
    return [difference(*pair) for pair in zip(await pictures(denoised), unguided, strict=True)]


async def enlarged(
    service: Service, owner: str, picture: Image.Image, by: int, asking: HttpRequest
) -> Image.Image:
    """A picture `by` times as wide and high, by the upscaler of the first model."""
    service.check_room(owner)
    work = {"model": service.default, "shape": "enlarge", "rows": 1}
    begin = partial(_enlarging, picture, by)
    return (await _shot(service, owner, asking, begin=begin, **work))[0]


async def _shot(service: Service, owner: str, asking: HttpRequest, **fields: Any) -> Pictures:
    """The pictures of a work; it is cancelled where the client goes."""
    shot, id = Shot(), secrets.token_hex(16)
    core = service.worker.core
    service.shots[owner] += 1
    try:
        work = Work(id=id, owner=owner, watcher=shot, **fields)
        service.worker.do(partial(core.submit, work))
        await waited(shot.job, asking, lambda: service.worker.do(partial(core.cancel, id)))
    finally:
        service.shots[owner] -= 1
    if shot.pixels is None:
        raise shot.problem or STOPPED
    return shot.pixels


def _decoding(latent: Latent, pictured: Pictured, painter: Any) -> Any:
    """A painting that is a decoding alone."""
    decoded = yield Decode(latent=latent.to(painter.device))
    return pictured(decoded.pixels)


def _enlarging(picture: Image.Image, by: int, painter: Any) -> Any:
    """A painting that is an enlarging alone."""
    return [(yield Enlarge(picture=picture, by=by, seed=0))]
