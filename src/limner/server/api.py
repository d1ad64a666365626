"""Our own API: jobs, their events and pictures, and what there is to paint with."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from limner.diffusion.names import SCHEDULE_NAMES, SOLVER_NAMES
from limner.explain.prompt_report import report
from limner.pipeline.statement import FIELDS
from limner.prompt import convert, parse
from limner.server.answers import Json, body_of, object_of, read_object
from limner.server.fields import asked, job_schema
from limner.server.jobs import Event, Job, State
from limner.server.openapi import openapi
from limner.server.problems import ProblemError, not_found
from limner.server.security import owner_of
from limner.server.service import Service
from limner.server.shots import Seen, decoded
from limner.server.watching import png
from limner.text.dialect import LONGEST_PROMPT, Dialect
from limner.text.tokenizer import Tokenizer
from limner.version import __version__

ROOT = "/api/v1"
MOST_WAIT = 60.0  # seconds of a long poll
PING = 15.0  # seconds between two signs of life of a stream of events
ID = re.compile(r"[0-9a-f]{32}")
ONCE = re.compile(r"[\x21-\x7e]{1,128}")
MOST_WORDS = 200  # characters that a heat map is asked for


class Api:
    """The handlers, on a service. beside: other routes of this API, for its document."""

    def __init__(self, service: Service, beside: Sequence[Route] = ()) -> None:
        self.service = service
        self.beside = tuple(beside)

    @property
    def routes(self) -> list[Route]:
        job = f"{ROOT}/jobs/{{id}}"
        return [
            Route(f"{ROOT}/jobs", self.create, methods=["POST"]),
            Route(f"{ROOT}/jobs", self.list, methods=["GET"]),
            Route(job, self.show, methods=["GET"]),
            Route(f"{job}/events", self.events, methods=["GET"]),
            Route(f"{job}/cancel", self.cancel, methods=["POST"]),
            Route(f"{job}/images/{{number:int}}", self.image, methods=["GET"]),
            Route(f"{job}/steps/{{number:int}}", self.step, methods=["GET"]),
            Route(f"{job}/preview", self.preview, methods=["GET"]),
            Route(f"{job}/heatmaps", self.heatmap, methods=["GET"]),
            Route(f"{ROOT}/capabilities", self.capabilities, methods=["GET"]),
            Route(f"{ROOT}/schema", self.schema, methods=["GET"]),
            Route(f"{ROOT}/openapi.json", self.document, methods=["GET"]),
            Route(f"{ROOT}/prompt/parse", self.parse, methods=["POST"]),
            Route(f"{ROOT}/prompt/convert", self.convert, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """202 and where the job is."""
        once = request.headers.get("idempotency-key")
        if once is not None and not ONCE.fullmatch(once):
            raise ProblemError(422, "idempotency_key", "at most 128 ASCII characters are right")
        body, owner = await body_of(request), owner_of(request.scope)

        def taken() -> Job:
            said = asked(read_object(body))
            job = Job(
                owner=owner,
                model=said.model or self.service.model_for(said.request),
                request=said.request,
                door="limner",
                keep_steps=said.keep_steps,
            )
            return self.service.submit(job, once, body)

        job = await run_in_threadpool(taken)
        return Json(self.shown(job), 202, {"Location": f"{ROOT}/jobs/{job.id}"})

    async def list(self, request: Request) -> Response:
        """The caller's jobs that have not ended."""
        jobs = self.service.live(owner_of(request.scope))
        return Json({"jobs": [self.shown(job) for job in jobs]})

    async def show(self, request: Request) -> Response:
        """A job; `wait` seconds for its end."""
        job = await self.job(request)
        wait = _number(request.query_params.get("wait"), "wait", MOST_WAIT)
        if wait:
            await job.end(wait)
        return Json(self.shown(job))

    async def cancel(self, request: Request) -> Response:
        """End a job; with {"keep": true} its pictures are kept as they are then."""
        job, said = await self.job(request), await object_of(request)
        if set(said) - {"keep"} or not isinstance(said.get("keep", False), bool):
            raise ProblemError(422, "request", 'nothing, or {"keep": true or false}, is right')
        self.service.cancel(job, keep=said.get("keep", False))
        await job.end(2.0)
        return Json(self.shown(job))

    async def image(self, request: Request) -> Response:
        """A picture as PNG, with its own record in it."""
        job = await self.job(request)
        file = await run_in_threadpool(self.service.image, job, request.path_params["number"])
        return Response(file, media_type="image/png")

    async def step(self, request: Request) -> Response:
        """The denoised picture of a step, of a job that kept them; or what guidance did to it."""
        job, number = await self.job(request), request.path_params["number"]
        picture = _number(request.query_params.get("picture"), "picture", 1e3)
        of = request.query_params.get("of", Seen.DENOISED)
        if of not in list(Seen):
            raise ProblemError(422, "request", f"of: one of {', '.join(Seen)} is right")
        none = ProblemError(
            404, "not_found", "there is no such step: a job with keep_steps keeps them, in memory"
        )
        if not 1 <= number <= len(job.pictured) or picture >= len(job.latents[number - 1]):
            raise none
        pictures = await decoded(self.service, job, number, Seen(of), request)
        if picture >= len(pictures):  # those of a collage's parts are laid in one
            raise none
        return Response(png(pictures[int(picture)]), media_type="image/png")

    async def preview(self, request: Request) -> Response:
        """The picture after the last step that was shown."""
        job = await self.job(request)
        if not job.previews:
            raise not_found("preview")
        return Response(job.previews[max(job.previews)].pictures[0], media_type="image/png")

    async def heatmap(self, request: Request) -> Response:
        """How much each place looked at `words`, as a grey PNG of the latent's size."""
        job, words = await self.job(request), request.query_params.get("words", "")
        if job.attention is None:
            raise ProblemError(
                404, "not_found", "nothing was recorded: a job with heatmaps keeps it, in memory"
            )
        if not words.strip() or len(words) > MOST_WORDS:
            raise ProblemError(422, "request", "words: some words of the prompt are right")
        picture = int(_number(request.query_params.get("picture"), "picture", 1e3))
        found = await run_in_threadpool(partial(job.attention.heatmap, words, picture=picture))
        heat = found.float().numpy()
        scaled = 255 * heat / max(float(heat.max()), 1e-12)
        file = io.BytesIO()
        Image.fromarray(scaled.round().astype(np.uint8)).save(file, "PNG")
        return Response(file.getvalue(), media_type="image/png")

    async def events(self, request: Request) -> Response:
        """What happens to a job, as server-sent events; a client that comes back gets the rest."""
        job = await self.job(request)
        seen = request.headers.get("last-event-id", request.query_params.get("after"))
        after = int(_number(seen, "Last-Event-ID", 1e15))
        if job.status.ended and not job.events(after):
            return Response(status_code=204)
        return StreamingResponse(self._stream(job, after), media_type="text/event-stream")

    async def _stream(self, job: Job, after: int) -> AsyncIterator[bytes]:
        job.listeners += 1
        try:
            while True:
                for event in job.events(after):
                    after = event.number
                    yield self._event(job, event)
                    if event.kind in ("completed", "failed", "cancelled"):
                        return
                if not await job.changed(after, PING):
                    yield b": alive\n\n"
        finally:
            job.listeners -= 1

    def _event(self, job: Job, event: Event) -> bytes:
        data = dict(event.data)
        if event.kind == "image":
            data["url"] = f"{ROOT}/jobs/{job.id}/images/{data['number']}"
        if event.kind == "preview":
            data["url"] = f"{ROOT}/jobs/{job.id}/preview?step={data['step']}"
        text = json.dumps(data, ensure_ascii=False)
        return f"id: {event.number}\nevent: {event.kind}\ndata: {text}\n\n".encode()

    async def capabilities(self, request: Request) -> Response:
        """Models with their defaults, solvers, limits."""
        return Json(
            {
                "version": __version__,
                "models": [_model(self.service, name) for name in self.service.models.names],
                "solvers": list(SOLVER_NAMES),
                "schedules": list(SCHEDULE_NAMES),
                "dialects": [each.value for each in Dialect],
                "limits": {**asdict(self.service.limits), "prompt": LONGEST_PROMPT},
            }
        )

    async def schema(self, request: Request) -> Response:
        """The JSON schema of a job."""
        return Json(job_schema(self.service.models.names))

    async def document(self, request: Request) -> Response:
        """This API as an OpenAPI document."""
        return Json(openapi([*self.routes, *self.beside], ROOT, self.service.models.names))

    async def parse(self, request: Request) -> Response:
        """What a prompt means: spans, tokens, chunks, at each step."""
        said = await object_of(request)
        _only(said, {"prompt", "dialect", "steps", "model"})
        prompt, dialect = self._prompt(said), _dialect(said, "dialect")
        steps = FIELDS["steps"].check(said.get("steps", 20)) or 20
        if steps > self.service.limits.steps:
            raise ProblemError(422, "request", "steps: fewer are right")
        found = await run_in_threadpool(
            lambda: report(parse(prompt, dialect), steps, self._tokenizer(said))
        )
        return Json(found)

    async def convert(self, request: Request) -> Response:
        """A prompt in another dialect, and what cannot be said there."""
        said = await object_of(request)
        _only(said, {"prompt", "from", "to"})
        tree = parse(self._prompt(said), _dialect(said, "from"))
        found = await run_in_threadpool(convert, tree, _dialect(said, "to"))
        return Json({"prompt": found.text, "notes": list(found.notes)})

    async def job(self, request: Request) -> Job:
        id = request.path_params["id"]
        if not ID.fullmatch(id):
            raise not_found()
        return await run_in_threadpool(self.service.find, id, owner_of(request.scope))

    def shown(self, job: Job) -> dict[str, Any]:
        """A job as JSON."""
        own = f"{ROOT}/jobs/{job.id}"
        return {
            "id": job.id,
            "status": job.status.value,
            "model": job.model,
            "created": job.created,
            "started": job.started,
            "finished": job.finished,
            "queue_position": self.service.position(job) if job.status is State.QUEUED else None,
            "eta": None if job.status.ended else round(self.service.estimate(job), 2),
            "step": job.step,
            "total": job.total,
            "interrupted": job.interrupted,
            "seeds": list(job.seeds),
            "warnings": list(job.warnings),
            "error": job.error,
            "request": json.loads(job.request.to_json()),
            "images": [f"{own}/images/{number}" for number in range(job.images)],
            "links": {
                "self": own, "events": f"{own}/events", "cancel": f"{own}/cancel",
                "preview": f"{own}/preview",
            },
        }  # fmt: skip

    def _prompt(self, said: dict[str, Any]) -> str:
        return str(FIELDS["prompt"].check(said.get("prompt", "")))

    def _tokenizer(self, said: dict[str, Any]) -> Tokenizer:
        name = said.get("model") or self.service.default
        painter = self.service.models.loaded(name) if isinstance(name, str) else None
        return Tokenizer.clip() if painter is None else painter.parts.tokenizer


def _model(service: Service, name: str) -> dict[str, Any]:
    """What is known of a model; its own defaults once it is in memory."""
    painter = service.models.loaded(name)
    if painter is None:
        return {"name": name, "loaded": False}
    own, words = painter.parts.sampling, painter.words
    return {
        "name": name, "loaded": True, "size": list(own.size), "multiple": painter.model.multiple,
        "steps": own.steps, "guidance": own.guidance, "solver": own.solver,
        "schedule": own.schedule, "styles": [] if words is None else list(words.styles),
    }  # fmt: skip


def _number(text: str | None, name: str, most: float) -> float:
    """A number of a query, 0 where it was left out."""
    if text is None or text == "":
        return 0.0
    if not re.fullmatch(r"\d{1,16}(\.\d{1,6})?", text, re.ASCII):
        raise ProblemError(422, "request", f"{name}: a number from 0 to {most:g} is right")
    return min(float(text), most)


def _dialect(said: dict[str, Any], name: str) -> Dialect:
    """The dialect that a body names, A1111's where it names none."""
    found = FIELDS["dialect"].check(said.get(name))
    return Dialect.A1111 if found is None else Dialect(found)


def _only(said: dict[str, Any], known: set[str]) -> None:
    for name in said:
        if name not in known:
            raise ProblemError(
                422, "request", f"{name[:40]!r} is unknown: {', '.join(sorted(known))} are right"
            )
