"""A collage: each region painted by itself, whole, and its picture laid in its place.

What a model paints well alone it may paint badly beside others, small, or in a colour that it was
not taught. Here nothing is asked of it but single things: where each stands is said by its box, its
colour is turned afterwards (`data.colours`), and what lies behind is drawn (`features.ground`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from PIL import Image

from limner.data.colours import Colour, seen_in
from limner.data.pixels import from_picture, to_picture
from limner.engine.asks import Decode, Denoise, Encode, Enlarge, Look, Step
from limner.errors import RequestError
from limner.explain.heatmaps import AttentionMaps
from limner.explain.laid import Box, LaidMaps, Place
from limner.generators import answered
from limner.pipeline.features.regions import in_pixels
from limner.pipeline.model import Model
from limner.pipeline.paint import Painting, paint, warned
from limner.pipeline.plan import Feature, Plan, given
from limner.pipeline.regions import Region
from limner.pipeline.request import Request
from limner.pipeline.result import Clock, Result
from limner.pipeline.together import together

LANCZOS = Image.Resampling.LANCZOS
NOT_OF_PARTS = ("picture", "content", "mask", "extend", "start_noise")
SEEN = 16  # the opacity, of 255, from which a pixel belongs to a thing
GROWN = 1.25  # a thing fills its box, but is at most so much larger than with the room it left
STAGES: Mapping[type, str] = {
    Encode: "text",
    Look: "look",
    Denoise: "denoise",
    Step: "denoise",
    Decode: "decode",
    Enlarge: "upscale",
}
"""Ask or step -> the stage that it takes time of."""


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
    _parts: dict[str, Plan] = field(default_factory=dict, init=False, repr=False)

    def calls(self, plan: Plan) -> int | None:
        """Those of the longest of its parts, which go side by side, in place of the plan's own."""
        totals = [part.total for part in self.parts(plan).values()]
        known = [total for total in totals if total is not None]
        whole = len(known) == len(totals) and plan.calls is not None
        return max(known) - (plan.calls or 0) if whole else None

    def painting(self, plan: Plan) -> Painting:
        """The pictures of all parts, and what is laid of them."""
        clock, parts = Clock(), self.parts(plan)
        texts, paintings = tuple(parts), [paint(part) for part in parts.values()]
        painting = together(paintings, lambda seen: self._seen(seen, texts, plan))
        # The parts' own clocks run side by side: each has counted the others' seconds too.
        results = yield from answered(painting, lambda said: clock.lap(STAGES[type(said)]))
        larger = plan.request.upscale or 1
        laid = [
            self.laid(dict(zip(texts, pictures, strict=True)), plan, larger)
            for pictures in zip(*(result.images for result in results), strict=True)
        ]
        clock.lap("lay")
        notes = (note for result in results for note in result.warnings)
        return Result(
            images=[picture for picture, _ in laid],
            latents=torch.cat([result.latents for result in results]),
            request=plan.request,
            seeds=plan.seeds,
            timings=clock.seconds,
            warnings=tuple(dict.fromkeys((*warned(plan, [self]), *notes))),
            attention=_maps(results, [places for _, places in laid], plan),
        )

    def parts(self, plan: Plan) -> dict[str, Plan]:
        """Text -> what paints it alone, in the model's own size; regions of one text share it.

        Planned once, with the whole, whose calls are counted by them: each has on what later
        requests had by default then.
        """
        if not self._parts:
            alone = replace(
                plan.request,
                layout=None,
                regions=None,
                ground=None,
                embeddings=None,
                size=plan.model.sampling.size,
            )
            texts = dict.fromkeys(region.text for region in self.regions)
            self._parts.update({text: plan.again(replace(alone, prompt=text)) for text in texts})
        return self._parts

    def laid(
        self, pictures: Mapping[str, Image.Image], plan: Plan, larger: int
    ) -> tuple[Image.Image, tuple[Place, ...]]:
        """The pictures of texts in their regions, on so many times the size, and where they lie."""
        size, texts = given(plan.request.size), list(pictures)
        canvas = Image.new("RGBA", (size[0] * larger, size[1] * larger))
        boxes = [_larger(in_pixels(given(r.box), size), larger) for r in self.regions]
        places = []
        for region, box in zip(self.regions, boxes, strict=True):
            picture = _turned(pictures[region.text], region.colour)
            carries = any(_stands_on(other, box) for other in boxes)
            shown, there = lay(picture, box, canvas, carries=carries)
            places.append(
                Place(
                    number=texts.index(region.text),
                    shown=_in_parts(shown, picture.size),
                    box=_in_parts(there, canvas.size),
                )
            )
        return canvas, tuple(places)

    def _seen(
        self, seen: Sequence[Sequence[Image.Image]], texts: Sequence[str], plan: Plan
    ) -> list[Image.Image]:
        """What is laid of the parts' pictures at a step."""
        every = (dict(zip(texts, pictures, strict=True)) for pictures in zip(*seen, strict=True))
        return [self.laid(pictures, plan, 1)[0] for pictures in every]


def _maps(
    results: Sequence[Result], places: Sequence[tuple[Place, ...]], plan: Plan
) -> LaidMaps | None:
    """The attention of all parts where they lie, if it was recorded."""
    parts = [result.attention for result in results]
    known = tuple(part for part in parts if isinstance(part, AttentionMaps))
    if len(known) < len(parts):
        return None
    _, height, width = plan.shape
    return LaidMaps(parts=known, places=tuple(places), size=(height, width))


def lay(picture: Image.Image, box: Box, canvas: Image.Image, *, carries: bool) -> tuple[Box, Box]:
    """Put what a picture shows into a box, standing on its lower edge; where both are.

    Where it carries something it reaches up to the upper edge. Into the box that is all of the
    canvas it comes with the room that it has round it. All boxes are (x, y, width, height) in
    pixels: of the picture what is shown, of the canvas where that lies.
    """
    left, top, width, height = box
    alone = (width, height) == canvas.size
    room = min(width / picture.width, height / picture.height)
    seen = None
    if not alone:
        seen = picture.getchannel("A").point(lambda opacity: 255 * (opacity >= SEEN)).getbbox()
    x1, y1, x2, y2 = seen or (0, 0, *picture.size)
    scale = min(width / (x2 - x1), height / (y2 - y1))
    scale = scale if alone else min(scale, GROWN * room)
    size = max(1, round(scale * (x2 - x1))), max(1, round(scale * (y2 - y1)))
    x = round(left + (width - size[0]) / 2)
    y = round(top + (0 if carries else height - size[1]))
    layer = Image.new("RGBA", canvas.size)
    layer.paste(picture.crop((x1, y1, x2, y2)).resize(size, LANCZOS), (x, y))
    canvas.alpha_composite(layer)
    shown = float(x1), float(y1), float(x2 - x1), float(y2 - y1)
    return shown, (float(x), float(y), float(size[0]), float(size[1]))


def _larger(box: Box, times: int) -> Box:
    x, y, width, height = box
    return x * times, y * times, width * times, height * times


def _in_parts(box: Box, size: tuple[int, int]) -> Box:
    x, y, width, height = box
    return x / size[0], y / size[1], width / size[0], height / size[1]


def _stands_on(upper: Box, lower: Box) -> bool:
    """Whether one box begins above another, and ends in its upper half."""
    bottom = upper[1] + upper[3]
    ends = upper[1] < lower[1] < bottom < lower[1] + lower[3] / 2
    return ends and upper[0] < lower[0] + lower[2] and lower[0] < upper[0] + upper[2]


def _turned(picture: Image.Image, colour: str | None) -> Image.Image:
    """The picture with its main part in a colour."""
    if colour is None:
        return picture
    return to_picture(seen_in(from_picture(picture), Colour(colour)))
