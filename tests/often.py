"""How often a test draws: some rounds always, all of them among the slow tests."""

from __future__ import annotations

from typing import Any

import pytest


def often(some: int, all_of_them: int) -> list[Any]:
    """Two values for `parametrize`."""
    return [some, pytest.param(all_of_them, marks=[pytest.mark.slow, pytest.mark.often])]
