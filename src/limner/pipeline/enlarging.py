"""Larger or smaller than a model paints: its own size, in another, where that can be."""

from __future__ import annotations

import math
from dataclasses import replace

from limner.checkpoints.settings import Sampling
from limner.pipeline.canvas import TAKEN, sized_like
from limner.pipeline.model import Model
from limner.pipeline.plan import given
from limner.pipeline.regions import Region
from limner.pipeline.request import COLLAGE, FACTORS, Request
from limner.pipeline.sizes import Size, nearest

FAR = 3  # so many times the pixels that a model was trained at: from there on things repeat
LEAST = 0.6  # so many times those pixels: below, things are cut off or nothing comes of them
SLOPE = 1.3  # so many times wider or higher than those it was taught, a thing is drawn out


def is_enlarged(request: Request, model: Model) -> bool:
    """Whether pictures are enlarged as the model's own are: where nothing says how large they are.

    Of a picture that is given, where it is larger than the model paints; never of parts of it.
    """
    own, shown = model.sampling, request.picture or request.content
    parts = request.mask is not None or request.extend is not None
    larger = shown is None or max(shown.size) > max(own.size)
    return own.upscale > 1 and request.size is None and larger and not parts


def fit_for_enlarging(request: Request, model: Model) -> Request:
    """The request with a size that the model paints, to be enlarged to about what was asked for.

    Only where the model's own pictures are enlarged, nothing says by how much, and the size is
    larger or smaller than it paints. A collage has any size and shape; of one picture of a size or
    shape that the model was not taught one is made, where it can be. A small one that is to be
    enlarged is taken for what it would be in the end.
    """
    own = model.sampling
    if own.upscale == 1 or not _is_one_picture(request):
        return request
    times = _times(request, own)
    if request.upscale is not None:
        if request.upscale == 1 or times >= LEAST or request.layout == COLLAGE:
            return request
        width, height = (side * request.upscale for side in given(request.size))
        return fit_for_enlarging(replace(request, size=(width, height), upscale=None), model)
    if LEAST <= times <= TAKEN:
        return request
    if times < LEAST:
        return _laid(request, 1) if _is_laid(request, model) else request
    size = given(request.size)
    exact = [by for by in FACTORS if size[0] % by == size[1] % by == 0]
    if not exact:
        return request
    by = min(exact, key=lambda factor: abs(math.log(times / factor**2)))
    small = size[0] // by, size[1] // by
    paintable = small == nearest(small, model.multiple) and _is_as_taught(small, own.size)
    if request.layout == COLLAGE or paintable:
        return replace(request, size=small, upscale=by)
    if _is_laid(request, model):
        return _laid(request, by)
    shaped = sized_like((0, 0, *size), own.size, model.multiple)
    return replace(request, size=shaped, upscale=by)


def may_be_collage(request: Request) -> bool:
    """Whether nothing is asked for that goes through all of a picture."""
    asked = request.layout, request.start_noise, request.maps
    return all(each is None for each in asked)


def size_notes(asked: Size | None, request: Request, model: Model) -> tuple[str, ...]:
    """What to tell of the size of a completed request: asked, and painted."""
    own = model.sampling
    if asked is None or request.layout == COLLAGE or not _is_made_from_noise(request):
        return ()
    painted, by = given(request.size), request.upscale or 1
    made = painted[0] * by, painted[1] * by
    if painted[0] > asked[0] or painted[1] > asked[1]:
        return (
            f"{_said(asked)} is less than this model paints: {_said(painted)} is painted, "
            f"{_said(made)} with enlarging",
        )
    if painted != asked and made != asked:
        return (
            f"{_said(asked)} is more than this model paints: {_said(painted)} is painted and "
            f"enlarged to {_said(made)}; `limner upscale` enlarges a picture further",
        )
    times = _times(request, own)
    if LEAST <= times < FAR:
        return ()
    trained = f"this model was trained at {_said(own.size)}: at {_said(painted)}"
    if times < LEAST:
        return (f"{trained} things may be cut off or fall apart; its own size is right",)
    return (
        f"{trained} things may come several times or fall apart; its own size enlarged (upscale) "
        "is right",
    )


def _is_one_picture(request: Request) -> bool:
    """Whether a size was asked for, of one thing from noise or of a collage of such."""
    if request.size is None or not _is_made_from_noise(request):
        return False
    one_thing = request.layout is None and not request.regions
    return one_thing or request.layout == COLLAGE


def _is_laid(request: Request, model: Model) -> bool:
    """Whether a picture of one thing may be laid into a canvas of any size."""
    return model.channels == 4 and may_be_collage(request)


def _laid(request: Request, by: int) -> Request:
    """A collage of the one thing that is asked for, `by` times smaller than its size."""
    width, height = (side // by for side in given(request.size))
    alone = (Region(text=request.prompt, box=_square_within((width, height))),)
    return replace(request, size=(width, height), upscale=by, layout=COLLAGE, regions=alone)


def _is_made_from_noise(request: Request) -> bool:
    """Whether nothing that is given says what a picture has where."""
    shown = (request.picture, request.content, request.refine, request.start_noise)
    return all(each is None for each in shown)


def _is_as_taught(size: Size, own: Size) -> bool:
    """Whether a size is about the model's own, in extent and in shape."""
    slope = size[0] * own[1] / (size[1] * own[0])
    return 1 / SLOPE <= slope <= SLOPE and 1 <= math.prod(size) / math.prod(own) <= TAKEN


def _square_within(size: Size) -> tuple[float, float, float, float]:
    """The largest square in the middle, in parts of the width and height."""
    width, height = (min(size) / side for side in size)
    return (1 - width) / 2, (1 - height) / 2, width, height


def _times(request: Request, own: Sampling) -> float:
    """How many times the pixels that the model was trained at."""
    return math.prod(given(request.size)) / math.prod(own.size)


def _said(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
