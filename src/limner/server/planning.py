"""What a job would paint, and what a picture was painted with: nothing here is painted."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from limner.diffusion.solvers import SOLVERS
from limner.pipeline.metadata import record_of
from limner.pipeline.painter import Painter
from limner.pipeline.plan import given
from limner.pipeline.planning import plan
from limner.pipeline.request import COLLAGE, Request
from limner.server.answers import Json, object_of
from limner.server.api import ROOT
from limner.server.fields import asked
from limner.server.problems import ProblemError
from limner.server.service import Service
from limner.server.uploads import embedded_of, file_of


class Planning:
    """The handlers, on a service."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @property
    def routes(self) -> list[Route]:
        return [
            Route(f"{ROOT}/plan", self.plan, methods=["POST"]),
            Route(f"{ROOT}/record", self.record, methods=["POST"]),
        ]

    async def plan(self, request: HttpRequest) -> Response:
        """How a job would be read and painted: its request with every default, notes, levels."""
        said = asked(await object_of(request))
        name = said.model or self.service.model_for(said.request)
        painter = await self.service.painter(name)
        return Json({"model": name, **await run_in_threadpool(_planned, said.request, painter)})

    async def record(self, request: HttpRequest) -> Response:
        """What a picture's file says it was painted with, Limner's or another program's."""
        said = await object_of(request)
        if set(said) != {"picture"}:
            raise ProblemError(422, "request", '{"picture": base64 of its file} is right')
        file = file_of(said["picture"], "picture")
        return Json(await run_in_threadpool(_recorded, file))


def _planned(request: Request, painter: Painter) -> dict[str, Any]:
    """A plan as JSON. context: (L, D) of the text. latent: (C, h, w), of a collage a part's."""
    made, parts = plan(request, painter.model), painter.parts
    space, (width, height) = painter.model.space, parts.sampling.size
    alone = space.channels, height // space.stride, width // space.stride
    return {
        "request": json.loads(made.request.to_json()),
        "notes": list(made.notes),
        "total": made.total,
        "levels": [{"t": each.t, "alpha": each.alpha, "sigma": each.sigma} for each in made.levels],
        "context": [parts.tokenizer.length, parts.text_encoder.config.width],
        "latent": list(alone if made.request.layout == COLLAGE else made.shape),
        "stride": space.stride,
        "denoiser": parts.denoiser_name,
        "solver_source": _source(SOLVERS[given(made.request.solver)].solve),
        "prediction": type(parts.prediction).__name__,
    }


def _source(function: Any) -> str:
    """Where a function stands in the package, as `/source` has it."""
    while isinstance(function, partial):
        function = function.func
    module = function.__module__.removeprefix("limner.").replace(".", "/")
    return f"{module}.py#{function.__qualname__}"


def _recorded(file: bytes) -> dict[str, Any]:
    """The record of a file that is checked first."""
    found = record_of(embedded_of(file, "picture"))
    return {
        "request": json.loads(found.request.to_json()),
        "model": found.model,
        "others": dict(found.others),
    }
