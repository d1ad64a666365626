"""Which of the shipped models a request is for, where the person has named none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli.options import ModelOptions, warn

if TYPE_CHECKING:
    from limner.pipeline import Request


def fitting(request: Request, painted_by: ModelOptions) -> tuple[Request, ModelOptions]:
    """The request and what paints it.

    Two things beside each other are for the pairs model, which takes the left one first; a part of
    a picture, and room round it, are for the inpainting model; all else is for the one that is
    loaded by default.
    """
    from PIL.Image import Image

    from limner.pipeline.loading import INPAINTING, PAIRS, RESTYLING

    if painted_by.model is not None:
        return request, painted_by
    if request.content is not None or isinstance(request.style, Image):
        return request, replace(painted_by, model=Path(RESTYLING))
    if request.mask is not None or request.extend is not None:
        return request, replace(painted_by, model=Path(INPAINTING))
    if request.layout is None and request.picture is None and (asked := _pair(request.prompt)):
        prompt, layout = asked
        warn(f"painted as {prompt!r}, layout {layout}")
        request = replace(request, prompt=prompt, layout=layout)
    if request.layout is not None:
        return request, replace(painted_by, model=Path(PAIRS))
    return request, painted_by


def _pair(prompt: str) -> tuple[str, str] | None:
    from limner.checkpoints import ModelFolder
    from limner.pipeline.loading import shipped_model
    from limner.pipeline.pairs import pair_asked

    words = ModelFolder(shipped_model()).load_settings()[3]
    return None if words is None else pair_asked(prompt, words)
