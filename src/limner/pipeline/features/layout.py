"""Texts that are painted in parts of the picture, each part looking at its own text alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from limner.engine.asks import Denoise
from limner.errors import RequestError
from limner.nn.regions import visible_of
from limner.pipeline.model import Model
from limner.pipeline.plan import Feature, Moment
from limner.pipeline.request import STACKED, Request
from limner.pipeline.script import trees


def complete(request: Request, model: Model) -> Request:
    """The request with room for a picture of the model's own size in each part.

    Raises RequestError where the prompt has no texts for the parts.
    """
    if request.layout is None:
        return request
    dialect = model.sampling.dialect if request.dialect is None else request.dialect
    prompt, _ = trees(request.prompt, "", dialect, lenient=request.lenient)
    count = len(prompt.edited.timeline(1)[0].members)
    if count < 2:
        raise RequestError(
            f"layout {request.layout} is for texts joined by AND (compel: .and()), and the prompt "
            'has one: "a cat, 3d AND a dog, 3d" is right'
        )
    width, height = model.sampling.size
    stacked = request.layout == STACKED
    return request.with_defaults(
        size=(width, count * height) if stacked else (count * width, height)
    )


def planned(request: Request, model: Model) -> Feature | None:
    if request.layout is None:
        return None
    return Layout(upright=request.layout == STACKED)


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout(Feature):
    """upright: the parts lie one above the other, else beside each other."""

    upright: bool

    def asking(self, ask: Denoise, moment: Moment) -> Denoise:
        """Each part of x looks at its own text of the scene."""
        tokens, (height, width) = ask.texts[0].context.shape[1], ask.x.shape[2:]
        visible = visible_of(
            tokens, moment.scene.parts, upright=self.upright, size=(height, width),
            device=ask.x.device,
        )  # fmt: skip
        return replace(ask, visible=visible)
