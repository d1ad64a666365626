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
    if request.picture is None and (turned := _as_a_pair(request.prompt)) is not None:
        if turned != request.prompt:
            warn(f"painted as {turned!r}")
        return replace(request, prompt=turned), replace(painted_by, model=Path(PAIRS))
    return request, painted_by


def _as_a_pair(prompt: str) -> str | None:
    from limner.checkpoints import ModelFolder
    from limner.pipeline.loading import shipped_model
    from limner.pipeline.pairs import side_by_side

    words = ModelFolder(shipped_model()).load_settings()[3]
    return None if words is None else side_by_side(prompt, words)
