"""What the server tells of itself: figures for Prometheus, lines for logs, and whether it lives.

No prompt, no name of an owner and no id is in any of it, of a prompt its length alone.
"""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from limner.server.answers import Json
from limner.server.core import Turn
from limner.server.jobs import Job
from limner.server.service import Service

log = logging.getLogger("limner.server.requests")
ID = re.compile(r"[0-9a-f]{32}")  # whoever reads logs shall not read pictures
WIDTHS = (1, 2, 4, 8, 16, 32, 64)
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
BEAT = 120.0  # seconds without a turn after which the engine's thread is held to hang


class Metrics:
    """The figures of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        more: dict[str, Any] = {"registry": self.registry}
        self.jobs = Counter("limner_jobs", "Jobs that ended.", ["door", "outcome"], **more)
        self.answers = Counter("limner_answers", "Answers.", ["method", "status"], **more)
        self.width = Histogram(
            "limner_call_rows", "Rows of a call of a denoiser.", buckets=WIDTHS, **more
        )
        self.calls = Histogram(
            "limner_call_seconds", "Seconds of a call.", ["kind"], buckets=SECONDS, **more
        )
        self.waited = Histogram(
            "limner_wait_seconds", "Seconds until a job began.", buckets=SECONDS, **more
        )
        self.whole = Histogram(
            "limner_job_seconds", "Seconds from asking to end.", buckets=SECONDS, **more
        )
        self.live = Gauge("limner_jobs_live", "Jobs that have not ended.", **more)
        self.bytes = Gauge("limner_model_bytes", "Bytes of the models in memory.", **more)
        self.streams = Gauge("limner_event_streams", "Clients that follow events.", **more)

    def turn(self, turn: Turn) -> None:
        """A call that the core made."""
        self.calls.labels(turn.kind).observe(turn.seconds)
        if turn.kind == "denoise":
            self.width.observe(turn.rows)

    def ended(self, job: Job) -> None:
        """A job that ended."""
        self.jobs.labels(job.door, job.status.value).inc()
        finished = job.finished or job.created
        if job.started is not None:
            self.waited.observe(job.started - job.created)
        self.whole.observe(finished - job.created)
        line = {
            "door": job.door, "model": job.model, "status": job.status.value,
            "seconds": round(finished - job.created, 3), "images": job.images,
            "prompt": len(job.request.prompt), "error": (job.error or {}).get("code"),
        }  # fmt: skip
        log.info(json.dumps(line))

    def text(self, service: Service) -> bytes:
        """All of it, as Prometheus reads it."""
        live = service.live()
        self.live.set(len(live))
        self.bytes.set(service.models.bytes)
        self.streams.set(sum(job.listeners for job in live))
        return generate_latest(self.registry)

    def routes(self, service: Service) -> list[Route]:
        """/metrics, and whether it lives and is ready."""

        async def metrics(request: Request) -> Response:
            return Response(self.text(service), media_type="text/plain; version=0.0.4")

        async def live(request: Request) -> Response:
            beats = service.worker.alive and time.monotonic() - service.worker.beat < BEAT
            return Json({"live": beats}, 200 if beats else 503)

        async def ready(request: Request) -> Response:
            why = service.ready
            return Json({"ready": why is None, "why": why}, 200 if why is None else 503)

        return [
            Route("/metrics", metrics, methods=["GET"]),
            Route("/health/live", live, methods=["GET"]),
            Route("/health/ready", ready, methods=["GET"]),
        ]


class Observed:
    """Counts every answer, and writes a line of JSON for it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 499

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            method = scope["method"] if scope["method"] in ("GET", "POST") else "other"
            self.metrics.answers.labels(method, str(status)).inc()
            seconds = round(time.perf_counter() - began, 4)
            line = {"method": method, "path": ID.sub("ID", scope["path"])[:80], "status": status}
            log.info(json.dumps({**line, "seconds": seconds}))
