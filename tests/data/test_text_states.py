from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from limner.data.text_states import cached_text_states
from limner.errors import DataError
from limner.models.clip import TextTower, TextTowerConfig
from limner.text.encode import TextEncoder
from limner.text.joint import JointEncoder
from limner.text.masks import PadMask
from limner.text.tokenizer import Tokenizer

CAPTIONS = ["a cat", "a red dog", "", "a cat"]


def tiny_encoder(seed: int = 0) -> TextEncoder:
    torch.manual_seed(seed)
    tokenizer = Tokenizer.train(["a red cat", "a dog, 3d"] * 3, 600, length=8)
    config = TextTowerConfig(
        vocabulary_size=tokenizer.vocabulary_size, length=8, width=16, layers=2, heads=2,
        mlp_width=16, end=tokenizer.end,
    )  # fmt: skip
    return TextEncoder(tokenizer, TextTower(config).eval(), pad_mask=PadMask.PAD)


@torch.no_grad()
def test_states_are_those_of_the_encoder(tmp_path: Path) -> None:
    encoder = tiny_encoder()
    states = cached_text_states(tmp_path, encoder, CAPTIONS, batch=2)
    for asked in (CAPTIONS, ["a red dog"]):
        ours, right = states(asked), encoder(asked)
        torch.testing.assert_close(ours.context, right.context)
        torch.testing.assert_close(ours.pooled, right.pooled)
        assert torch.equal(ours.mask, right.mask)
    with pytest.raises(DataError, match="'a cow' is not among the 3"):
        states(["a cat", "a cow"])


def written(folder: Path) -> int:
    """When the cache was last built."""
    return (folder / "cache.json").stat().st_mtime_ns


def test_encoded_once_and_anew_when_anything_changes(tmp_path: Path) -> None:
    encoder = tiny_encoder()
    other_words = replace(encoder, tokenizer=encoder.tokenizer.with_length(7))
    moved = tiny_encoder()
    with torch.no_grad():
        next(moved.tower.parameters()).add_(1e-3)
    cached_text_states(tmp_path, encoder, CAPTIONS)
    first = written(tmp_path)
    cached_text_states(tmp_path, tiny_encoder(), CAPTIONS[::-1])
    assert written(tmp_path) == first
    for changed in (
        moved,
        other_words,
        encoder.with_clip_skip(2),
        replace(encoder, pad_mask=PadMask.NONE),
    ):
        before = written(tmp_path)
        states = cached_text_states(tmp_path, changed, CAPTIONS)
        assert written(tmp_path) > before
        with torch.no_grad():
            torch.testing.assert_close(states(["a cat"]).context, changed(["a cat"]).context)
    before = written(tmp_path)
    cached_text_states(tmp_path, encoder, [*CAPTIONS, "new"])
    assert written(tmp_path) > before


@torch.no_grad()
def test_two_encoders_and_half_precision(tmp_path: Path) -> None:
    joint = JointEncoder(tiny_encoder(0), tiny_encoder(1))
    states = cached_text_states(tmp_path, joint, CAPTIONS, dtype=torch.float16)(["a red dog"])
    assert states.context.dtype == torch.float16
    right = joint(["a red dog"]).context
    torch.testing.assert_close(states.context.float(), right, atol=2e-3, rtol=2e-3)
    assert states.mask is not None
    assert states.mask.dtype == torch.bool


def test_nothing_to_encode(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no captions"):
        cached_text_states(tmp_path, tiny_encoder(), [])
