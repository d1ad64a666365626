"""A real browser for tests of the page: Debian's Chromium, led by Playwright."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
HAS_BROWSER = CHROMIUM is not None and find_spec("playwright") is not None
REASON = "no browser: `apt-get install chromium` and `pip install playwright` bring one"
AXE = Path(__file__).parent / "axe" / "axe.min.js"
PATIENCE = 60.0  # seconds for which something is waited for, on a busy machine too
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@dataclass
class Visit:
    """A page on a server, and what went wrong on it: errors, CSP's refusals, foreign requests."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def begin(self, path: str = "/") -> None:
        """Open the page, and wait until it has painted something."""
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._asked)
        self.page.goto(self.url + path)

    def check(self) -> None:
        """That nothing went wrong but what a test provoked (`expected`)."""
        assert [each for each in self.wrong if not each.startswith(self.expected or "\0")] == []

    def until(self, script: str, seconds: float = PATIENCE) -> None:
        """Wait until a script is true; the page's own rules forbid that it waits by itself."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(script):
            assert time.monotonic() < end, script
            self.page.wait_for_timeout(20)

    def axe(self) -> list[str]:
        """What axe finds against WCAG 2.2 A and AA: rule and place."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text("utf-8"))
        options = {"runOnly": LEVELS, "resultTypes": ["violations"]}
        found: Any = self.page.evaluate("options => axe.run(options)", options)
        return [
            f"{each['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.wrong.append(f"foreign: {request.url}")
