from __future__ import annotations

import pytest
import torch

from limner.errors import UsageError
from limner.models.clip import BagOfWords, BagOfWordsConfig, TextTower, TextTowerConfig
from limner.text.encode import TextEncoder
from limner.text.masks import PadMask
from limner.text.tokenizer import Tokenizer

PROMPTS = ["a red cat", ""]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["a red cat", "the dog's house"], 600, length=12)


def _tower(tokenizer: Tokenizer, projection_width: int | None = None) -> TextTower:
    torch.manual_seed(0)
    return TextTower(
        TextTowerConfig(
            vocabulary_size=tokenizer.vocabulary_size,
            end=tokenizer.end,
            length=12,
            width=32,
            layers=3,
            heads=4,
            mlp_width=64,
            projection_width=projection_width,
        )
    )


def test_context_is_the_last_state(tokenizer):
    tower = _tower(tokenizer)
    out = TextEncoder(tokenizer, tower)(PROMPTS)
    states = tower(tokenizer(PROMPTS))
    assert torch.equal(out.context, states.last)
    assert torch.equal(out.pooled, states.pooled)
    assert out.mask is None
    assert out.context.shape == (2, 12, 32)


@pytest.mark.parametrize("policy", [PadMask.PAD, PadMask.STRICT])
def test_mask_goes_to_the_tower_and_out(tokenizer, policy):
    tower = _tower(tokenizer)
    out = TextEncoder(tokenizer, tower, policy)(PROMPTS)
    assert out.mask.sum(dim=1).tolist() == ([5, 2] if policy is PadMask.PAD else [4, 1])
    assert torch.equal(out.context, tower(tokenizer(PROMPTS), out.mask).last)
    unmasked = TextEncoder(tokenizer, tower)(PROMPTS).context
    assert not torch.allclose(out.context[1, 6:], unmasked[1, 6:])


@pytest.mark.parametrize("skip", [1, 2, 3, 4])
def test_clip_skip(tokenizer, skip):
    tower = _tower(tokenizer)
    states = tower(tokenizer(PROMPTS))
    normed = TextEncoder(tokenizer, tower, clip_skip=skip)(PROMPTS).context
    assert torch.equal(normed, tower.final_norm(states.hidden[-skip]))
    raw = TextEncoder(tokenizer, tower, clip_skip=skip, final_norm=False)(PROMPTS).context
    assert torch.equal(raw, states.hidden[-skip])


def test_pooled_is_projected_where_there_is_a_projection(tokenizer):
    tower = _tower(tokenizer, projection_width=8)
    out = TextEncoder(tokenizer, tower)(PROMPTS)
    assert torch.equal(out.pooled, tower.text_projection(tower(tokenizer(PROMPTS)).pooled))


def test_gradients_flow(tokenizer):
    tower = _tower(tokenizer)
    TextEncoder(tokenizer, tower)(PROMPTS).context.square().sum().backward()
    grad = tower.text_model.embeddings.token_embedding.weight.grad
    assert grad[tokenizer.encode("red")].abs().sum() > 0
    assert grad[tokenizer.encode("dog")].abs().sum() == 0


def test_bag_of_words_tower(tokenizer):
    tower = BagOfWords(
        BagOfWordsConfig(
            vocabulary_size=tokenizer.vocabulary_size,
            width=16,
            start=tokenizer.start,
            end=tokenizer.end,
        )
    )
    out = TextEncoder(tokenizer, tower, PadMask.PAD)(["a red cat", "cat red a"])
    assert out.context.shape == (2, 12, 16)
    assert torch.allclose(out.pooled[0], out.pooled[1], atol=1e-6)


def test_errors(tokenizer):
    tower = _tower(tokenizer)
    with pytest.raises(UsageError, match="clip_skip must be at least 1"):
        TextEncoder(tokenizer, tower, clip_skip=0)
    with pytest.raises(UsageError, match="clip_skip must be at most 4"):
        TextEncoder(tokenizer, tower, clip_skip=5)(PROMPTS)
    with pytest.raises(UsageError, match="end must be the tokenizer's"):
        TextEncoder(Tokenizer.train(["a"], 514, length=12), tower)
