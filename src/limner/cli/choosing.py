"""Which of the shipped models a request is for, where the person has named none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli.options import ModelOptions

if TYPE_CHECKING:
    from limner.pipeline import Request


def fitting(request: Request, painted_by: ModelOptions) -> ModelOptions:
    """What paints a request: a content, and a style's picture, are for the restyling model."""
    from PIL.Image import Image

    from limner.emoji.shipped import RESTYLING

    restyles = request.content is not None or isinstance(request.style, Image)
    if painted_by.model is None and restyles:
        return replace(painted_by, model=Path(RESTYLING))
    return painted_by
