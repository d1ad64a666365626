"""The page with the shipped model: a word's heat map lies on what it painted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from browsing import Visit, needs_browser
from running import serving

from limner.server.running import Options, prepared

pytestmark = needs_browser


def centre(values: np.ndarray) -> tuple[float, float]:
    """(across, down) of the middle of what values (H, W) weigh, 0 to 1 each."""
    down, across = (np.arange(side) + 0.5 for side in values.shape)
    weight = values.sum()
    column, row = (values.sum(0) * across).sum(), (values.sum(1) * down).sum()
    return column / weight / values.shape[1], row / weight / values.shape[0]


def test_the_centre_of_a_map_lies_on_its_thing(chromium: Any, tiny_model: Path) -> None:
    context = chromium.new_context()
    with serving(tiny_model, models=prepared(Options(device="cpu")).models) as server:
        visit = Visit(context.new_page(), server.url)
        visit.begin("/#prompt=a+red+apple+left+of+a+dog%2C+3d&seed=7&steps=6")
        visit.paint()
        opaque = visit.pixels(".stage img")[..., 3] > 127
        half = opaque.shape[1] // 2
        for word, (first, last) in {"apple": (0, half), "dog": (half, 2 * half)}.items():
            visit.page.locator(".chip", has_text=word).hover()
            visit.until(f"document.querySelector('.heard').textContent.includes('“{word}”')")
            across, down = centre(visit.masked(".stage canvas").astype(float))
            rows, columns = np.nonzero(opaque[:, first:last])
            assert columns.min() + first < across * opaque.shape[1] < columns.max() + first
            assert rows.min() < down * opaque.shape[0] < rows.max()
        visit.check()
        context.close()
