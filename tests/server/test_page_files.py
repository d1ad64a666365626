"""What the page is made of, and that a browser tried it where it must."""

from __future__ import annotations

import gzip

from browsing import HAS_BROWSER, REASON, WANTED

from limner.server.page import FILES, FOLDER


def test_the_page_is_small() -> None:
    sizes = [len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name, _ in FILES.values()]
    assert sum(sizes) < 80_000
    for name, _ in FILES.values():
        text = (FOLDER / name).read_text("utf-8")
        assert name == "lit.js" or len(text.splitlines()) < 250, name


def test_the_browser_ran_where_it_must() -> None:
    """Where LIMNER_BROWSER is 1, as in CI, there is a browser: a skip there is a failure."""
    assert HAS_BROWSER or WANTED != "1", REASON
