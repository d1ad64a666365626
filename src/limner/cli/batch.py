"""`limner batch prompts.txt --out pictures`: every line of a file becomes its pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated

import typer

from limner.cli import files, streams
from limner.cli.batching import Batch
from limner.cli.naming import PATTERN, Names
from limner.cli.options import OUTPUT, ModelOptions, flattened
from limner.cli.progress import progress_bar
from limner.cli.request_options import RequestOptions
from limner.errors import UsageError
from limner.pipeline.lines import read_lines


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where the pictures go, how they are called, and what is said meanwhile."""

    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FOLDER", help="Where the pictures go.", rich_help_panel=OUTPUT
        ),
    ]
    pattern: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What they are called: text with {index}, {prompt}, {name}, {number}, or a field "
            "such as {seed}; .png, .jpg or .webp.",
            rich_help_panel=OUTPUT,
        ),
    ] = PATTERN
    force: Annotated[
        bool,
        typer.Option(
            "--force", metavar="", help="Paint again what is there.", rich_help_panel=OUTPUT
        ),
    ] = False
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            metavar="",
            help="No progress and no warnings: only where the pictures are, and what failed.",
            rich_help_panel=OUTPUT,
        ),
    ] = False


@flattened
def command(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A prompt a line, or JSON lines; - is standard input."),
    ],
    *,
    written: Written,
    options: RequestOptions,
    painted_by: ModelOptions,
) -> None:
    """Paint every line of a file.

    A line is a prompt, or a JSON object with the fields of a request (limner schema) and a "name"
    for its file. Blank lines and lines that begin with # say nothing. The options hold for every
    line that does not say otherwise.

    Run again, it goes on: a picture that is there already is left as it is. A line that fails is
    told, and the others are painted.
    """
    names, quiet = Names(written.out, written.pattern), written.quiet
    total = asking(file)
    with opened(file) as lines, progress_bar("painting", quiet=quiet) as report:
        files.check_folder(written.out)
        batch = Batch(
            names=names,
            common=options.given,
            painted_by=painted_by,
            report=lambda done: report(done, max(done, total)),
            force=written.force,
            quiet=quiet,
        )
        try:
            for path in batch.paint(lines):
                streams.tell(path)
        finally:
            if not quiet:
                streams.say(batch.summary())
    if batch.failed:
        raise typer.Exit(1)


@contextmanager
def opened(file: str) -> Iterator[IO[bytes]]:
    """The lines of a file, or of standard input; UsageError where it cannot be read."""
    if file == str(streams.STANDARD):
        if sys.stdin is None:
            raise UsageError("- is standard input, which is closed: a file is right")
        yield sys.stdin.buffer
        return
    try:
        lines = Path(file).open("rb")  # noqa: SIM115 (an error of the body is none of opening)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}; a file with a prompt a line is right"
        ) from None
    with lines:
        yield lines


def asking(file: str) -> int:
    """How many lines of a file ask for something; 0 for a stream, which is read once."""
    if not Path(file).is_file():
        return 0
    with opened(file) as lines:
        return sum(1 for _ in read_lines(lines))
