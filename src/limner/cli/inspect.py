"""`limner inspect FILE`: what a model file or folder is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import streams

if TYPE_CHECKING:
    from limner.checkpoints import Report

LONGEST = 100  # characters of a line of metadata
MOST_NAMES = 3


def command(
    model: Annotated[Path, typer.Argument(help="A model's file or folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write all of it as JSON.")] = False,
    engines: Annotated[
        bool, typer.Option("--engines", help="Say what would run it on this machine, and why.")
    ] = False,
) -> None:
    """Say what a model file or folder is: kind, sizes, dtype, prediction, and what mismatches.

    Headers and a few small tensors are read, and nothing of a file is run. Exits with 1 where
    something is wrong.
    """
    from limner.checkpoints import inspect

    report = inspect(model)
    if as_json:
        streams.tell(json.dumps(report.to_json(), indent=1))
    else:
        for name, value in lines(report):
            streams.tell(f"{name:12}{printable(value)}")
    for line in engine_lines(report) if engines else ():
        (streams.say if as_json else streams.tell)(f"{'engine':12}{line}")
    if not report.sound:
        raise typer.Exit(1)


def lines(report: Report) -> Iterator[tuple[str, str]]:
    """What is said of a model, by name."""
    yield "file", report.path
    yield "kind", f"{report.kind}: {report.description}"
    yield "size", f"{report.bytes / 1e6:,.1f} MB, {report.tensors:,} tensors"
    yield "dtype", ", ".join(report.dtypes)
    yield "layout", report.layout + (", with averaged (EMA) weights" if report.ema else "")
    for part, count in report.parameters.items():
        yield "parameters", f"{part} {count / 1e6:,.2f} M"
    if report.prediction is not None:
        end = ", schedule ends in pure noise" if report.zero_snr else ""
        yield "prediction", f"{report.prediction} ({report.prediction_found}){end}"
    for key, value in report.metadata.items():
        yield "metadata", f"{key}: {value}"
    for note in report.notes:
        yield "note", note
    for problem in report.problems:
        yield "problem", problem
    for name, found in (
        ("missing", report.missing),
        ("unexpected", report.unexpected),
        ("wrong shape", report.misshapen),
    ):
        if found:
            yield name, counted(found)


def engine_lines(report: Report) -> Iterator[str]:
    """What could run a model's denoiser here, and what does where nothing is asked for."""
    import torch

    from limner.engine.choosing import (
        AUTO,
        DTYPES,
        EAGER,
        ENGINES,
        OPENVINO,
        chosen,
        missing,
        own_dtype,
        pays_from,
    )
    from limner.engine.devices import computes_in_bf16, usable
    from limner.engine.memory import free_memory

    for name in ENGINES:
        if name != AUTO:
            yield f"{name}: {missing(name) or 'can be used'}"
    device, native = usable(None).type, computes_in_bf16()
    parameters = report.denoiser_parameters
    dtype, reason = own_dtype(report.kind, parameters, device, native=native)
    free = free_memory(torch.device(device))
    meant, why = chosen(AUTO, parameters, dtype, device, free, native=native)
    yield f"{AUTO}: {meant}, because {why}"
    if meant == OPENVINO:
        calls = pays_from(dtype)
        yield f"    until it is converted, it is from {calls} evaluations on: fewer are {EAGER}'s"
    names = {each: name for name, each in DTYPES.items()}
    yield f"dtype {names[dtype]}, because {reason}"


def counted(names: Sequence[str]) -> str:
    """How many there are, and the first of them."""
    more = ", ..." if len(names) > MOST_NAMES else ""
    return f"{len(names)}: {', '.join(names[:MOST_NAMES])}{more}"


def printable(text: str) -> str:
    """One line without control characters, which a file may have put into its texts."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    return clean if len(clean) <= LONGEST else f"{clean[: LONGEST - 3]}..."
