"""Which of the shipped models a request is for, where the person has named none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli.options import ModelOptions, warn

if TYPE_CHECKING:
    from limner.pipeline import Request


def fitting(
    request: Request, painted_by: ModelOptions, warn: Callable[[str], None] = warn
) -> tuple[Request, ModelOptions]:
    """The request and what paints it; `warn` is told where it is painted as another.

    Two things beside or above each other are for the pairs model, a text each; a content, and a
    style's picture, for the restyling one; all else for the one that is loaded by default.
    """
    from PIL.Image import Image

    from limner.pipeline.loading import PAIRS, RESTYLING

    if painted_by.model is not None:
        return request, painted_by
    if request.content is not None or isinstance(request.style, Image):
        return request, replace(painted_by, model=Path(RESTYLING))
    if asked := _pair(request):
        prompt, layout = asked
        warn(f"painted as {prompt!r}, layout {layout}")
        request = replace(request, prompt=prompt, layout=layout)
    if request.layout is not None:
        return request, replace(painted_by, model=Path(PAIRS))
    return request, painted_by


def _pair(request: Request) -> tuple[str, str] | None:
    """The texts and the layout, where a prompt in the language of `AND` asks for two things."""
    if request.layout or request.picture or request.dialect not in (None, "a1111"):
        return None
    from limner.checkpoints import ModelFolder
    from limner.pipeline.loading import shipped_model
    from limner.pipeline.pairs import pair_asked

    words = ModelFolder(shipped_model()).load_settings()[3]
    return None if words is None else pair_asked(request.prompt, words)
