"""`limner upscale cat.png --by 4`: make a picture larger, and paint over it where asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limner.cli import files
from limner.cli.options import ModelOptions, OutputOptions, flattened
from limner.cli.progress import follow, progress_bar
from limner.errors import UsageError
from limner.pipeline.fields import Group

if TYPE_CHECKING:
    from PIL.Image import Image

    from limner.pipeline import Request, Upscaling

ENLARGING: dict[str, Any] = {"rich_help_panel": Group.ENLARGING.value}
REFINING: dict[str, Any] = {"rich_help_panel": "Painting over it"}


@dataclass(frozen=True, kw_only=True)
class Enlarging:
    """How a picture is enlarged."""

    by: Annotated[
        int, typer.Option(metavar="2|4", help="How many times as wide and high.", **ENLARGING)
    ] = 2
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="1..100", help="Steps of the upscaler. Default: its own.", **ENLARGING
        ),
    ] = None
    noise: Annotated[
        float,
        typer.Option(
            metavar="0..1", help="Noise put on the picture first, against its faults.", **ENLARGING
        ),
    ] = 0.0
    tile: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Of the result along one side of a tile.", **ENLARGING),
    ] = None
    seed: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", help="Of the noise: another seed, other details.", **ENLARGING
        ),
    ] = 0

    def upscaling(self) -> Upscaling:
        """The same as the upscaler takes it; RequestError where it does not."""
        from limner.pipeline import Upscaling
        from limner.pipeline.upscaling import TILE

        given = asdict(self)
        return Upscaling(**given | {"tile": TILE if self.tile is None else self.tile})


@flattened
def command(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The picture to make larger.")],
    *,
    enlarging: Enlarging,
    refine: Annotated[
        str | None,
        typer.Option(metavar="PROMPT", help="Then paint over it: what it shows.", **REFINING),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            metavar="0..1",
            help="Of --refine: 0 nothing new, 1 all. Default: 0.3.",
            **REFINING,
        ),
    ] = None,
    painted_by: ModelOptions,
    output: OutputOptions,
) -> None:
    """Make a picture larger with the trained upscaler. Transparency is kept.

    The model options are those of --refine, which paints; --upscaler and --device are of both.
    """
    if strength is not None and refine is None:
        raise UsageError("--strength is of --refine: say by it what the picture shows")
    path = output.target(f"{picture.stem} {enlarging.by}x")
    from limner.pipeline import Request
    from limner.pipeline.features.upscale import STRENGTH
    from limner.pipeline.pictures import read_picture

    how, shown = enlarging.upscaling(), read_picture(picture)
    if refine is None:
        larger, texts = upscaled(shown, how, painted_by, quiet=output.quiet), dict[str, str]()
    else:
        strength = STRENGTH if strength is None else strength
        over = Request(prompt=refine, seed=enlarging.seed, strength=strength)
        larger, texts = repainted(shown, how, over, painted_by, output)
    output.written([files.save_picture(larger, path, texts, force=output.force)])


def upscaled(
    picture: Image, how: Upscaling, painted_by: ModelOptions, *, quiet: bool = False
) -> Image:
    """The picture, larger."""
    from limner.loading import load_upscaler

    enlarger = load_upscaler(painted_by.upscaler, device=painted_by.device)
    with progress_bar("enlarging", quiet=quiet) as report:
        return follow(enlarger.steps(picture, how), report)


def repainted(
    picture: Image,
    how: Upscaling,
    over: Request,
    painted_by: ModelOptions,
    output: OutputOptions,
) -> tuple[Image, dict[str, str]]:
    """The picture, larger and painted over; and the texts that say how."""
    from limner.pipeline.features.upscale import check_room
    from limner.pipeline.metadata import texts
    from limner.pipeline.upscaling import enlarged_size

    painter = painted_by.load()
    check_room(enlarged_size(picture.size, how.by), painter.model)
    with progress_bar("enlarging", quiet=output.quiet) as report:
        larger = follow(painter.enlarger.steps(picture, how), report)
    with progress_bar("painting over", quiet=output.quiet) as report:
        result = follow(painter.refined(larger, over), report)
    for warning in result.warnings:
        output.warn(warning)
    return result.images[0], texts(result, 0, painted_by.origin)
