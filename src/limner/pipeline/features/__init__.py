"""What can be wished for beside words to a picture: one file a feature.

Each has `complete`, which gives a request the defaults of its fields and says what cannot be, and
`planned`, which gives what a completed request uses of it, or None. Only the features are visited,
and imported, that a request or its model has a use for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

from limner.pipeline.model import Model
from limner.pipeline.plan import Feature
from limner.pipeline.request import COLLAGE, Request

Use = Callable[[Request, Model], bool]
DEFAULTS = {field.name: field.default for field in fields(Request)}


@runtime_checkable
class Kind(Protocol):
    """A module of this package."""

    def complete(self, request: Request, model: Model) -> Request: ...

    def planned(self, request: Request, model: Model) -> Feature | None: ...


def gives(*names: str) -> Use:
    """Where a request gives one of these fields."""

    def use(request: Request, model: Model) -> bool:
        return any(getattr(request, name) is not DEFAULTS[name] for name in names)

    return use


def in_one(*names: str) -> Use:
    """The same, but not of a collage, whose regions are painted one by one."""
    use = gives(*names)
    return lambda request, model: request.layout != COLLAGE and use(request, model)


def shown_more(request: Request, model: Model) -> bool:
    """Where a model's denoiser takes more than the latent."""
    takes = model.parts.denoiser.config.in_channels
    return model.parts.autoencoder is not None and takes != model.space.channels


# In the order in which they act: what is recorded is what a swap attends by; what enlarges is last
# but for what is drawn at the size that it has then.
FEATURES: tuple[tuple[str, Use], ...] = (
    ("edit", gives("picture", "strength", "mask", "extend", "feather", "context")),
    ("collage", lambda request, model: request.layout == COLLAGE),
    ("layout", in_one("layout")),
    ("restyle", gives("content", "content_weight", "style", "style_weight")),
    ("regions", in_one("regions")),
    ("inpaint", shown_more),
    ("record", gives("attention")),
    ("swap", lambda request, model: ".swap(" in request.prompt),
    ("upscale", in_one("upscale", "refine")),
    ("ground", gives("ground")),
)


def used(request: Request, model: Model) -> Iterator[Kind]:
    """The features that a request has a use for."""
    for name, use in FEATURES:
        if use(request, model):
            yield cast(Kind, import_module(f"{__name__}.{name}"))
