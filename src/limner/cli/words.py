"""`limner words`: the concepts and styles that a model knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from limner.cli import streams
from limner.cli.options import Strict
from limner.errors import UsageError


def command(
    search: Annotated[str | None, typer.Option(help="Only words that contain this.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="A model's folder or file. Default: the shipped one.")
    ] = None,
    strict: Strict = False,
) -> None:
    """List the concepts and styles that a model knows, one a line, styles first."""
    from limner.loading import load

    words = load(model, strict=strict).words
    if words is None:
        raise UsageError("this model carries no list of its words: it may know any; try a prompt")
    lines = listing(words.concepts, words.styles, search)
    if not lines:
        raise UsageError(f"no concept or style contains {search!r}; limner words lists them all")
    for line in lines:
        streams.tell(line)


def listing(concepts: Sequence[str], styles: Sequence[str], search: str | None) -> list[str]:
    """`style NAME` and `concept NAME` lines whose name contains `search`, whatever its case."""
    wanted = "" if search is None else search.casefold()
    lines = [("style", style) for style in styles]
    lines += [("concept", concept) for concept in concepts]
    return [f"{kind:8}{name}" for kind, name in lines if wanted in name.casefold()]
