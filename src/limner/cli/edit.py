"""`limner edit cat.png "a fox, 3d"`: paint over a picture, a part of it, or room round it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from limner.cli import files
from limner.cli.options import (
    ModelOptions,
    RequestOptions,
    flattened,
    one_prompt,
    repeated,
)
from limner.cli.paint import carry_out
from limner.errors import UsageError

SIDES = ("left", "top", "right", "bottom")


@flattened
def command(
    picture: Annotated[Path, typer.Argument(help="The picture to paint over.")],
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="What to paint, in quotes; with --from its own is the default."),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(help="How much is new: 0 nothing, 1 all. Default: 0.8, with a mask 1."),
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(help="What to repaint: a picture, white there; box:x,y,w,h; or alpha."),
    ] = None,
    extend: Annotated[
        str | None, typer.Option(help="Paint round it: pixels, as left=64,top=32.")
    ] = None,
    feather: Annotated[
        int | None, typer.Option(help="Pixels inside the mask over which new fades into old.")
    ] = None,
    context: Annotated[
        float | None,
        typer.Option(help="What the model sees, in sizes of what is repainted. Default: 2."),
    ] = None,
    *,
    options: RequestOptions,
    source: Annotated[
        Path | None, typer.Option("--from", help="Repeat a picture, but for options given here.")
    ] = None,
    painted_by: ModelOptions,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A .png, .jpg or .webp file, or a folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what stands there.")] = False,
) -> None:
    """Paint over a picture. What lies outside the mask keeps every byte."""
    base = repeated(source)
    text = one_prompt(prompt, None if base is None else base.prompt)
    room = parse_sides(extend)
    path = files.target_path(output, text)
    files.check_writable(path)
    from limner.pipeline.masks import read_mask
    from limner.pipeline.pictures import read_picture

    edits = {
        "strength": strength,
        "mask": read_mask(mask),
        "extend": room,
        "feather": feather,
        "context": context,
    }
    given = {name: value for name, value in edits.items() if value is not None}
    request = options.request(base, text, picture=read_picture(picture), **given)
    carry_out(request, painted_by, path, force=force)


def parse_sides(text: str | None) -> tuple[int, int, int, int] | None:
    """(left, top, right, bottom) of "left=64,top=32"; those that are not named are 0."""
    if text is None:
        return None
    found = dict.fromkeys(SIDES, 0)
    for part in text.split(","):
        side, _, pixels = part.strip().partition("=")
        if side not in found or not pixels.isdecimal():
            raise UsageError(
                f"--extend {text}: write pixels of {', '.join(SIDES)}, as left=64,top=32"
            )
        found[side] = int(pixels)
    left, top, right, bottom = found.values()
    return left, top, right, bottom
