"""Texts that are painted in parts of the picture: what a layout asks for, and its attention."""

from __future__ import annotations

from jaxtyping import Bool
from torch import Tensor

from limner.checkpoints import Sampling
from limner.errors import RequestError
from limner.nn.regions import visible_of
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


def visible_in(request: Request, scene: Scene, x: Tensor) -> Bool[Tensor, "1 L h w"] | None:
    """Which tokens of a scene each place of x may look at: its own part's; None where all may."""
    if scene.parts == 1:
        return None
    tokens, (height, width) = scene.negative.context.shape[1], x.shape[2:]
    upright = request.layout == STACKED
    return visible_of(tokens, scene.parts, upright=upright, size=(height, width), device=x.device)
