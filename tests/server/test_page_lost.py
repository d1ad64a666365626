"""The page and a server that goes: it says so, and goes on once there is one again."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from browsing import FEW, Visit, needs_browser
from running import serving

from limner.server.store import Store

pytestmark = needs_browser
LOST = "The server does not answer"


def begun(visit: Visit) -> None:
    """A painting that takes its time."""
    page = visit.page
    page.locator("summary").first.click()
    page.get_by_role("spinbutton", name="Steps").fill("1000")
    page.get_by_role("spinbutton", name="Steps").press("Enter")
    page.keyboard.press("Control+Enter")
    visit.until("document.querySelector('.queue progress')?.value > 0")


def test_a_reload_in_the_middle_goes_on(visit: Visit) -> None:
    page = visit.page
    begun(visit)
    before = page.evaluate("document.querySelector('.queue progress').value")
    page.reload()
    visit.until(f"document.querySelector('.queue progress')?.value > {before}")
    visit.looked_at("limner-queue", FEW)
    page.keyboard.press("Escape")
    page.wait_for_selector(".queue progress", state="detached")
    assert page.locator(".status").inner_text() == "Cancelled."


def test_a_net_that_is_gone_is_told_and_found_again(visit: Visit) -> None:
    visit.expected = ("Failed to load resource: net::ERR_INTERNET_DISCONNECTED",)
    page = visit.page
    page.context.set_offline(True)
    page.fill("textarea", "a cat")
    visit.until(f"document.body.textContent.includes('{LOST}')")
    page.context.set_offline(False)
    page.fill("textarea", "a cat and")
    visit.until("document.querySelector('.stage img').alt === 'a cat and'")
    assert "does not answer" not in page.locator("body").inner_text()


def test_a_server_that_dies_is_told_and_found_again(
    chromium: Any, tiny_model: Path, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = chromium.new_context()
    visit = Visit(context.new_page(), f"http://127.0.0.1:{port}")
    page = visit.page
    with serving(tiny_model, port=port, store=Store(tmp_path / "jobs.sqlite")):
        visit.begin("/#prompt=a+red+apple&seed=7")
        page.wait_for_selector(".stage img[data-live=true]")
        begun(visit)
        visit.expected = ("Failed to load resource: ", "Fetch")
    visit.until(f"document.querySelector('.status').textContent.includes('{LOST}')")
    page.fill("textarea", "a cat")
    visit.until(f"document.querySelector('.actions + .failed').textContent.includes('{LOST}')")
    visit.looked_at(looks=FEW)
    with serving(tiny_model, port=port, store=Store(tmp_path / "jobs.sqlite")):
        page.wait_for_selector(".queue progress", state="detached")  # it ended with the server
        assert LOST not in page.locator(".status").inner_text()
        page.fill("textarea", "a cat and")
        visit.until("document.querySelector('.stage img').alt === 'a cat and'")
        assert page.locator(".actions + .failed").inner_text() == ""
        context.close()
    visit.check()
