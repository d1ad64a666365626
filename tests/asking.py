"""What a request comes to in a painter, one stage by itself."""

from __future__ import annotations

import pytest
import torch

from limner.engine.asks import Denoise
from limner.engine.driver import advanced
from limner.engine.looking import encoded
from limner.pipeline import Painter, Request
from limner.pipeline.canvas import canvas_of
from limner.pipeline.planning import plan
from limner.pipeline.scene import Told
from limner.pipeline.script import read
from limner.types import Latent


def told(painter: Painter, request: Request) -> Told:
    """What a request says over the steps."""
    reading = read(plan(request, painter.model), ())
    (answer,) = painter.engine.answer([advanced(reading, None)])
    return advanced(reading, answer).value


def latent_of(painter: Painter, request: Request) -> Latent:
    """The latent of the picture that a completed request paints over."""
    canvas = canvas_of(request, painter.parts.sampling.size, painter.model.multiple)
    return encoded(painter.parts.autoencoder, canvas.pixels(painter.model.channels))


def asked(painter: Painter, request: Request, monkeypatch: pytest.MonkeyPatch) -> list[Denoise]:
    """What a painting asks to denoise."""
    found: list[Denoise] = []
    own = painter.engine.denoise

    def noting(asks: list[Denoise]) -> list[torch.Tensor]:
        found.extend(asks)
        return own(asks)

    with monkeypatch.context() as patch:
        patch.setattr(painter.engine, "denoise", noting)
        painter.paint(request)
    return found
