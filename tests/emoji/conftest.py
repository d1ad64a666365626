from __future__ import annotations

import pytest

from limner.checkpoints import ModelFolder, Words
from limner.emoji.shipped import shipped_model


@pytest.fixture(scope="session")
def words() -> Words:
    """Those of the shipped model."""
    found = ModelFolder(shipped_model()).load_settings()[3]
    assert found is not None
    return found
