"""Servers on the tiny model, one for all tests that change nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from browsing import Visit, browser
from running import ANN, BOB, Running, serving

from limner.server.keys import Keys

ASKED = "/#prompt=a+red+apple&seed=7&steps=4"


@pytest.fixture(scope="session")
def server(tiny_model: Path) -> Iterator[Running]:
    """A server that asks for no key."""
    with serving(tiny_model) as running:
        yield running


@pytest.fixture(scope="session")
def keyed(tiny_model: Path) -> Iterator[Running]:
    """A server with two owners, ann and bob."""
    with serving(tiny_model, keys=Keys({"ann": ANN, "bob": BOB})) as running:
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser; of a module: as long as it runs, no test beside it can run an event loop."""
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def tab(chromium: Any, server: Running) -> Iterator[Visit]:
    """The page's window, which all tests of a module open anew."""
    context = chromium.new_context()
    yield Visit(context.new_page(), server.url)
    context.close()


@pytest.fixture
def visit(tab: Visit) -> Iterator[Visit]:
    """The page, painted on already as one types; nothing may go wrong on it."""
    tab.begin(ASKED)
    tab.page.wait_for_selector(".stage img[data-live=true]")
    yield tab
    tab.check()


@pytest.fixture
def painted(tab: Visit) -> Iterator[Visit]:
    """The page with a picture painted in full; nothing may go wrong on it."""
    tab.begin(ASKED)
    tab.paint()
    yield tab
    tab.check()


@pytest.fixture(scope="module")
def gallery(chromium: Any, server: Running) -> Iterator[Visit]:
    """What `shown` is, for all tests of a module."""
    context = chromium.new_context()
    found = Visit(context.new_page(), server.url)
    found.begin(ASKED)
    found.paint()
    yield found
    context.close()


@pytest.fixture
def shown(gallery: Visit) -> Iterator[Visit]:
    """A picture painted in full, for tests that leave the page as it was."""
    yield gallery
    gallery.check()
