"""Texts that are painted in parts of the picture: what a layout asks for, and its attention."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from torch import Tensor, nn

from limner.checkpoints import Sampling
from limner.errors import RequestError
from limner.nn.regions import parted
from limner.pipeline.request import STACKED, Request
from limner.pipeline.script import Scene, trees


def complete_layout(request: Request, own: Sampling) -> Request:
    """The request with room for a picture of the model's own size in each part.

    Raises RequestError where the prompt has no texts for the parts.
    """
    if request.layout is None:
        return request
    dialect = own.dialect if request.dialect is None else request.dialect
    prompt, _ = trees(request.prompt, "", dialect, lenient=request.lenient)
    count = len(prompt.edited.timeline(1)[0].members)
    if count < 2:
        raise RequestError(
            f"layout {request.layout} is for texts joined by AND (compel: .and()), and the prompt "
            'has one: "a cat, 3d AND a dog, 3d" is right'
        )
    width, height = own.size
    stacked = request.layout == STACKED
    return request.with_defaults(
        size=(width, count * height) if stacked else (count * width, height)
    )


def in_parts(
    denoiser: nn.Module, request: Request, scene: Scene, x: Tensor
) -> AbstractContextManager[None]:
    """Around a call of the denoiser: each part of x looks at its own text of the scene."""
    if scene.parts == 1:
        return nullcontext()
    upright, (height, width) = request.layout == STACKED, x.shape[2:]
    return parted(denoiser, scene.parts, upright=upright, size=(height, width))
