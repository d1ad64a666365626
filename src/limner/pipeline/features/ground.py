"""What is drawn behind what was painted: a place or a colour, by rules (`data.grounds`)."""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from limner.data.colours import Colour
from limner.data.grounds import Light, Place, draw_ground
from limner.data.pixels import to_picture
from limner.engine.asks import Ask, Step
from limner.errors import RequestError
from limner.language.english import DRAWN, LIGHTS
from limner.pipeline.model import Model
from limner.pipeline.plan import Feature, given
from limner.pipeline.request import Request
from limner.pipeline.result import Result


def complete(request: Request, model: Model) -> Request:
    """The request as it is. Raises RequestError where nothing would be seen of a ground."""
    if model.channels != 4:
        raise RequestError(
            f"ground {request.ground!r} lies behind transparent pictures, and this model paints "
            "opaque ones: no ground is right, and the words for it in the prompt"
        )
    if request.picture is not None:
        raise RequestError(
            "a ground cannot be drawn behind a picture that is painted over: no ground is right"
        )
    return request


def planned(request: Request, model: Model) -> Feature | None:
    return Ground(ground=given(request.ground))


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground(Feature):
    """ground: one of `language.english.DRAWN`, as "beach at night", or a basic colour."""

    ground: str

    def finish(self, result: Result) -> Generator[Ask | Step, Any, Result]:
        """Each picture over a ground of its own, which its seed draws."""
        every = zip(result.images, result.seeds, strict=True)
        return replace(result, images=[self._behind(picture, seed) for picture, seed in every])
        yield

    def _behind(self, picture: Image.Image, seed: int) -> Image.Image:
        side, chance = max(picture.size), random.Random(seed)
        if self.ground in DRAWN:
            place, light = _in_light(self.ground)
            ground = draw_ground(place, side, chance, light=light)
        else:
            ground = draw_ground(Place.PLAIN, side, chance, Colour(self.ground))
        drawn = to_picture(ground.pixels)
        left, top = (side - picture.width) // 2, (side - picture.height) // 2
        behind = drawn.crop((left, top, left + picture.width, top + picture.height))
        return Image.alpha_composite(behind.convert("RGBA"), picture)


def _in_light(ground: str) -> tuple[Place, Light]:
    """The place, and when it is there: the night of "beach at night"."""
    for light, when in LIGHTS.items():
        if ground.endswith(f" {when}"):
            return Place(ground.removesuffix(f" {when}")), Light(light)
    return Place(ground), Light.DAY
