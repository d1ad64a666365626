"""`limner grid "a red apple" --over guidance=1,2,4,8 --over seed=0..3`: a sheet of what varies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import files
from limner.cli.choosing import fitting, taken
from limner.cli.options import (
    ModelOptions,
    OutputOptions,
    Prompt,
    Source,
    flattened,
    one_prompt,
    repeated,
)
from limner.cli.progress import follow, progress_bar
from limner.cli.request_options import RequestOptions, Without

if TYPE_CHECKING:
    from PIL.Image import Image

    from limner.pipeline import Painter, Request
    from limner.pipeline.sweeps import Axis

SHOWN = 128  # pixels along the longer side of a picture on the sheet, at least
TITLED = ("seed", "steps", "guidance", "solver", "schedule")  # of what stays the same


@flattened
def command(
    prompt: Prompt = None,
    *,
    over: Annotated[
        list[str],
        typer.Option(
            metavar="FIELD=VALUES",
            help="What varies, to the right; a second time: down. As guidance=1,2,4 or seed=0..3 "
            "or steps=5..20:5, weight:WORD=0,1,2, word:WORD=cat,dog.",
            rich_help_panel="The sheet",
        ),
    ],
    options: Annotated[RequestOptions, Without("count")],
    source: Source = None,
    painted_by: ModelOptions,
    output: OutputOptions,
) -> None:
    """Paint a prompt over the values of one or two settings, and write one sheet."""
    from limner.pipeline.metadata import grid_texts
    from limner.pipeline.sweeps import checked, settled, sweep

    axes = checked(over)
    base = repeated(source, output)
    said = [str(axis.values[0]) for axis in axes if axis.name == "prompt"]
    said += [] if base is None else [base.prompt]
    text = one_prompt(prompt, said[0] if said else None)
    path = output.target(f"{text} grid" if output.output is None else text)
    request = options.request(base, text, count=1)
    if all(axis.name != "prompt" for axis in axes):  # one model paints all cells
        painted_by = fitting(request, painted_by)
    painter = painted_by.load()
    given = {*options.given, *(axis.name for axis in axes)}
    request = taken(request, base, given, painter, output)
    asked = sweep(request, axes, dialect=painter.parts.sampling.dialect)
    cells, notes = settled(painter, asked)
    for line in notes:
        output.warn(line)
    with_grid = grid_texts(cells[0][0], axes, painted_by.origin)
    pictures = painted(painter, [cell for row in cells for cell in row], output)
    shown = sheet(pictures, cells[0][0], axes, text)
    output.written([files.save_picture(shown, path, with_grid, force=output.force)])


def sheet(pictures: Sequence[Image], first: Request, axes: Sequence[Axis], prompt: str) -> Image:
    """The pictures of all cells, row by row, as a table with its values beside it.

    first: the request of the first cell. prompt: as it was before any of its words changed.
    """
    from limner.evaluate.sheet import table_sheet

    across, *down = axes
    width = len(across.values)
    return table_sheet(
        [pictures[n : n + width] for n in range(0, len(pictures), width)],
        heads=[across.label(value) for value in across.values],
        labels=[axis.label(value) for axis in down for value in axis.values] or None,
        title=title(prompt, first, axes),
        scale=max(1, SHOWN // max(max(picture.size) for picture in pictures)),
    )


def painted(painter: Painter, cells: Sequence[Request], output: OutputOptions) -> list[Image]:
    """A picture a request; what they warn of is said once."""
    pictures, warnings = [], dict[str, None]()
    with progress_bar("painting", quiet=output.quiet) as report:
        for index, cell in enumerate(cells):

            def so_far(
                done: int, total: int | None, note: str = "", *, before: int = index
            ) -> None:
                if total is None:  # counted by the cell, where nobody knows the steps of one
                    done, total = 0, 1
                report(before * total + done, len(cells) * total, note)

            result = follow(painter.steps(cell), so_far)
            pictures.append(result.images[0])
            warnings |= dict.fromkeys(result.warnings)
    for line in warnings:
        output.warn(line)
    return pictures


def title(prompt: str, first: Request, axes: Sequence[Axis]) -> str:
    """The prompt, and the settings that all cells have as the first has them."""
    varied = {axis.name for axis in axes}
    same = [f"{name} {getattr(first, name)}" for name in TITLED if name not in varied]
    return "\n".join(([] if "prompt" in varied else [prompt]) + [", ".join(same)])
