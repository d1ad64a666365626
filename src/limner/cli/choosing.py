"""Which of the shipped models a request is for, and what of a picture's settings it can take."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli.options import ModelOptions, OutputOptions

if TYPE_CHECKING:
    from limner.pipeline import Painter, Request


def fitting(request: Request, painted_by: ModelOptions) -> ModelOptions:
    """What paints a request: a content, and a style's picture, are for the restyling model."""
    from PIL.Image import Image

    from limner.emoji.shipped import RESTYLING

    restyles = request.content is not None or isinstance(request.style, Image)
    if painted_by.model is None and restyles:
        return replace(painted_by, model=Path(RESTYLING))
    return painted_by


def taken(
    request: Request, base: Request | None, asked: Collection[str], by: Painter, out: OutputOptions
) -> Request:
    """The request without those settings of a repeated picture that the model cannot take.

    base: what the picture says; None where none is repeated. asked: what the person gave.
    """
    if base is None:
        return request
    from limner.pipeline.fitting import fitted

    fits, notes = fitted(request, by.model, asked)
    for note in notes:
        out.warn(note)
    return fits
