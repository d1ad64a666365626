"""`limner serve`: paint for programs and pages over HTTP."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from limner.cli import streams
from limner.cli.options import DTYPE_HELP, Strict, flattened
from limner.errors import UsageError

NEEDED = ("starlette", "uvicorn", "prometheus_client", "python_multipart")


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """What a server is started with, by the names of `limner.server.running.Options`."""

    host: Annotated[
        str, typer.Option(help="Where to listen; others than this machine need --api-key-file.")
    ] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port.")] = 7860
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="[NAME=]MODEL",
            help="A model's folder, file or shipped name; may be given more than once, the first "
            "is what paints unasked. Default: the shipped ones.",
        ),
    ] = None
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--api-key-file", metavar="FILE", help="Who may use it: a line name:key for each."
        ),
    ] = None
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="BYTES",
            help="How much the models in memory may take, as 4G; the longest unused leave. "
            "Default: as much as there is.",
        ),
    ] = None
    allow_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="NAME", help="Another name that the server is called by."
        ),
    ] = None
    state: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where jobs are kept. Default: ~/.local/state/limner."),
    ] = None
    keep: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="How long pictures are kept.")
    ] = 3600.0
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="cpu, cuda, mps. Default: the best.")
    ] = None
    engine: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What runs the denoisers: auto, eager, compiled, openvino, cuda-graphs.",
        ),
    ] = "auto"
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help=DTYPE_HELP)] = None
    lora_folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where a prompt's <lora:name:weight> finds its file."),
    ] = None
    embedding_folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Files of words to learn where a prompt names them."),
    ] = None
    strict: Strict = False


@flattened
def command(
    *,
    options: ServerOptions,
    check: Annotated[
        bool, typer.Option("--check", metavar="", help="Say what would run, and end.")
    ] = False,
    log: Annotated[
        bool, typer.Option("--log", metavar="", help="Write a line of JSON for all that is asked.")
    ] = False,
) -> None:
    """Serve pictures over HTTP: a page, an API of jobs, A1111's API and OpenAI's.

    Nothing is fetched from anywhere, whatever a request says.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the server needs {', '.join(missing)}: pip install limner[serve] brings it"
        )
    from limner.server.running import Options, bytes_of, prepared, serve

    given = {name: value for name, value in vars(options).items() if value is not None}
    if options.memory is not None:
        given["memory"] = bytes_of(options.memory)
    ready = prepared(Options(**given))
    for line in ready.lines:
        streams.tell(line)
    if check:
        return
    logging.basicConfig(format="%(message)s", level=logging.INFO if log else logging.WARNING)
    serve(ready)
