"""Larger than a model paints: what was painted is enlarged, and where asked painted over again.

Painting over at the new size draws what the small picture had no room for; others call it hires
fix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from limner.data.pixels import flatten
from limner.engine.asks import Ask, Enlarge, Step
from limner.errors import RequestError
from limner.pipeline.canvas import Size, canvas_of
from limner.pipeline.features.regions import enlarged, whole_of
from limner.pipeline.masks import extended
from limner.pipeline.model import Model
from limner.pipeline.paint import Painting, paint
from limner.pipeline.pictures import eight_bit
from limner.pipeline.plan import Feature, Plan, given, taken
from limner.pipeline.request import Request
from limner.pipeline.result import Clock, Result
from limner.pipeline.upscaling import enlarged_size

KEPT = (
    "prompt", "negative", "dialect", "weighting", "lenient", "layout", "maps", "guidance",
    "guidance_rescale", "steps", "solver", "schedule", "rho", "discard_penultimate", "eta", "churn",
    "clip_skip", "noise",
)  # fmt: skip
"""What painting over has in common with the first painting."""

STRENGTH = 0.3  # of painting over, where none is asked for
TAKEN = 16  # so many times the pixels that a model was trained at are painted over at once


def complete(request: Request, model: Model) -> Request:
    return request


def planned(request: Request, model: Model) -> Feature | None:
    """What enlarges the pictures of a completed request.

    Raises RequestError where they become too large, or too large to be painted over at once.
    """
    if request.upscale in (None, 1):
        return None
    size = enlarged_size(size_of(request, model), given(request.upscale))
    if request.refine is not None:
        check_room(size, model)
    return Upscale(by=given(request.upscale), refine=request.refine)


@dataclass(frozen=True, kw_only=True, eq=False)
class Upscale(Feature):
    """by: times as wide and high. refine: how much of it is painted over then; None: nothing."""

    by: int
    refine: float | None

    def calls(self, plan: Plan) -> int | None:
        over = self.calls_over(plan)
        return None if over is None else plan.count * over

    def calls_over(self, plan: Plan) -> int | None:
        """How often the denoiser is asked to paint over one enlarged picture."""
        if self.refine is None:
            return 0
        return plan.calls_of(taken(plan.path.levels, self.refine))

    def begin(self, plan: Plan) -> Generator[Ask, Any, tuple[Plan, Feature]]:
        return plan, Upscaling(self, plan)
        yield


class Upscaling(Feature):
    """The pictures of one painting, enlarged one after the other."""

    def __init__(self, asked: Upscale, plan: Plan) -> None:
        self._asked = asked
        self._plan = plan

    def finish(self, result: Result) -> Generator[Ask | Step, Any, Result]:
        clock, images, warnings = Clock(), list[Image.Image](), dict.fromkeys(result.warnings)
        for index, (image, seed) in enumerate(zip(result.images, result.seeds, strict=True)):
            with clock.stage(f"upscale {index + 1}"):
                larger = yield Enlarge(picture=image, by=self._asked.by, seed=seed)
            if self._asked.refine is not None:
                with clock.stage(f"refine {index + 1}"):
                    finished = yield from self._refined(larger, result, index)
                larger = finished.images[0]
                warnings |= dict.fromkeys(finished.warnings)
            images.append(larger)
        return replace(
            result,
            images=images,
            timings=result.timings | clock.seconds,
            warnings=tuple(warnings),
        )

    def _refined(self, larger: Image.Image, result: Result, index: int) -> Painting:
        """One picture painted over by the same words; its steps count on from those before.

        It has on what the first painting had, whatever later requests have by default by now.
        """
        plan, refine = self._plan, self._asked.refine

        def planned(request: Request) -> Plan:
            return replace(plan.again(request), adapted=plan.adapted)

        same = {name: getattr(result.request, name) for name in KEPT}
        same["regions"] = enlarged(
            result.request.regions,
            whole_of(result.request, plan.model),
            larger.size,
            with_room(larger.size, plan.model),
        )
        over = Request(**same, strength=refine, seed=result.seeds[index])
        first, each = plan.calls, self._asked.calls_over(plan)
        steps = None
        if first is not None and each is not None and plan.total is not None:
            steps = range(plan.before + first + index * each, plan.total)
        return (yield from refined(larger, over, plan.model, planned, steps))


def refined(
    picture: Image.Image,
    request: Request,
    model: Model,
    planned: Callable[[Request], Plan],
    steps: range | None = None,
) -> Painting:
    """Paint over a picture at its own size, whatever that is; RGB stays RGB.

    The model is shown it with its edges drawn out to sides that it can take. steps: those that
    this is a part of, from the first of its own on; None: its own are all.
    """
    picture = eight_bit(picture)
    whole, (width, height) = picture, with_room(picture.size, model)
    if (width, height) != picture.size:
        room = (0, 0, width - picture.width, height - picture.height)
        whole, _ = extended(picture, None, room)
    plan = planned(replace(request, picture=whole, size=whole.size))
    if steps is not None:
        plan = replace(plan, before=steps.start, total=steps.stop)
    result = yield from paint(plan)
    images = [image.crop((0, 0, *picture.size)) for image in result.images]
    if picture.mode == "RGB":
        images = [flatten(image) for image in images]
    return replace(result, images=images)


def with_room(size: Size, model: Model) -> Size:
    """The next larger size whose sides a model can take."""
    width, height = (side + -side % model.multiple for side in size)
    return width, height


def size_of(request: Request, model: Model) -> Size:
    """(width, height) of the pictures of a completed request, before they are enlarged."""
    canvas = canvas_of(request, model.sampling.size, model.multiple)
    if canvas is None or canvas.mask is None:
        return given(request.size)
    return canvas.picture.size


def check_room(size: Size, model: Model) -> None:
    """Raises RequestError for a (width, height) that is too large to be painted over at once."""
    width, height = size
    own = model.sampling.size
    if width * height > TAKEN * math.prod(own):
        raise RequestError(
            f"{width}x{height} pixels are too many to refine: this model was trained at "
            f"{own[0]}x{own[1]}, and at most {TAKEN} times as many pixels are painted at once"
        )
