"""`limner grid "a red apple" --over guidance=1,2,4,8 --over seed=0..3`: a sheet of what varies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import files
from limner.cli.choosing import fitting
from limner.cli.options import (
    ModelOptions,
    RequestOptions,
    Without,
    flattened,
    one_prompt,
    repeated,
    warn,
)
from limner.cli.progress import follow, progress_bar

if TYPE_CHECKING:
    from PIL.Image import Image

    from limner.pipeline import Painter, Request
    from limner.pipeline.sweeps import Axis

SHOWN = 128  # pixels along the longer side of a picture on the sheet, at least
TITLED = ("seed", "steps", "guidance", "solver", "schedule")  # of what stays the same


@flattened
def command(
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="What to paint, in quotes; with --from its own is the default."),
    ] = None,
    *,
    over: Annotated[
        list[str],
        typer.Option(
            metavar="FIELD=VALUES",
            help="What varies, to the right; a second time: down. As guidance=1,2,4 or seed=0..3 "
            "or steps=5..20:5, weight:WORD=0,1,2, word:WORD=cat,dog.",
        ),
    ],
    options: Annotated[RequestOptions, Without("count")],
    source: Annotated[
        Path | None, typer.Option("--from", help="A painted picture: all its settings.")
    ] = None,
    painted_by: ModelOptions,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A .png, .jpg or .webp file, or a folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what stands there.")] = False,
) -> None:
    """Paint a prompt over the values of one or two settings, and write one sheet."""
    from limner.pipeline.metadata import grid_texts
    from limner.pipeline.sweeps import checked, settled, sweep

    axes = checked(over)
    base = repeated(source)
    said = [str(axis.values[0]) for axis in axes if axis.name == "prompt"]
    said += [] if base is None else [base.prompt]
    text = one_prompt(prompt, said[0] if said else None)
    path = files.target_path(output, f"{text} grid" if output is None else text)
    files.check_writable(path)
    request = options.request(base, text, count=1)
    if all(axis.name != "prompt" for axis in axes):  # one model paints all cells
        request, painted_by = fitting(request, painted_by)
    painter = painted_by.load()
    cells = settled(painter, sweep(request, axes, dialect=painter.parts.sampling.dialect))
    with_grid = grid_texts(cells[0][0], axes, painted_by.origin)
    shown = sheet(painter, cells, axes, text)
    typer.echo(files.save_picture(shown, path, with_grid, force=force))


def sheet(painter: Painter, cells: list[list[Request]], axes: Sequence[Axis], prompt: str) -> Image:
    """The cells painted, one after the other, as a table with its values beside it.

    prompt: as it was before any of its words changed.
    """
    from limner.evaluate.sheet import table_sheet

    across, *down = axes
    pictures = painted(painter, [cell for row in cells for cell in row])
    width = len(across.values)
    return table_sheet(
        [pictures[n : n + width] for n in range(0, len(pictures), width)],
        heads=[across.label(value) for value in across.values],
        labels=[axis.label(value) for axis in down for value in axis.values] or None,
        title=title(prompt, cells[0][0], axes),
        scale=max(1, SHOWN // max(max(picture.size) for picture in pictures)),
    )


def painted(painter: Painter, cells: Sequence[Request]) -> list[Image]:
    """A picture a request; what they warn of is said once."""
    pictures, warnings = [], dict[str, None]()
    with progress_bar("painting") as report:
        for index, cell in enumerate(cells):

            def so_far(done: int, total: int, note: str = "", *, before: int = index) -> None:
                report(before * total + done, len(cells) * total, note)

            result = follow(painter.steps(cell), so_far)
            pictures.append(result.images[0])
            warnings |= dict.fromkeys(result.warnings)
    for line in warnings:
        warn(line)
    return pictures


def title(prompt: str, first: Request, axes: Sequence[Axis]) -> str:
    """The prompt, and the settings that all cells have as the first has them."""
    varied = {axis.name for axis in axes}
    same = [f"{name} {getattr(first, name)}" for name in TITLED if name not in varied]
    return "\n".join(([] if "prompt" in varied else [prompt]) + [", ".join(same)])
