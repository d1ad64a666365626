"""A painter of a tiny model, and what its text tower has read."""

import pytest
import torch

import limner
from limner.models.dit import DiT, DiTConfig


@pytest.fixture
def painter(tiny_model):
    return limner.load(tiny_model, device="cpu")


@pytest.fixture
def encoded(painter):
    """The number of texts that the tower has read."""
    texts = []
    painter.parts.text_encoder.register_forward_pre_hook(lambda _, given: texts.extend(given[0]))
    return texts


@pytest.fixture
def tiny_transformer(painter):
    """A transformer of random weights for the painter's texts and latents."""
    torch.manual_seed(0)
    width = painter.parts.text_encoder.config.width
    transformer = DiT(DiTConfig(width=32, depth=2, heads=2, context_width=width, size=(8, 8)))
    for parameter in transformer.parameters():  # gates of zero would paint nothing
        torch.nn.init.normal_(parameter, std=0.1)
    return transformer
