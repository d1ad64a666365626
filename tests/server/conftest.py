"""Servers on the tiny model, one for all tests that change nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from running import ANN, BOB, Running, serving

from limner.server.keys import Keys


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
