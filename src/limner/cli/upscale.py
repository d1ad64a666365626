"""`limner upscale cat.png --by 4`: make a picture larger, and paint over it where asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import files
from limner.cli.options import ModelOptions, flattened, warn
from limner.cli.progress import follow, progress_bar
from limner.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

    from limner.pipeline import Request, Upscaling


@flattened
def command(
    picture: Annotated[Path, typer.Argument(help="The picture to make larger.")],
    by: Annotated[int, typer.Option(help="How many times as wide and high: 2 or 4.")] = 2,
    steps: Annotated[
        int | None, typer.Option(help="Steps of the upscaler. Default: its own.")
    ] = None,
    noise: Annotated[
        float, typer.Option(help="Noise put on the picture first, against its faults: 0 to 1.")
    ] = 0.0,
    tile: Annotated[
        int | None, typer.Option(help="Pixels of the result along one side of a tile.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the noise: another seed, other details.")] = 0,
    refine: Annotated[
        str | None, typer.Option(metavar="PROMPT", help="Then paint over it: what it shows.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="Of --refine: 0 nothing new, 1 all. Default: 0.3.")
    ] = None,
    *,
    painted_by: ModelOptions,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A .png, .jpg or .webp file, or a folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what stands there.")] = False,
) -> None:
    """Make a picture larger with the trained upscaler. Transparency is kept.

    The model options are those of --refine, which paints; --upscaler and --device are of both.
    """
    if strength is not None and refine is None:
        raise UsageError("--strength is of --refine: say by it what the picture shows")
    path = files.target_path(output, f"{picture.stem} {by}x")
    files.check_writable(path)
    from limner.pipeline import Request, Upscaling
    from limner.pipeline.features.upscale import STRENGTH
    from limner.pipeline.pictures import read_picture
    from limner.pipeline.upscaling import TILE

    how = Upscaling(by=by, steps=steps, noise=noise, tile=TILE if tile is None else tile, seed=seed)
    shown = read_picture(picture)
    if refine is None:
        larger, texts = upscaled(shown, how, painted_by), dict[str, str]()
    else:
        over = Request(
            prompt=refine, seed=seed, strength=STRENGTH if strength is None else strength
        )
        larger, texts = repainted(shown, how, over, painted_by)
    typer.echo(files.save_picture(larger, path, texts, force=force))


def upscaled(picture: Image, how: Upscaling, painted_by: ModelOptions) -> Image:
    """The picture, larger."""
    from limner.pipeline import load_upscaler

    enlarger = load_upscaler(painted_by.upscaler, device=painted_by.device)
    with progress_bar("enlarging") as report:
        return follow(enlarger.steps(picture, how), report)


def repainted(
    picture: Image, how: Upscaling, over: Request, painted_by: ModelOptions
) -> tuple[Image, dict[str, str]]:
    """The picture, larger and painted over; and the texts that say how."""
    from limner.pipeline.features.upscale import check_room
    from limner.pipeline.metadata import texts
    from limner.pipeline.upscaling import enlarged_size

    painter = painted_by.load()
    check_room(enlarged_size(picture.size, how.by), painter.model)
    with progress_bar("enlarging") as report:
        larger = follow(painter.enlarger.steps(picture, how), report)
    with progress_bar("painting over") as report:
        result = follow(painter.refined(larger, over), report)
    for warning in result.warnings:
        warn(warning)
    return result.images[0], texts(result, 0, painted_by.origin)
