"""Two text encoders side by side."""

from __future__ import annotations

import pytest
import torch

from limner.errors import UsageError
from limner.models.clip import TextTower, TextTowerConfig
from limner.text.encode import TextEncoder
from limner.text.joint import JointEncoder
from limner.text.masks import PadMask
from limner.text.tokenizer import Tokenizer

PROMPTS = ["a red cat", ""]


def encoder(width: int, projection: int | None, pad: int | None, length: int = 12) -> TextEncoder:
    tokenizer = Tokenizer.train(["a red cat"], 530, length=length)
    tokenizer.pad = tokenizer.end if pad is None else pad
    tower = TextTower(
        TextTowerConfig(
            vocabulary_size=tokenizer.vocabulary_size,
            end=tokenizer.end,
            length=length,
            width=width,
            layers=3,
            heads=4,
            mlp_width=32,
            projection_width=projection,
        )
    )
    return TextEncoder(tokenizer, tower, PadMask.PAD, clip_skip=2, final_norm=False)


def test_tokens_of_both_lie_in_a_row_and_the_second_is_pooled() -> None:
    first, second = encoder(16, None, None), encoder(24, 8, 0)
    out, one, two = JointEncoder(first, second)(PROMPTS), first(PROMPTS), second(PROMPTS)
    assert torch.equal(out.context[..., :16], one.context)
    assert torch.equal(out.context[..., 16:], two.context)
    assert torch.equal(out.pooled, two.pooled)
    assert out.pooled.shape == (2, 8)
    assert torch.equal(one.mask, two.mask)
    assert torch.equal(out.mask, one.mask)


def test_clip_skip_reaches_both() -> None:
    first, second = encoder(16, None, None), encoder(24, 8, 0)
    out = JointEncoder(first, second).with_clip_skip(3)(PROMPTS)
    hidden = [e.tower(e.tokenizer(PROMPTS), out.mask).hidden[-3] for e in (first, second)]
    assert torch.equal(out.context, torch.cat(hidden, dim=-1))


def test_both_must_take_one_length() -> None:
    with pytest.raises(UsageError, match=r"one length, not \(12, 9\)"):
        JointEncoder(encoder(16, None, None), encoder(16, 8, 0, length=9))
