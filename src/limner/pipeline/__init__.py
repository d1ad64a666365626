"""From a request to a result: the one composition for painting."""

from limner.engine.asks import Step
from limner.pipeline.loading import load
from limner.pipeline.painter import Painter
from limner.pipeline.request import Request
from limner.pipeline.result import Result
from limner.pipeline.upscaling import Enlarger, Upscaling, load_upscaler

__all__ = [
    "Enlarger",
    "Painter",
    "Request",
    "Result",
    "Step",
    "Upscaling",
    "load",
    "load_upscaler",
]
