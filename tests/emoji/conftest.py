from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from limner.checkpoints import ModelFolder, Words
from limner.checkpoints.settings import words_from_json
from limner.emoji.shipped import shipped_model

TAUGHT = Path(__file__).parent / "taught"


@pytest.fixture(scope="session")
def words() -> Words:
    """Those of a model of 400 concepts: what is read of a sentence hangs on what a model knows."""
    found = words_from_json(json.loads((TAUGHT / "words.json").read_text("utf-8")))
    assert found is not None
    return replace(found, lexicon=json.loads((TAUGHT / "lexicon.json").read_text("utf-8")))


@pytest.fixture(scope="session")
def shipped() -> Words:
    """Those of the shipped model."""
    found = ModelFolder(shipped_model()).load_settings()[3]
    assert found is not None
    return found
