"""Changes of a picture that need more than the model alone: its style, its size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import FEW, Visit, needs_browser
from running import Running, serving

import limner
from limner.emoji.shipped import RESTYLING
from limner.server.models import Shelf

pytestmark = needs_browser


@pytest.fixture(scope="module")
def server(tiny_model: Path, restyling_model: Path, tiny_upscaler: Path) -> Iterator[Running]:
    """A server with a model that restyles, and an upscaler."""

    def shelf(path: Path) -> Shelf[limner.Painter]:
        load = lambda: limner.load(path, device="cpu", upscaler=tiny_upscaler)  # noqa: E731
        return Shelf(load=load, size=1)

    shelves = {"tiny": shelf(tiny_model), RESTYLING: shelf(restyling_model)}
    with serving(tiny_model, shelves=shelves) as running:
        yield running


def changed(visit: Visit, way: str) -> Any:
    """The pixels of a staged change, asked for by keys."""
    page = visit.page
    page.get_by_role("button", name=way).press("Enter")
    visit.looked_at("limner-tools", FEW)
    page.get_by_role("button", name="Change it").press("Enter")
    page.wait_for_selector("figure")
    return visit.pixels("figure:last-of-type img")


def test_a_picture_is_enlarged_and_restyled_and_kept_when_taken(painted: Visit) -> None:
    page = painted.page
    before = painted.pixels(".seeing .stage img")
    page.get_by_role("tab", name="Change").press("Enter")
    page.get_by_role("button", name="Its size").click()
    page.get_by_label("Times as wide and high").select_option("2")
    larger = changed(painted, "Its size")
    assert larger.shape[:2] == tuple(2 * side for side in before.shape[:2])
    page.get_by_role("button", name="Discard").press("Enter")
    page.get_by_role("button", name="Its style").press("Enter")
    page.get_by_label("Drawn as").select_option("3d")
    restyled = changed(painted, "Its style")
    assert restyled.shape[:2] == before.shape[:2]
    assert not np.array_equal(restyled, before)
    assert page.locator(".pictures li").count() == 1
    page.get_by_role("button", name="Take it").press("Enter")
    painted.until("document.querySelectorAll('.pictures li').length === 2")
    assert np.array_equal(painted.pixels(".seeing .stage img"), restyled)
