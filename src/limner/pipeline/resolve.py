"""A request with every default given. Pure: no network is called."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import NamedTuple

from limner.diffusion.solvers import SOLVERS
from limner.errors import RequestError
from limner.pipeline.enlarging import fit_for_enlarging, is_enlarged, may_be_collage, size_notes
from limner.pipeline.features import used
from limner.pipeline.model import Model
from limner.pipeline.plan import given
from limner.pipeline.request import COLLAGE, Request
from limner.pipeline.saying import said
from limner.pipeline.sizes import Size, nearest
from limner.pipeline.words import warnings
from limner.text.dialect import Dialect
from limner.text.weighted import NATIVE

MOST_PIXELS = 2**27  # of all pictures of a request: 2 GB of RGBA in fp32


class Resolved(NamedTuple):
    """A request with every default given. notes: what the person should know of its reading."""

    request: Request
    notes: tuple[str, ...] = ()


def resolve(request: Request, model: Model) -> Resolved:
    """The request with the model's defaults; RequestError for what it cannot paint.

    What comes of it is resolved as itself.
    """
    own = model.sampling
    enlarged, asked = is_enlarged(request, model), request.size
    if model.adapters.embedding_folder is not None:
        model.adapters.learn(*said(request, own))
    request, notes = read(request, model)
    if asked is not None:
        request = fit_for_enlarging(request, model)
    for feature in used(request, model):
        request = feature.complete(request, model)
    texts = partial(said, request, own)
    request = model.adapters.complete(request, texts)
    few = model.adapters.few_steps(request)
    if few is not None:
        own = few.of(own)
        notes = (*notes, f"a LoRA is for few steps: {few.told(own)}")
    request = request.with_defaults(
        seed=secrets.randbelow(2**32),
        dialect=own.dialect,
        size=own.size,
        upscale=own.upscale if enlarged else None,
        steps=own.steps,
        guidance=own.guidance,
        solver=own.solver,
        schedule=own.schedule,
        clip_skip=own.clip_skip,
    )
    request = request.with_defaults(weighting=_weighting(given(request.dialect), model))
    if request.variation_strength > 0:
        request = request.with_defaults(variation_seed=secrets.randbelow(2**32))
    if request.layout != COLLAGE:
        _check_size(given(request.size), model.multiple)
    if SOLVERS[given(request.solver)].adaptive and request.count > 1:
        raise RequestError(
            f"solver {request.solver!r} chooses its steps for one picture, and count is "
            f"{request.count}: count 1 is right, with a seed for each"
        )
    _check_pixels(given(request.size), request.upscale or 1, request.count)
    return Resolved(request, (*notes, *size_notes(asked, request, model)))


def read(request: Request, model: Model) -> Resolved:
    """The prompt and the regions' texts in the model's own words, where it brings a language.

    A prompt in another dialect than the model's own, one for a picture that is given, and the
    ground of regions, is read as one text for all of the picture; so is the text of a region. Those
    of a collage are read when each is painted.
    """
    regions = request.regions or ()
    if request.layout == COLLAGE:
        return Resolved(request)
    if model.language is None:
        texts = (request.prompt, *(region.text for region in regions))
        told = (warnings(model.words, text, model.adapters.embeddings) for text in texts)
        return Resolved(request, tuple(chain.from_iterable(told)))
    own = request.dialect in (None, model.sampling.dialect)
    whole = not own or any(
        wish is not None for wish in (request.picture, request.content, request.style)
    )
    kept = (*model.adapters.embeddings, *(request.maps or {}))
    read_one = partial(model.language.read, kept=kept)
    reading = read_one(
        request.prompt, whole=whole or bool(regions), collages=may_be_collage(request)
    )
    parts = [read_one(region.text, whole=True) for region in regions]
    request = replace(
        request,
        prompt=reading.prompt,
        regions=tuple(replace(r, text=p.prompt) for r, p in zip(regions, parts, strict=True))
        or reading.regions
        or None,
    ).with_defaults(layout=reading.layout, ground=reading.ground)
    if reading.layout == COLLAGE:
        request = request.with_defaults(size=_canvas(reading.canvas, model))
    notes = chain(reading.notes, *(part.notes for part in parts))
    return Resolved(request, tuple(dict.fromkeys(notes)))


def _canvas(parts: tuple[float, float], model: Model) -> Size:
    """So many widths and heights of the model's own pictures, in whole multiples."""
    width, height = model.sampling.size
    size = round(width * parts[0]), round(height * parts[1])
    return nearest(size, model.multiple)


def _weighting(dialect: str, model: Model) -> str:
    """What a weight does by default: what the model says of its own dialect, or the native."""
    own = model.sampling
    if own.weighting is not None and dialect == own.dialect:
        return own.weighting
    return NATIVE[Dialect(dialect)].value


def _check_pixels(size: tuple[int, int], by: int, count: int) -> None:
    width, height = size[0] * by, size[1] * by
    most = max(1, MOST_PIXELS // (width * height))
    if count > most:
        raise RequestError(
            f"{count} pictures of {width}x{height} are too many at once: at most {most} of this "
            "size are right"
        )


def _check_size(size: tuple[int, int], multiple: int) -> None:
    width, height = size
    if width % multiple or height % multiple:
        fits = nearest((width, height), multiple)
        raise RequestError(
            f"size {width}x{height} does not fit this model: multiples of {multiple} "
            f"are right, such as {fits[0]}x{fits[1]}"
        )
