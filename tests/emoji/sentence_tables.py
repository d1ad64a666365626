"""Tables of sentences beside the tests."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def rows(file: str) -> list[str]:
    """The lines of a table beside the tests, without its comments."""
    lines = (HERE / file).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
