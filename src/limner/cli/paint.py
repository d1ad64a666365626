"""`limner "a red apple, 3d"`: paint a prompt and write the picture."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import files, streams
from limner.cli.choosing import fitting, taken
from limner.cli.options import (
    OUTPUT,
    ModelOptions,
    OutputOptions,
    Prompt,
    Source,
    flattened,
    one_prompt,
    repeated,
)
from limner.cli.progress import follow, progress_bar
from limner.cli.request_options import RequestOptions
from limner.errors import UsageError

if TYPE_CHECKING:
    from limner.pipeline import Request, Result


@flattened
def command(
    prompt: Prompt = None,
    *,
    options: RequestOptions,
    source: Source = None,
    painted_by: ModelOptions,
    output: OutputOptions,
    grid: Annotated[
        bool,
        typer.Option("--grid", metavar="", help="Write one contact sheet.", rich_help_panel=OUTPUT),
    ] = False,
) -> None:
    """Paint a prompt. Options that are left out are the model's own defaults."""
    base = repeated(source, output)
    text = one_prompt(prompt, None if base is None else base.prompt)
    path = output.target(text)
    request = options.request(base, text)
    carry_out(request, painted_by, path, output, base=base, asked=options.given, grid=grid)


def carry_out(
    request: Request,
    painted_by: ModelOptions,
    path: Path,
    output: OutputOptions,
    *,
    base: Request | None,
    asked: Collection[str],
    grid: bool = False,
) -> None:
    """Paint a request, write the pictures, and say where they are.

    base: what a repeated picture says; asked: what was given in its place (see `taken`).
    """
    if path == streams.STANDARD and request.count > 1 and not grid:
        raise UsageError(f"-o - writes one picture, not {request.count}: --grid makes them one")
    painted_by = fitting(request, painted_by)
    painter = painted_by.load()
    request = taken(request, base, asked, painter, output)
    with progress_bar("painting", quiet=output.quiet) as report:
        result = follow(painter.steps(request), report)
    for warning in result.warnings:
        output.warn(warning)
    output.written(write(result, path, painted_by.origin, grid=grid, force=output.force))
    if not output.quiet:
        streams.say(summary(tuple(result.seeds), result.timings))


def write(result: Result, path: Path, origin: Path, *, grid: bool, force: bool) -> list[Path]:
    """Write each picture of a result, or all of them as one sheet, and return the paths.

    origin: the model's folder or file.
    """
    from limner.pipeline.metadata import sheet_texts, texts

    if grid:
        from limner.evaluate.sheet import contact_sheet

        labels = [f"seed {seed}" for seed in result.seeds]
        columns = math.ceil(math.sqrt(len(result.images)))
        sheet = contact_sheet(result.images, labels, columns=columns, whole=True)
        return [files.save_picture(sheet, path, sheet_texts(result, origin), force=force)]
    return [
        files.save_picture(image, path, texts(result, index, origin), first=index + 1, force=force)
        for index, image in enumerate(result.images)
    ]


def summary(seeds: tuple[int, ...], timings: dict[str, float]) -> str:
    """One line for the person who waits: the seeds, to paint them again, and the time."""
    numbers = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"seed {numbers}, {sum(timings.values()):.1f} s"
