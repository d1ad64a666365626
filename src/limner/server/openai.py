"""OpenAI's API of images, `/v1`, for its SDKs and what speaks like them."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from limner.errors import LimnerError
from limner.pipeline.compound_kinds import size_named
from limner.pipeline.painter import Painter
from limner.pipeline.pictures import eight_bit
from limner.pipeline.request import Request
from limner.pipeline.sizes import Size
from limner.server.answers import Json, object_of
from limner.server.doors import brought, check_asked, encoded, ended, files, fitted, taken
from limner.server.fields import asked
from limner.server.jobs import Event, Job
from limner.server.problems import ProblemError
from limner.server.security import MAX_BODY, owner_of
from limner.server.service import Service
from limner.server.uploads import picture_of
from limner.server.watching import told

ROOT, DOOR = "/v1", "openai"
STARTED = int(time.time())
IGNORED = ("user", "style", "moderation", "input_fidelity")
OURS = {
    "negative_prompt": "negative", "seed": "seed", "num_inference_steps": "steps",
    "guidance_scale": "guidance", "strength": "strength",
}  # fmt: skip
KNOWN = (
    "prompt", "model", "n", "size", "quality", "background", "response_format", "output_format",
    "output_compression", "stream", "partial_images", "limner", *OURS, *IGNORED,
)  # fmt: skip
WHOLE = ("n", "seed", "num_inference_steps", "partial_images", "output_compression")
NUMBERS = ("guidance_scale", "strength")
QUALITIES = {
    "low": 0.5, "medium": 1.0, "high": 1.5, "auto": 1.0, "standard": 1.0, "hd": 1.5,
}  # fmt: skip
"""Quality -> times the model's own steps."""
FORMATS = ("png", "jpeg", "webp")
MOST_PICTURES, MOST_PARTIAL, MOST_PARTS = 10, 3, 32
Pictures = dict[str, Image.Image]
"""Pictures that a request is given, by field."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked for beside the request itself."""

    kind: str
    compression: int
    link: bool
    stream: bool
    partial: int
    quality: str
    size: Size | None
    opaque: bool


class OpenAI:
    """The handlers, on a service."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @property
    def routes(self) -> list[Route]:
        return [
            Route(f"{ROOT}/images/generations", self.generate, methods=["POST"]),
            Route(f"{ROOT}/images/edits", self.edit, methods=["POST"]),
            Route(f"{ROOT}/models", self.models, methods=["GET"]),
            Route(f"{ROOT}/models/{{name}}", self.model, methods=["GET"]),
        ]

    async def models(self, request: HttpRequest) -> Response:
        listed = [_model(name) for name in self.service.models.names]
        return Json({"object": "list", "data": listed})

    async def model(self, request: HttpRequest) -> Response:
        return Json(_model(self._named(request.path_params["name"])))

    async def generate(self, request: HttpRequest) -> Response:
        return await self._answer(request, await object_of(request), {}, "image_generation")

    async def edit(self, request: HttpRequest) -> Response:
        said, pictures = await form_of(request)
        return await self._answer(request, said, pictures, "image_edit")

    async def _answer(
        self, request: HttpRequest, said: dict[str, Any], pictures: Pictures, kind: str
    ) -> Response:
        for name in said:
            if name not in KNOWN:
                raise _wrong(name[:40], f"{name[:40]!r} is unknown")
        model = self._named(said.get("model"))
        painter = await self.service.painter(model)
        wish = wish_of(said)
        fields = await run_in_threadpool(fields_of, said, wish, pictures, painter)
        if model == self.service.default:
            model = self.service.model_for(fields)
            await self.service.painter(model)  # by which the request is read when it is taken
        job = Job(
            owner=owner_of(request.scope), model=model, request=fields, door=DOOR,
            partial=wish.partial,
        )  # fmt: skip
        await taken(self.service, job)
        if wish.stream:
            return StreamingResponse(self._stream(job, wish, kind), media_type="text/event-stream")
        await ended(self.service, job, request)
        return Json(await self._done(request, job, wish))

    async def _done(self, request: HttpRequest, job: Job, wish: Wish) -> dict[str, Any]:
        if wish.link:
            base = f"{request.url.scheme}://{request.headers['host']}/api/v1/jobs/{job.id}/images"
            data = [{"url": f"{base}/{number}"} for number in range(job.images)]
            first = await run_in_threadpool(self.service.image, job, 0)
        else:
            made = await self._files(job, wish)
            data, first = [{"b64_json": encoded(file)} for file in made], made[0]
        return {
            "created": int(job.created),
            "data": data,
            **facts(first, wish),
            "usage": usage(),
        }

    async def _files(self, job: Job, wish: Wish) -> list[bytes]:
        return await files(
            self.service, job, wish.size, wish.kind, wish.compression, opaque=wish.opaque
        )

    async def _stream(self, job: Job, wish: Wish, kind: str) -> AsyncIterator[bytes]:
        """Partial pictures as they come, then the whole ones; cancelled where the client goes."""
        after, sent = 0, 0
        try:
            while True:
                for event in job.events(after):
                    after = event.number
                    if event.kind == "preview" and event.data["step"] in job.previews_at:
                        yield await self._partial(job, event, wish, kind, sent)
                        sent += 1
                    if event.kind in ("failed", "cancelled"):
                        yield _failure(job)
                        return
                    if event.kind == "completed":
                        for file in await self._files(job, wish):
                            said = {"b64_json": encoded(file), "created_at": int(job.created)}
                            more = {**facts(file, wish), "usage": usage()}
                            yield _event(f"{kind}.completed", {**said, **more})
                        return
                await job.changed(after, 15.0)
        except Exception as error:
            problem = told(error)
            said = {"message": problem.detail, "type": "server_error", "code": problem.code}
            yield _event("error", {"error": said})
        finally:
            self.service.cancel(job)

    async def _partial(self, job: Job, event: Event, wish: Wish, kind: str, number: int) -> bytes:
        shown = job.previews[event.data["step"]].pictures[0]
        file = await run_in_threadpool(
            brought, shown, wish.size, wish.kind, wish.compression, opaque=wish.opaque
        )
        said = {
            "b64_json": encoded(file), "partial_image_index": number,
            "created_at": int(job.created), **facts(file, wish),
        }  # fmt: skip
        return _event(f"{kind}.partial_image", said)

    def _named(self, name: Any) -> str:
        """The model of a name; OpenAI's own names mean the first."""
        if name is None or (isinstance(name, str) and re.match(r"(gpt-image|dall-e)", name)):
            return self.service.default
        if not isinstance(name, str) or name not in self.service.models.names:
            raise ProblemError(
                404,
                "model_not_found",
                "there is no such model: /v1/models lists them",
                param="model",
            )
        return name


def wish_of(said: Mapping[str, Any]) -> Wish:
    """What is asked for of the answer. Raises ProblemError for what there is not."""
    kind = _one_of(said, "output_format", "png", tuple(FORMATS))
    quality = _one_of(said, "quality", "auto", tuple(QUALITIES))
    background = _one_of(said, "background", "auto", ("auto", "transparent", "opaque"))
    if background == "transparent" and kind == "jpeg":
        raise _wrong("background", "a JPEG has no transparency: png or webp is right")
    link = _one_of(said, "response_format", "b64_json", ("b64_json", "url"))
    partial = _whole(said, "partial_images", 0, 0, MOST_PARTIAL)
    return Wish(
        kind=kind,
        compression=_whole(said, "output_compression", 95, 0, 100),
        link=link == "url",
        stream=said.get("stream") is True,
        partial=partial,
        quality=quality,
        size=_size(said.get("size")),
        opaque=background == "opaque",
    )


def facts(file: bytes, wish: Wish) -> dict[str, Any]:
    """What an answer says of a picture, as its file has it: one is not always what was wished."""
    with Image.open(io.BytesIO(file)) as picture:
        width, height = picture.size
        return {
            "output_format": str(picture.format).lower(), "size": f"{width}x{height}",
            "quality": wish.quality,
            "background": "transparent" if picture.has_transparency_data else "opaque",
        }  # fmt: skip


def _one_of(said: Mapping[str, Any], name: str, usual: str, known: Sequence[str]) -> str:
    """A value that is one of a few words; ProblemError for others, of whatever type."""
    value = said.get(name) or usual
    if not isinstance(value, str) or value not in known:
        raise _wrong(name, f"one of {', '.join(known)} is right")
    return value


def fields_of(said: Mapping[str, Any], wish: Wish, pictures: Pictures, painter: Painter) -> Request:
    """The request. `limner` holds fields of our own, which go before the others."""
    own = painter.parts.sampling
    prompt = said.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise _wrong("prompt", "a text that says what to paint is right")
    values: dict[str, Any] = {"prompt": prompt, "count": _whole(said, "n", 1, 1, MOST_PICTURES)}
    values |= {name: said[theirs] for theirs, name in OURS.items() if said.get(theirs) is not None}
    if wish.quality not in ("auto", "medium", "standard") and "steps" not in values:
        values["steps"] = max(1, round(own.steps * QUALITIES[wish.quality]))
    if wish.size is not None and not pictures:
        values |= fitted(wish.size, painter)
    more = said.get("limner")
    if more is not None and not isinstance(more, Mapping):
        raise _wrong("limner", "an object with fields of a request is right")
    request = asked({**values, **(more or {})}).request
    return Request(**{**vars(request), **pictures}) if pictures else request


async def form_of(request: HttpRequest) -> tuple[dict[str, Any], Pictures]:
    """The fields of a form, scalars of what they stand for, and its picture and mask."""
    said: dict[str, Any] = {}
    found: dict[str, bytes] = {}
    try:
        async with request.form(
            max_files=MOST_PARTS, max_fields=MOST_PARTS, max_part_size=MAX_BODY
        ) as form:
            for name, value in form.multi_items():
                plain = name.removesuffix("[]")
                if isinstance(value, UploadFile):
                    if plain in found or plain not in ("image", "mask"):
                        raise _wrong(plain[:40], "one image, and one mask, are right")
                    found[plain] = await value.read()
                else:
                    said[plain] = _scalar(plain, value)
    except MultiPartException as error:
        raise ProblemError(400, "form", str(error.message)) from None
    if "image" not in found:
        raise _wrong("image", "the picture that is edited is missing")
    return said, await run_in_threadpool(_pictures, found)


def _pictures(found: Mapping[str, bytes]) -> Pictures:
    """The picture, and its mask, white where OpenAI's is transparent."""
    picture = eight_bit(picture_of(found["image"], "image"))
    pictures = {"picture": picture}
    if "mask" in found:
        mask = picture_of(found["mask"], "mask")
        if not mask.has_transparency_data:
            raise _wrong("mask", "a picture that is transparent where to paint is right")
        if mask.size != picture.size:
            raise _wrong("mask", "it has another size than the image: the same is right")
        alpha = mask.convert("RGBA").getchannel("A")
        pictures["mask"] = alpha.point(lambda opacity: 255 * (opacity < 128))
    return pictures


def _scalar(name: str, text: str) -> Any:
    """What the text of a form's field stands for."""
    try:
        if name in WHOLE:
            return int(text)
        if name in NUMBERS:
            return float(text)
        if name == "stream":
            return {"true": True, "false": False}[text.lower()]
        return json.loads(text) if name == "limner" else text
    except (ValueError, KeyError, RecursionError):
        raise _wrong(name, f"{text[:40]!r} is not right") from None


def _size(text: Any) -> Size | None:
    if text in (None, "auto"):
        return None
    try:
        return check_asked(size_named(text if isinstance(text, str) else ""))
    except LimnerError:
        raise _wrong("size", "WIDTHxHEIGHT, as 1024x1024, or auto is right") from None


def _whole(said: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = said.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _wrong(name, f"a whole number from {least} to {most} is right")
    return value


def usage() -> dict[str, Any]:
    """Nothing is counted here; the SDK's type wants numbers."""
    details = {"image_tokens": 0, "text_tokens": 0}
    return {
        "input_tokens": 0,
        "output_tokens": 0,
        "total_tokens": 0,
        "input_tokens_details": details,
    }


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": STARTED, "owned_by": "limner"}


def _failure(job: Job) -> bytes:
    error = job.error or {"code": "cancelled", "message": "it was cancelled"}
    return _event("error", {"error": {**error, "type": "server_error"}})


def _event(kind: str, said: Mapping[str, Any]) -> bytes:
    text = json.dumps({"type": kind, **said}, ensure_ascii=False)
    return f"event: {kind}\ndata: {text}\n\n".encode()


def _wrong(name: str, right: str) -> ProblemError:
    return ProblemError(400, "invalid_value", f"{name}: {right}", param=name)
