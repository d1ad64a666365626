"""`limner restyle cat.png --style noto`: what a picture shows, drawn in another style."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from limner.cli.options import (
    ModelOptions,
    OutputOptions,
    Source,
    flattened,
    one_prompt,
    repeated,
)
from limner.cli.paint import carry_out
from limner.cli.request_options import RequestOptions, With
from limner.errors import UsageError
from limner.pipeline.fields import Group


@flattened
def command(
    picture: Annotated[
        Path, typer.Argument(metavar="PICTURE", help="The picture that shows what to paint.")
    ],
    prompt: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROMPT", help="Words for what is painted, in quotes. Default: none."
        ),
    ] = None,
    *,
    options: Annotated[RequestOptions, With(Group.RESTYLING)],
    source: Source = None,
    painted_by: ModelOptions,
    output: OutputOptions,
) -> None:
    """Paint what a picture shows in another style.

    Without --model by emoji-restyle, which has what it takes.
    """
    base = repeated(source, output)
    text = one_prompt(prompt, "" if base is None else base.prompt)
    style = options.given.get("style")
    if style is None and (base is None or base.style is None):
        raise UsageError("a style is missing: --style noto, or --style and a picture that has it")
    path = output.target(text or named(picture, style))
    from limner.pipeline.features.restyle import read_style
    from limner.pipeline.pictures import read_picture

    read = {} if style is None else {"style": read_style(style)}
    request = options.request(base, text, content=read_picture(picture), **read)
    carry_out(request, painted_by, path, output, base=base, asked=options.given)


def named(picture: Path, style: str | None) -> str:
    """What a result without a prompt is called after: its picture and its style."""
    return picture.stem if style is None else f"{picture.stem} {Path(style).stem}"
