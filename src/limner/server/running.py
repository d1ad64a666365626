"""A server from its options to its end: what it serves, where, and how it goes down."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from limner.emoji.shipped import PAIRS, RESTYLING, SHIPPED
from limner.engine.choosing import AUTO, dtype_named, missing
from limner.errors import UsageError
from limner.loading import found, load
from limner.pipeline.metadata import model_name
from limner.pipeline.painter import Painter
from limner.server.app import application
from limner.server.keys import Keys
from limner.server.metrics import Metrics
from limner.server.models import Models, Shelf
from limner.server.service import Limits, Service
from limner.server.store import Store

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DRAIN = 30.0  # seconds that jobs under way have when the server goes down
LINGER = 2  # seconds that open answers have then
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a server is started with.

    models: names and files. memory: bytes of models, or None. strict: as `limner.load` has it.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    models: Sequence[str] = ()
    key_file: Path | None = None
    memory: int | None = None
    allow_hosts: Sequence[str] = ()
    state: Path | None = None
    keep: float = Limits.keep
    device: str | None = None
    engine: str = AUTO
    dtype: str | None = None
    lora_folder: Path | None = None
    embedding_folder: Path | None = None
    strict: bool = False


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A server that could be started. keys: None: nobody is asked for one."""

    options: Options
    sources: Mapping[str, Path]
    models: Models[Painter]
    keys: Keys | None

    @property
    def lines(self) -> list[str]:
        """What would run, for people."""
        options = self.options
        keys = "a key is asked for" if self.keys is not None else "nobody is asked for a key"
        sizes = {name: size_of(path) for name, path in self.sources.items()}
        budget = "no limit" if options.memory is None else f"{options.memory / 1e6:.0f} MB"
        return [
            f"http://{shown_host(options.host)}:{options.port}, {keys}",
            *(f"model {name}: {size / 1e6:.0f} MB" for name, size in sizes.items()),
            f"memory for models: {budget}",
            f"jobs are kept in {state_of(options)}, pictures for {options.keep:.0f} s",
        ]


def prepared(options: Options) -> Prepared:
    """Look at everything that a server needs. Raises LimnerError for what is not right."""
    keys = None if options.key_file is None else Keys.read(options.key_file)
    if keys is None and options.host not in LOOPBACK:
        raise UsageError(
            f"--host {options.host} lets others in: --api-key-file says who they may be, or "
            "127.0.0.1 is right"
        )
    if (lacking := missing(options.engine)) is not None:
        raise UsageError(f"--engine {options.engine}: {lacking}")
    if options.dtype is not None:
        dtype_named(options.dtype)
    sources = sources_of(options.models)
    shelves = {
        name: Shelf(load=partial(painter_of, path, options), size=size_of(path))
        for name, path in sources.items()
    }
    return Prepared(
        options=options, sources=sources, models=Models(shelves, options.memory), keys=keys
    )


def painter_of(path: Path, options: Options) -> Painter:
    """A model for many: while its engine makes something ready, the modules paint."""
    painter = load(
        path,
        device=options.device,
        engine=options.engine,
        dtype=None if options.dtype is None else dtype_named(options.dtype),
        lora_folder=options.lora_folder,
        embedding_folder=options.embedding_folder,
        strict=options.strict,
    )
    painter.engine.waits = False
    return painter


def serve(ready: Prepared, *, log_level: str = "warning") -> None:
    """Serve until a signal says to end."""
    options, metrics = ready.options, Metrics()
    service = Service(
        ready.models,
        Store(state_of(options)),
        limits=Limits(keep=options.keep),
        origins=ready.sources,
        watch=metrics.turn,
        restyling=RESTYLING,
    )
    service.on_end = metrics.ended

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    app = application(
        service,
        hosts=[*options.allow_hosts, shown_host(options.host)],
        keys=ready.keys,
        metrics=metrics,
        lifespan=lifespan,
    )
    config = uvicorn.Config(
        app, host=options.host, port=options.port, log_level=log_level, access_log=False,
        server_header=False, ws="none", timeout_graceful_shutdown=LINGER,
        h11_max_incomplete_event_size=2**16,
    )  # fmt: skip
    Server(config, service).run()


class Server(uvicorn.Server):
    """A server that lets what is under way end before it goes down."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second ends at once."""
        if self._service.draining:
            super().handle_exit(sig, frame)
            return
        self._service.draining = True

        def drained() -> None:
            self._service.drain(DRAIN)
            self.should_exit = True

        threading.Thread(target=drained, daemon=True).start()


def sources_of(models: Sequence[str]) -> dict[str, Path]:
    """Name -> folder or file; without any the shipped models."""
    if not models:
        return {name: found(name) for name in (SHIPPED, PAIRS, RESTYLING)}
    sources: dict[str, Path] = {}
    for each in models:
        name, equals, place = each.partition("=")
        path = found(place if equals else each)
        name = name if equals else re.sub(r"[^A-Za-z0-9._-]+", "-", model_name(path))[:64]
        if name in sources:
            raise UsageError(f"two models are called {name}: --model NAME=PATH names one otherwise")
        sources[name] = path
    return sources


def size_of(path: Path) -> int:
    """Bytes of a model's files."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*.safetensors"))


def bytes_of(text: str) -> int:
    """How many bytes "4G" or "500M" are. Raises UsageError for what says none."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([kKmMgGtT]?)[bB]?", text.strip())
    if match is None:
        raise UsageError(f"--memory {text}: write bytes, as 4G or 500M")
    return int(float(match[1]) * UNITS[match[2].lower()])


def state_of(options: Options) -> Path:
    """The file of the jobs."""
    if options.state is not None:
        return options.state / "jobs.sqlite"
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "limner" / "jobs.sqlite"


def shown_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
