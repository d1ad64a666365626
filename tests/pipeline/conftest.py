"""A painter of a tiny model, and what its text tower has read."""

import pytest

import limner


@pytest.fixture
def painter(tiny_model):
    return limner.load(tiny_model, device="cpu")


@pytest.fixture
def encoded(painter):
    """The number of texts that the tower has read."""
    texts = []
    painter.parts.text_encoder.register_forward_pre_hook(lambda _, given: texts.extend(given[0]))
    return texts
