"""A real browser for tests of the page: Debian's Chromium, led by Playwright.

A module has one browser: the fixtures are in `conftest.py`, and ask for what is here.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
WANTED = os.environ.get("LIMNER_BROWSER", "")  # 1: there must be one; 0: none is to be tried
HAS_BROWSER = WANTED != "0" and CHROMIUM is not None and find_spec("playwright") is not None
REASON = "no browser: `apt-get install chromium` and `pip install playwright` bring one"
needs_browser = pytest.mark.skipif(not HAS_BROWSER, reason=REASON)
AXE = Path(__file__).parent / "axe" / "axe.min.js"
PATIENCE = 60.0  # seconds for which something is waited for, on a busy machine too
SIZE: Any = {"width": 1100, "height": 900}
LOOKS: list[tuple[Any, int]] = [("light", 1100), ("dark", 1100), ("light", 320), ("dark", 320)]
"""Theme and width that every state is looked at in."""
FEW = LOOKS[1:3]
"""Both themes and both widths, for what stands on a page that was looked at whole."""
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]  # whose emulation costs time
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield found
        found.close()


@dataclass
class Visit:
    """A page on a server, and what went wrong on it: errors, CSP's refusals, foreign requests."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._asked)

    def begin(self, path: str = "/") -> None:
        """Open the page as somebody does who was never there."""
        page = self.page
        page.goto("about:blank")
        origin = page.context.new_cdp_session(page)
        origin.send("Storage.clearDataForOrigin", {"origin": self.url, "storageTypes": "all"})
        page.context.set_offline(False)
        page.emulate_media(color_scheme="light", reduced_motion="reduce", forced_colors="none")
        page.set_viewport_size(SIZE)
        page.mouse.move(0, 0)
        self.wrong, self.expected = [], ()
        page.goto(self.url + path)
        page.wait_for_selector("textarea")

    def paint(self) -> None:
        """Have the prompt painted at full steps, by keys, and kept."""
        kept = self.page.locator(".pictures li").count()
        self.page.keyboard.press("Control+Enter")
        self.until(f"document.querySelectorAll('.pictures li').length === {kept + 1}")

    def tool(self, name: str) -> None:
        """Have a tool chosen among the tabs, which a second click would close."""
        tab = self.page.get_by_role("tab", name=name)
        if tab.get_attribute("aria-selected") != "true":
            tab.click()

    def check(self) -> None:
        """That nothing went wrong but what a test provoked (`expected`)."""
        assert [each for each in self.wrong if not each.startswith(self.expected or "\0")] == []

    def until(self, script: str, seconds: float = PATIENCE) -> None:
        """Wait until a script is true; the page's own rules forbid that it waits by itself."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(script):
            assert time.monotonic() < end, script
            self.page.wait_for_timeout(50)

    def axe(self, within: str = "html") -> list[str]:
        """What axe finds in a part of the page against WCAG 2.2 A and AA: rule and place."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text("utf-8"))
        options = {"runOnly": LEVELS, "resultTypes": ["violations"]}
        found: Any = self.page.evaluate("asked => axe.run(...asked)", [within, options])
        return [
            f"{each['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def looked_at(self, within: str = "html", looks: Sequence[tuple[Any, int]] = LOOKS) -> None:
        """No violation in both themes, wide and narrow, and no scrolling to the side."""
        for theme, width in looks:
            self.page.emulate_media(color_scheme=theme)
            self.page.set_viewport_size({"width": width, "height": 900})
            assert self.axe(within) == []
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(SIZE)

    def file(self, source: str) -> bytes:
        """The bytes of what an img shows."""
        answer = self.page.request.get(self.url + source)
        assert answer.ok
        return answer.body()

    def pixels(self, place: str) -> np.ndarray:
        """The pixels of an img."""
        source = self.page.locator(place).get_attribute("src") or ""
        return np.asarray(Image.open(io.BytesIO(self.file(source))))

    def masked(self, place: str) -> np.ndarray:
        """How opaque the pixels of a canvas are, 0 to 255: (H, W)."""
        drawn: Any = self.page.evaluate(
            "place => { const canvas = document.querySelector(place);"
            "const { width, height } = canvas;"
            "const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);"
            "return [height, width, [...data].filter((value, index) => index % 4 === 3)] }",
            place,
        )
        height, width, values = drawn
        return np.array(values).reshape(height, width)

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.wrong.append(f"foreign: {request.url}")
