"""Larger than a model paints: what was painted is enlarged, and where asked painted over again.

Painting over at the new size draws what the small picture had no room for; others call it hires
fix.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from limner.data.pixels import flatten
from limner.errors import RequestError
from limner.pipeline.canvas import Size, canvas_of
from limner.pipeline.masks import extended
from limner.pipeline.pictures import eight_bit
from limner.pipeline.request import Request
from limner.pipeline.result import Clock, Result, Step
from limner.pipeline.upscaling import Enlarger, enlarged_size, load_upscaler

if TYPE_CHECKING:
    from limner.pipeline.painter import Painter

KEPT = (
    "prompt", "negative", "dialect", "weighting", "lenient", "maps", "loras", "embeddings",
    "guidance", "guidance_rescale", "steps", "solver", "schedule", "eta", "clip_skip", "noise",
)  # fmt: skip
"""What painting over has in common with the first painting."""

STRENGTH = 0.3  # of painting over, where none is asked for
TAKEN = 16  # so many times the pixels that a model was trained at are painted over at once


def enlarged(painter: Painter, request: Request) -> Generator[Step, None, Result]:
    """Paint a completed request that asks for `upscale`; the result's latents are those before."""
    plain, by = replace(request, upscale=None, refine=None), request.upscale or 1
    size = enlarged_size(size_of(painter, request), by)
    over = None if request.refine is None else painting_over(painter, request, size)
    calls = painter.calls(plain), 0 if over is None else painter.calls(over)
    total = calls[0] + request.count * calls[1]
    enlarger = enlarger_of(painter)
    result = yield from counted(painter.steps(plain), 0, total)
    clock, images, warnings = Clock(), list[Image.Image](), dict.fromkeys(result.warnings)
    for index, (image, seed) in enumerate(zip(result.images, result.seeds, strict=True)):
        with clock.stage(f"upscale {index + 1}"):
            larger = enlarger.upscale(image, by, seed=seed)
        if over is not None:
            with clock.stage(f"refine {index + 1}"):
                steps = refined(painter, larger, replace(over, seed=seed))
                finished = yield from counted(steps, calls[0] + index * calls[1], total)
            larger = finished.images[0]
            warnings |= dict.fromkeys(finished.warnings)
        images.append(larger)
    return replace(
        result,
        images=images,
        request=request,
        timings=result.timings | clock.seconds,
        warnings=tuple(warnings),
    )


def painting_over(painter: Painter, request: Request, size: Size) -> Request:
    """What a completed request asks of each enlarged picture: the same words, a picture alone.

    Raises RequestError where pictures of that (width, height) are too large to be painted at once.
    """
    check_room(painter, size)
    same = {name: getattr(request, name) for name in KEPT}
    return Request(**same, strength=request.refine)


def size_of(painter: Painter, request: Request) -> Size:
    """(width, height) of the pictures of a completed request, before they are enlarged."""
    own = painter.parts.sampling.size
    canvas = canvas_of(request, own, painter.multiple)
    if canvas is None or canvas.mask is None:
        return request.size or own
    return canvas.picture.size


def refined(
    painter: Painter, picture: Image.Image, request: Request
) -> Generator[Step, None, Result]:
    """Paint over a picture at its own size, whatever that is; RGB stays RGB.

    The model is shown it with its edges drawn out to sides that it can take.
    """
    picture = eight_bit(picture)
    right, below = (-side % painter.multiple for side in picture.size)
    whole = picture
    if right or below:
        whole, _ = extended(picture, None, (0, 0, right, below))
    result = yield from painter.steps(replace(request, picture=whole, size=whole.size))
    images = [image.crop((0, 0, *picture.size)) for image in result.images]
    if picture.mode == "RGB":
        images = [flatten(image) for image in images]
    return replace(result, images=images)


def check_room(painter: Painter, size: Size) -> None:
    """Raises RequestError for a (width, height) that is too large to be painted over at once."""
    width, height = size
    own = painter.parts.sampling.size
    if width * height > TAKEN * math.prod(own):
        raise RequestError(
            f"{width}x{height} pixels are too many to refine: this model was trained at "
            f"{own[0]}x{own[1]}, and at most {TAKEN} times as many pixels are painted at once"
        )


def enlarger_of(painter: Painter) -> Enlarger:
    """The painter's own upscaler, or the shipped one, loaded once."""
    if painter.enlarger is None:
        painter.enlarger = load_upscaler(device=painter.device)
    return painter.enlarger


def counted(
    steps: Generator[Step, None, Result], before: int, total: int
) -> Generator[Step, None, Result]:
    """The steps of one painting as a part of several: so many are done before, in all there are."""
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            return finished.value
        yield replace(step, index=before + step.index, total=total)
