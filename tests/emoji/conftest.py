from __future__ import annotations

from pathlib import Path

import pytest

from limner.checkpoints import ModelFolder, Words
from limner.emoji.shipped import shipped_model

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def words() -> Words:
    """Those of the shipped model."""
    found = ModelFolder(shipped_model()).load_settings()[3]
    assert found is not None
    return found


def rows(file: str) -> list[str]:
    """The lines of a table beside the tests, without its comments."""
    lines = (HERE / file).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
