"""A request with every default given. Pure: no network is called."""

from __future__ import annotations

import secrets

from limner.errors import RequestError
from limner.pipeline.canvas import nearest
from limner.pipeline.features import FEATURES
from limner.pipeline.model import Model
from limner.pipeline.plan import given
from limner.pipeline.request import Request
from limner.text.dialect import Dialect
from limner.text.weighted import NATIVE


def resolve(request: Request, model: Model) -> Request:
    """The request with the model's defaults; RequestError for what it cannot paint."""
    own = model.sampling
    model.adapters.learn(request.prompt, request.negative)
    for feature in FEATURES:
        request = feature.complete(request, model)
    request = model.adapters.complete(request).with_defaults(
        seed=secrets.randbelow(2**32),
        dialect=own.dialect,
        size=own.size,
        steps=own.steps,
        guidance=own.guidance,
        solver=own.solver,
        schedule=own.schedule,
        clip_skip=own.clip_skip,
    )
    request = request.with_defaults(weighting=_weighting(given(request.dialect), model))
    if request.variation_strength > 0:
        request = request.with_defaults(variation_seed=secrets.randbelow(2**32))
    _check_size(given(request.size), model.multiple)
    return request


def _weighting(dialect: str, model: Model) -> str:
    """What a weight does by default: what the model says of its own dialect, or the native."""
    own = model.sampling
    if own.weighting is not None and dialect == own.dialect:
        return own.weighting
    return NATIVE[Dialect(dialect)].value


def _check_size(size: tuple[int, int], multiple: int) -> None:
    width, height = size
    if width % multiple or height % multiple:
        fits = nearest((width, height), multiple)
        raise RequestError(
            f"size {width}x{height} does not fit this model: multiples of {multiple} "
            f"are right, such as {fits[0]}x{fits[1]}"
        )
