"""From the last letter to the picture: how long somebody who types waits for the page.

    python bench/page.py                       # 50 letters, the shipped model, Debian's Chromium

`limner serve` runs as a process of its own, and a headless Chromium types one letter more or less
at a time, each once the picture of the last is there. Clocked in the page itself, from the input
event to the load of the picture of exactly that text.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

WATCH = """() => {
  window.typed = new Map();
  window.took = new Map();
  document.addEventListener("input", (event) => {
    if (event.target.tagName === "TEXTAREA") typed.set(event.target.value, performance.now());
  }, true);
  document.addEventListener("load", ({ target }) => {
    if (target.alt && typed.has(target.alt) && !took.has(target.alt)) {
      took.set(target.alt, performance.now() - typed.get(target.alt));
    }
  }, true);
}"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_ready(url: str) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server did not get ready")


def typed(page: Page, head: str, letters: int) -> list[float]:
    """Seconds from each letter to its picture."""
    page.fill("textarea", head)
    page.wait_for_timeout(3000)
    page.evaluate(WATCH)
    page.focus("textarea")
    page.keyboard.press("End")
    found, text = [], head
    for number in range(letters):
        text += "abcdefghijklmnopqrstuvwxyz"[number % 26]
        page.keyboard.type(text[-1])
        until = time.monotonic() + 120
        while (took := page.evaluate("text => took.get(text) ?? null", text)) is None:
            assert time.monotonic() < until, f"no picture of {text!r}"
            page.wait_for_timeout(10)
        found.append(took / 1000)
        if number % 8 == 7:  # the words stay few
            page.fill("textarea", head)
            page.wait_for_timeout(1500)
            text = head
            page.evaluate("() => { typed.clear(); took.clear(); }")
            page.keyboard.press("End")
    return found


@contextmanager
def served() -> Iterator[tuple[Browser, str]]:
    """A headless Chromium, and where a `limner serve` of its own listens."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with tempfile.TemporaryDirectory() as state, sync_playwright() as playwright:
        command = [sys.executable, "-m", "limner", "serve", "--port", str(port), "--state", state]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_ready(url)
            chromium = shutil.which("chromium")
            yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]), url
        finally:
            server.terminate()
            server.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--letters", type=int, default=50)
    parser.add_argument("--prompts", nargs="+", default=["a red apple ", "a cat left of a dog "])
    options = parser.parse_args()
    with served() as (browser, url):
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector(".stage img", timeout=120_000)
        for head in options.prompts:
            found = sorted(typed(page, head, options.letters))
            p95 = found[int(0.95 * (len(found) - 1))]
            load = os.getloadavg()[0]
            print(
                f"{head!r}: median {statistics.median(found):.2f} s, p95 {p95:.2f} s of "
                f"{len(found)}; load of the machine {load:.1f}"
            )


if __name__ == "__main__":
    main()
