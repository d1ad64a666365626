"""Whether there is memory for a painting, asked before it begins."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

from limner.engine.decoding import TILE, decoding_bytes
from limner.engine.eager import MOST_PLACES
from limner.engine.memory import RESERVE, denoising_bytes, free_memory, recording_bytes
from limner.errors import RequestError
from limner.pipeline.model import Model
from limner.pipeline.plan import Plan, given
from limner.pipeline.request import Request
from limner.pipeline.sizes import Size

KEPT = 8.0  # latents of every row that solver and guidance hold at once
PIXELS = 12.0  # values of the decoder's pixels: as they come, joined, and as bytes on the way


def check_memory(plan: Plan, free: int | None = None) -> None:
    """Raise RequestError where a painting would take more memory than is free.

    free: in bytes; None: what the system says, and where it says nothing, nothing is checked.
    """
    request, model = plan.request, plan.model
    free = free_memory(model.device) if free is None else free
    if free is None:
        return
    room, size, rows = RESERVE * free, given(request.size), 1 + len(plan.prompt.parts)
    wanted = painting_bytes(model, request, size, request.count, rows)
    if wanted <= room:
        return
    raise RequestError(
        f"{_said(request.count, size)} would take about {_gigabytes(wanted)} of memory, and "
        f"{_gigabytes(float(free))} are free: {_right(plan, room, rows)}"
    )


def painting_bytes(model: Model, request: Request, size: Size, count: int, rows: int) -> float:
    """About how much a request takes beside the model's weights at its largest moment.

    rows: texts that the denoiser is asked with for each picture.
    """
    if request.refine is not None:  # each picture is painted over at its new size
        width, height = (given(request.upscale) * side for side in size)
        over = replace(request, upscale=None, refine=None)
        return max(
            painting_bytes(model, over, (width, height), 1, rows),
            painting_bytes(model, replace(request, refine=None), size, count, rows),
        )
    config, space = model.parts.denoiser.config, model.space
    height, width = size[1] // space.stride, size[0] // space.stride
    itemsize = next(model.parts.denoiser.parameters()).dtype.itemsize
    at_once = min(rows * count, max(1, MOST_PLACES // max(1, height * width)))
    if request.attention is not None:
        at_once = rows * count  # such a call is not cut
    latents = 4.0 * KEPT * rows * count * space.channels * height * width
    denoising = at_once * denoising_bytes(config, (height, width), itemsize)
    if request.attention is not None:
        length = model.parts.text_encoder.config.length
        kept = recording_bytes(config, (height, width), length, heads=request.attention == "heads")
        latents += rows * count * given(request.steps) * kept
    pixels = PIXELS * model.channels * size[0] * size[1] * count * (request.upscale or 1) ** 2
    return latents + max(denoising, pixels + _decoding(model, request, (height, width)))


def _decoding(model: Model, request: Request, size: tuple[int, int]) -> float:
    """Of one picture: in tiles, where it must be; the encoder of an edit takes all of it."""
    autoencoder = model.parts.autoencoder
    if autoencoder is None:
        return 0.0
    if request.picture is None and request.content is None:
        size = min(size[0], TILE), min(size[1], TILE)
    itemsize = next(autoencoder.parameters()).dtype.itemsize
    return decoding_bytes(autoencoder.config, size, itemsize)


def _right(plan: Plan, room: float, rows: int) -> str:
    """What would go: fewer pictures of this size, else the nearest size."""
    request, model = plan.request, plan.model
    size = given(request.size)

    def fits(size: Size, count: int) -> bool:
        return painting_bytes(model, request, size, count, rows) <= room

    if fits(size, 1):
        fewer = _most(request.count, lambda count: fits(size, count))
        return f"at most {fewer} of this size are right"
    multiple = model.multiple
    sides = max(size) // multiple

    def scaled(part: int) -> Size:
        """Of the same shape, `part` multiples along the longer side."""
        width, height = (max(1, math.floor(side * part / max(size))) * multiple for side in size)
        return width, height

    part = _most(sides, lambda part: fits(scaled(part), request.count))
    if part == 0:
        return f"another machine is, or a device with more than {_gigabytes(room)}"
    return f"{'x'.join(map(str, scaled(part)))} is right"


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to a limit that fits, 0 where none does; smaller ones take less."""
    return bisect_left(range(1, limit + 1), True, key=lambda number: not fits(number))


def _said(count: int, size: Size) -> str:
    pictures = "a picture" if count == 1 else f"{count} pictures"
    return f"{pictures} of {size[0]}x{size[1]}"


def _gigabytes(number: float) -> str:
    return f"{number / 1e9:.1f} GB"
