"""All doors behind one guard, as an ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from limner.errors import LimnerError
from limner.server import page, source
from limner.server.a1111 import A1111
from limner.server.answers import rendered
from limner.server.api import Api
from limner.server.keys import Keys
from limner.server.metrics import Metrics, Observed
from limner.server.openai import OpenAI
from limner.server.planning import Planning
from limner.server.problems import ProblemError
from limner.server.security import LOOPBACK, MAX_BODY, Guard
from limner.server.service import Service
from limner.server.watching import told


def application(
    service: Service,
    *,
    hosts: Sequence[str] = LOOPBACK,
    keys: Keys | None = None,
    metrics: Metrics | None = None,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """The server of a service. hosts: names that it is called by, beside the loopback ones.

    lifespan: around all that it serves.
    """
    metrics = Metrics() if metrics is None else metrics
    planning = Planning(service).routes
    routes: list[BaseRoute] = [
        *Api(service, beside=planning).routes,
        *planning,
        *A1111(service).routes,
        *OpenAI(service).routes,
        *metrics.routes(service),
        *page.routes(service, keys),
        *source.routes(),
    ]
    named = frozenset({*LOOPBACK, *(host.lower() for host in hosts)})
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(Observed, metrics=metrics),
            Middleware(Guard, hosts=named, keys=keys),
            Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY),
        ],
        exception_handlers={
            ProblemError: failed,
            LimnerError: failed,
            HTTPException: refused,
            Exception: failed,
        },
    )


async def failed(request: Request, error: Exception) -> Response:
    """What a person is told of an error, in the way of the door that was used."""
    return rendered(told(error), request.url.path)


async def refused(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: an unknown path, a method that it has not."""
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method", 413: "too_large"}
    problem = ProblemError(
        error.status_code,
        codes.get(error.status_code, "request"),
        str(error.detail),
        dict(error.headers or {}),
    )
    return rendered(problem, request.url.path)
