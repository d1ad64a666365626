"""Random text towers for the tests of weightings, in Limner and in transformers."""

from __future__ import annotations

from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from limner.models.clip import TextTower, TextTowerConfig
from limner.text.encode import TextEncoder
from limner.text.masks import PadMask
from limner.text.tokenizer import Tokenizer

TINY = {"width": 32, "layers": 2, "heads": 4, "mlp_width": 64}
VIT_L14: dict[str, int] = {}  # what the configuration has by itself


@cache
def clip(pad: int | None = None, length: int = 77) -> Tokenizer:
    """CLIP's vocabulary, at a length."""
    return Tokenizer.clip(pad=pad, length=length)


def tower(seed: int = 0, **sizes: Any) -> TextTower:
    """Every parameter random, norms and biases too, so that the mean of its output is not 0."""
    torch.manual_seed(seed)
    made = TextTower(TextTowerConfig(**sizes))
    for name, parameter in made.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(parameter, 1.0 if name.endswith("weight") else 0.3, 0.2)
        elif "embedding" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return made.eval().requires_grad_(False)


def encoder(
    seed: int = 0, pad: int | None = None, policy: PadMask = PadMask.NONE, **sizes: Any
) -> TextEncoder:
    """A tiny encoder, or of those sizes."""
    tokenizer = clip(pad, sizes.get("length", 77))
    return TextEncoder(tokenizer, tower(seed, **{**TINY, **sizes}), policy)


@cache
def transformers_tokenizer() -> CLIPTokenizer:
    with TemporaryDirectory() as folder:
        clip().save(folder)
        return CLIPTokenizer.from_pretrained(folder)


def in_transformers(ours: TextTower) -> CLIPTextModel:
    """The same tower as transformers' class."""
    config = ours.config
    theirs = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=config.vocabulary_size,
            hidden_size=config.width,
            intermediate_size=config.mlp_width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            hidden_act=config.activation,
            bos_token_id=config.end - 1,
            eos_token_id=config.end,
            pad_token_id=config.end,
        )
    ).eval()
    state = ours.state_dict()
    theirs.load_state_dict({k.removeprefix("text_model."): v for k, v in state.items()})
    return theirs.requires_grad_(False)
