"""A collage: each region painted by itself, whole, and its picture laid in its place.

What a model paints well alone it may paint badly beside others, small, or in a colour that it was
not taught. Here nothing is asked of it but single things: where each stands is said by its box, its
colour is turned afterwards (`data.colours`), and what lies behind is drawn (`features.ground`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image

from limner.data.colours import Colour, recoloured
from limner.data.pixels import from_picture, to_picture
from limner.engine.asks import Ask, Step
from limner.errors import RequestError
from limner.pipeline.features.regions import in_pixels
from limner.pipeline.model import Model
from limner.pipeline.paint import paint, warned
from limner.pipeline.plan import Feature, Plan, given
from limner.pipeline.regions import Place, Region
from limner.pipeline.request import Request
from limner.pipeline.result import Result

LANCZOS = Image.Resampling.LANCZOS
Painting = Generator[Ask | Step, Any, Result]

NOT_OF_PARTS = ("picture", "content", "mask", "extend", "attention", "start_noise")
SEEN = 16  # the opacity, of 255, from which a pixel belongs to a thing
GROWN = 1.25  # a thing fills its box, but is at most so much larger than with the room it left


def complete(request: Request, model: Model) -> Request:
    """The request as it is.

    Raises RequestError where there is nothing to lay, where the model's pictures have no
    transparency, and for what goes through all of a picture.
    """
    if not request.regions:
        raise RequestError("a collage has no regions: a region, box:x,y,w,h=TEXT, is missing")
    if model.channels != 4:
        raise RequestError(
            "a collage lays transparent pictures over each other, and this model paints opaque "
            "ones: regions without a layout are right"
        )
    for name in NOT_OF_PARTS:
        if getattr(request, name) is not None:
            raise RequestError(f"a collage cannot be combined with {name}: one of the two is right")
    for number, region in enumerate(request.regions, 1):
        if region.box is None:
            raise RequestError(f"region {number} of a collage has a mask: a box is right")
    return request


def planned(request: Request, model: Model) -> Feature | None:
    return Collage(regions=given(request.regions))


@dataclass(frozen=True, kw_only=True, eq=False)
class Collage(Feature):
    """regions: what is laid, the later over the earlier ones."""

    regions: tuple[Region, ...]

    def calls(self, plan: Plan) -> int | None:
        """Those of its parts, in place of the plan's own."""
        totals = [part.total for part in self.parts(plan).values()]
        known = [total for total in totals if total is not None]
        whole = len(known) == len(totals) and plan.calls is not None
        return sum(known) - (plan.calls or 0) if whole else None

    def painting(self, plan: Plan) -> Painting:
        """The pictures of all parts, one after the other, and what is laid of them."""
        parts = dict[str, Result]()
        before = plan.before
        for text, part in self.parts(plan).items():
            own = paint(replace(part, before=before, total=plan.total))
            parts[text] = yield from self._watched(own, text, parts, plan)
            before += part.total or 0
        seconds = Counter[str]()
        for result in parts.values():
            seconds.update(result.timings)
        notes = dict.fromkeys(note for result in parts.values() for note in result.warnings)
        return Result(
            images=[
                self.laid({text: part.images[index] for text, part in parts.items()}, plan)
                for index in range(plan.count)
            ],
            latents=torch.cat([result.latents for result in parts.values()]),
            request=plan.request,
            seeds=plan.seeds,
            timings=dict(seconds),
            warnings=tuple(dict.fromkeys((*warned(plan, [self]), *notes))),
        )

    def parts(self, plan: Plan) -> dict[str, Plan]:
        """Text -> what paints it alone, in the model's own size; regions of one text share it."""
        alone = replace(
            plan.request,
            layout=None,
            regions=None,
            ground=None,
            embeddings=None,
            size=plan.model.sampling.size,
        )
        texts = dict.fromkeys(region.text for region in self.regions)
        return {text: plan.again(replace(alone, prompt=text)) for text in texts}

    def laid(self, pictures: Mapping[str, Image.Image], plan: Plan, larger: int = 0) -> Image.Image:
        """The pictures of texts in the places of their regions, those of none left out.

        larger: how many times the request's size it is; 0: as often as the request is enlarged.
        """
        larger, size = larger or plan.request.upscale or 1, given(plan.request.size)
        canvas = Image.new("RGBA", (size[0] * larger, size[1] * larger))
        boxes = [_larger(in_pixels(given(r.box), size), larger) for r in self.regions]
        for region, box in zip(self.regions, boxes, strict=True):
            if region.text in pictures:
                picture = _turned(pictures[region.text], region.colour)
                _lay(picture, box, canvas, carries=any(_stands_on(b, box) for b in boxes))
        return canvas

    def _watched(
        self, painting: Painting, text: str, parts: Mapping[str, Result], plan: Plan
    ) -> Painting:
        """The painting of a part, whose steps show it among those that are done."""

        def among(step: Step) -> Step:
            def pictures(pixels: torch.Tensor) -> list[Image.Image]:
                done = [{t: part.images[i] for t, part in parts.items()} for i in range(plan.count)]
                shown = zip(done, step.pictures(pixels), strict=True)
                return [self.laid({**others, text: own}, plan, larger=1) for others, own in shown]

            return replace(step, pictures=pictures)

        try:
            said = next(painting)
            while True:
                try:
                    answer = yield among(said) if isinstance(said, Step) else said
                except Exception as error:
                    said = painting.throw(error)
                else:
                    said = painting.send(answer)
        except StopIteration as finished:
            return finished.value
        finally:
            painting.close()


def _larger(box: Place, times: int) -> Place:
    x, y, width, height = box
    return x * times, y * times, width * times, height * times


def _stands_on(upper: Place, lower: Place) -> bool:
    """Whether one box begins above another, and ends in its upper half."""
    bottom = upper[1] + upper[3]
    ends = upper[1] < lower[1] < bottom < lower[1] + lower[3] / 2
    return ends and upper[0] < lower[0] + lower[2] and lower[0] < upper[0] + upper[2]


def _lay(picture: Image.Image, box: Place, canvas: Image.Image, *, carries: bool) -> None:
    """Put what a picture shows into a box, standing on its lower edge.

    Where it carries something it reaches up to the upper edge. Into the box that is all of the
    canvas it comes with the room that it has round it.
    """
    left, top, width, height = box
    alone = (width, height) == canvas.size
    room = min(width / picture.width, height / picture.height)
    if not alone:
        seen = picture.getchannel("A").point(lambda opacity: 255 * (opacity >= SEEN)).getbbox()
        picture = picture.crop(seen)
    scale = min(width / picture.width, height / picture.height)
    scale = scale if alone else min(scale, GROWN * room)
    fitted = picture.resize([max(1, round(side * scale)) for side in picture.size], LANCZOS)
    layer = Image.new("RGBA", canvas.size)
    x, y = left + (width - fitted.width) / 2, top + (0 if carries else height - fitted.height)
    layer.paste(fitted, (round(x), round(y)))
    canvas.alpha_composite(layer)


def _turned(picture: Image.Image, colour: str | None) -> Image.Image:
    """The picture with its main part in a colour."""
    if colour is None:
        return picture
    return to_picture(recoloured(from_picture(picture), Colour(colour)))
