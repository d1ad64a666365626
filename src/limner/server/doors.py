"""What the doors of other APIs share: sizes that a model can paint, waiting, and files to send.

Other people's clients ask for 512x512 of any model. Such a door has a picture painted at a size
that the model can paint, in the shape that was asked for, brings it to the size that was asked for,
and says both.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest

from limner.data.pixels import flatten
from limner.errors import OutputError
from limner.pipeline.canvas import TAKEN, sized_like
from limner.pipeline.embedded import save_options
from limner.pipeline.painter import Painter
from limner.pipeline.pictures import resized
from limner.pipeline.sizes import Size, nearest
from limner.server.jobs import Job, State
from limner.server.problems import ProblemError
from limner.server.service import Service
from limner.server.uploads import MAX_SIDE, texts_of

LOOK = 0.25  # seconds between two looks whether the client is still there
SENT = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}


def fitted(
    size: Size, painter: Painter, enlarging: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The fields by which a model paints for a size that was asked for, in about its shape.

    enlarging: the fields by which the client has pictures enlarged itself. A model whose own
    pictures are enlarged finds by itself how they come to a size.
    """
    own, multiple = painter.parts.sampling, painter.model.multiple
    near, shaped = nearest(size, multiple), sized_like((0, 0, *size), own.size, multiple)
    painted = math.prod(near) <= TAKEN * math.prod(own.size)
    if painted or (own.upscale > 1 and not enlarging):
        return {"size": near, **(enlarging or {})}
    return {"size": shaped, **(enlarging or {})}


def check_asked(size: Size) -> Size:
    """A size that a picture may be brought to. Raises ProblemError for others."""
    if not all(1 <= side <= MAX_SIDE // 2 for side in size):
        raise ProblemError(
            422, "request", f"width and height from 1 to {MAX_SIDE // 2} pixels are right",
            param="size",
        )  # fmt: skip
    return size


async def taken(service: Service, job: Job) -> Job:
    """Submit a job from a door's handler."""
    return await run_in_threadpool(service.submit, job)


async def ended(service: Service, job: Job, request: HttpRequest) -> None:
    """Wait for a job's end; it is cancelled where the client goes. ProblemError if it failed."""
    await waited(job, request, partial(service.cancel, job))
    check_ended(job)


async def waited(job: Job, request: HttpRequest, give_up: Callable[[], None]) -> None:
    """Wait for a job's end, and give it up where the client goes."""
    try:
        while not await job.end(LOOK):
            if await request.is_disconnected():
                raise ClientDisconnect
    except BaseException:
        give_up()
        raise


def check_ended(job: Job) -> None:
    """Raises ProblemError where a job failed or was cancelled."""
    if job.status is State.FAILED:
        error = job.error or {"code": "internal", "message": "it failed"}
        status = {"request": 422, "prompt": 422, "numerics": 422, "memory": 507, "stopped": 503}
        raise ProblemError(status.get(error["code"], 500), error["code"], error["message"])
    if job.status is State.CANCELLED:
        raise ProblemError(409, "cancelled", "it was cancelled")


def encoded(file: bytes) -> str:
    """A file as JSON holds it: base64."""
    return base64.b64encode(file).decode()


async def files(
    service: Service,
    job: Job,
    size: Size | None,
    kind: str = "png",
    quality: int = 95,
    *,
    opaque: bool = False,
) -> list[bytes]:
    """A job's pictures as files of a kind and size, each with its own record."""

    def made() -> list[bytes]:
        return [
            brought(service.image(job, number), size, kind, quality, opaque=opaque)
            for number in range(job.images)
        ]

    return await run_in_threadpool(made)


def brought(
    file: bytes, size: Size | None, kind: str, quality: int = 95, *, opaque: bool = False
) -> bytes:
    """A PNG at another size, or as another kind of file, with what it says of itself.

    opaque: on white where it is transparent, as every JPEG is.
    """
    picture: Image.Image = Image.open(io.BytesIO(file))
    opaque = opaque or kind == "jpeg"
    seen_through = opaque and picture.has_transparency_data
    if kind == "png" and size in (None, picture.size) and not seen_through:
        return file
    said = texts_of(file, "picture")
    picture.load()
    if size is not None:
        picture = resized(picture, size)
    if opaque:
        picture = flatten(picture)
    made = io.BytesIO()
    how = {} if kind == "png" else {"quality": quality}
    try:
        picture.save(made, SENT[kind], **how, **save_options(SENT[kind], said))
    except OutputError:  # a prompt that a JPEG's metadata cannot hold
        picture.save(made, SENT[kind], **how)
    return made.getvalue()
