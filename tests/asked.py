"""What a painting asks its engine for."""

from __future__ import annotations

import pytest
import torch

from limner.engine.asks import Denoise
from limner.pipeline import Painter, Request


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
