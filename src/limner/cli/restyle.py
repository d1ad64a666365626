"""`limner restyle cat.png --style noto`: what a picture shows, drawn in another style."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from limner.cli import files
from limner.cli.options import ModelOptions, RequestOptions, flattened, one_prompt, repeated
from limner.cli.paint import carry_out
from limner.errors import UsageError


@flattened
def command(
    picture: Annotated[Path, typer.Argument(help="The picture that shows what to paint.")],
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="Words for what is painted, in quotes. Default: none."),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(help="A style word (limner words lists them), or a picture drawn so."),
    ] = None,
    content_weight: Annotated[
        float | None, typer.Option(help="How closely to follow the picture, from 0. Default: 1.")
    ] = None,
    style_weight: Annotated[
        float | None, typer.Option(help="How far to follow the style, from 0. Default: 1.")
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
    """Paint what a picture shows in another style.

    Without --model by emoji-restyle, which has what it takes.
    """
    base = repeated(source)
    text = one_prompt(prompt, "" if base is None else base.prompt)
    if style is None and (base is None or base.style is None):
        raise UsageError("a style is missing: --style noto, or --style and a picture that has it")
    path = files.target_path(output, text or named(picture, style))
    files.check_writable(path)
    from limner.pipeline.features.restyle import read_style
    from limner.pipeline.pictures import read_picture

    led_by = {
        "style": None if style is None else read_style(style),
        "content_weight": content_weight,
        "style_weight": style_weight,
    }
    given = {name: value for name, value in led_by.items() if value is not None}
    request = options.request(base, text, content=read_picture(picture), **given)
    carry_out(request, painted_by, path, force=force)


def named(picture: Path, style: str | None) -> str:
    """What a result without a prompt is called after: its picture and its style."""
    return picture.stem if style is None else f"{picture.stem} {Path(style).stem}"
