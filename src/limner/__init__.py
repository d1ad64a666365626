"""Limner paints pictures from words, with models that can be read, taken apart and trained.

>>> import limner
>>> painter = limner.load()  # the shipped model, or the path of another
>>> result = painter.paint(limner.Request(prompt="a red apple, 3d", seed=7))
>>> result.images[0].save("apple.png")  # PIL, RGBA
>>> result.request  # what was asked, with every default filled in
>>> limner.load_upscaler().upscale("apple.png", 4)  # larger, tile by tile
>>> limner.prompt.parse("a (red:1.3) apple")  # what a prompt means
Tree(a1111, [Text('a '), Weight(1.3, [Text('red')]), Text(' apple')])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from limner import errors
from limner.version import __version__

if TYPE_CHECKING:
    from limner import prompt
    from limner.loading import load, load_upscaler
    from limner.pipeline import (
        Enlarger,
        Painter,
        Region,
        Request,
        Result,
        Step,
        Upscaling,
    )

__all__ = [
    "Enlarger",
    "Painter",
    "Region",
    "Request",
    "Result",
    "Step",
    "Upscaling",
    "__version__",
    "errors",
    "load",
    "load_upscaler",
    "prompt",
]

_FROM_LOADING = frozenset({"load", "load_upscaler"})
_FROM_PIPELINE = frozenset(__all__) - _FROM_LOADING - {"__version__", "errors", "prompt"}


def __getattr__(name: str) -> Any:
    """All but the errors is imported when first asked for (PEP 562)."""
    if name == "prompt":
        return import_module("limner.prompt")
    if name in _FROM_LOADING:
        return getattr(import_module("limner.loading"), name)
    if name not in _FROM_PIPELINE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from limner import pipeline

    return getattr(pipeline, name)


def __dir__() -> list[str]:
    return sorted(__all__)
