"""`limner edit cat.png "a fox, 3d"`: paint over a picture, a part of it, or room round it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from limner.cli.options import (
    ModelOptions,
    OutputOptions,
    Prompt,
    Source,
    flattened,
    one_prompt,
    repeated,
)
from limner.cli.paint import carry_out
from limner.cli.request_options import RequestOptions, With
from limner.pipeline.fields import Group


@flattened
def command(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The picture to paint over.")],
    prompt: Prompt = None,
    *,
    options: Annotated[RequestOptions, With(Group.EDITING)],
    source: Source = None,
    painted_by: ModelOptions,
    output: OutputOptions,
) -> None:
    """Paint over a picture. What lies outside the mask keeps every byte."""
    base = repeated(source, output)
    text = one_prompt(prompt, None if base is None else base.prompt)
    path = output.target(text)
    from limner.pipeline.masks import read_mask
    from limner.pipeline.pictures import read_picture

    read = {"mask": read_mask(options.given["mask"])} if "mask" in options.given else {}
    request = options.request(base, text, picture=read_picture(picture), **read)
    carry_out(request, painted_by, path, output, base=base, asked=options.given)
