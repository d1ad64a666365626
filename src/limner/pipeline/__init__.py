"""From a request to a result: the one composition for painting."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limner.engine.asks import Step
    from limner.pipeline.painter import Painter
    from limner.pipeline.regions import Region
    from limner.pipeline.request import Request
    from limner.pipeline.result import Result
    from limner.pipeline.upscaling import Enlarger, Upscaling

__all__ = [
    "Enlarger",
    "Painter",
    "Region",
    "Request",
    "Result",
    "Step",
    "Upscaling",
]

_PLACES = {
    "Enlarger": "limner.pipeline.upscaling",
    "Painter": "limner.pipeline.painter",
    "Region": "limner.pipeline.regions",
    "Request": "limner.pipeline.request",
    "Result": "limner.pipeline.result",
    "Step": "limner.engine.asks",
    "Upscaling": "limner.pipeline.upscaling",
}


def __getattr__(name: str) -> Any:
    """Each name is imported when first asked for (PEP 562): a request alone needs no torch."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
