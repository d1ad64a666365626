"""From a request to a result: the one composition for painting."""

from limner.pipeline.loading import load
from limner.pipeline.painter import Painter, Result, Step
from limner.pipeline.request import Request

__all__ = ["Painter", "Request", "Result", "Step", "load"]
