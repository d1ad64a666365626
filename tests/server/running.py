"""A server on the tiny model, on a port of its own, and clients for it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import uvicorn

import limner
from limner.emoji.shipped import RESTYLING
from limner.pipeline.painter import Painter
from limner.server.app import application
from limner.server.keys import Keys
from limner.server.metrics import Metrics
from limner.server.models import Models, Shelf
from limner.server.service import Limits, Service
from limner.server.store import Store

ANN, BOB = "a" * 20, "b" * 20


@dataclass
class Running:
    """A server that runs. url: without a slash at its end."""

    service: Service
    url: str

    def client(self, key: str | None = None) -> httpx2.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30.0)


@contextlib.contextmanager
def serving(
    model: Path,
    *,
    keys: Keys | None = None,
    store: Store | None = None,
    limits: Limits | None = None,
    shelves: Mapping[str, Shelf[Painter]] | None = None,
    ready: bool = True,
    models: Models[Painter] | None = None,
    port: int = 0,
) -> Iterator[Running]:
    """A server on a port of the loopback (0: a free one), until the context ends.

    shelves: models in place of `tiny` or `two`. ready: wait until it is. models: in place of all.
    """
    own = Shelf(load=lambda: limner.load(model, device="cpu"), size=1)
    shelves = {"tiny": own, "two": own, **(shelves or {})}
    origins = {"tiny": model, "two": model}
    metrics = Metrics()
    service = Service(
        models or Models(shelves),
        store or Store(),
        limits=limits,
        origins=origins,
        watch=metrics.turn,
        restyling=RESTYLING,
    )
    service.on_end = metrics.ended
    service.start()
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    app = application(service, keys=keys, metrics=metrics)
    config = uvicorn.Config(
        app, log_level="critical", lifespan="off", server_header=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while (
        not (server.started and (not ready or service.ready is None)) and time.monotonic() < until
    ):
        time.sleep(0.02)
    try:
        yield Running(service, f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(10)
        service.stop()
        listening.close()
