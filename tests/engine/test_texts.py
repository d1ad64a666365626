"""Texts are encoded once, by themselves, and again where the encoder has changed."""

import torch

from limner.engine import texts
from limner.engine.adapted import PlacedLora
from limner.nn.adapter import Adapter, LowRank
from limner.pipeline import Request


def test_a_text_is_encoded_once(painter, encoded):
    first = painter.generate("a cat", seed=1, count=3)
    assert len(encoded) == 2  # the prompt and the empty negative
    again = painter.generate("a cat", seed=1, count=3)
    assert len(encoded) == 2
    assert torch.equal(again.latents, first.latents)
    painter.generate("a dog", seed=1)
    assert len(encoded) == 3
    painter.generate("a dog", seed=1, clip_skip=2)
    assert len(encoded) == 5


def test_other_weights_encode_again(painter, encoded):
    before = painter.generate("a cat", seed=1).latents
    with torch.no_grad():
        for weight in painter.parts.text_encoder.parameters():
            weight.mul_(0.9)
    assert not torch.equal(painter.generate("a cat", seed=1).latents, before)
    assert len(encoded) == 4


def test_other_weights_encode_again_for_whoever_asks_for_no_picture(painter):
    before = painter.encode(["a cat"]).context
    with torch.no_grad():
        for weight in painter.parts.text_encoder.parameters():
            weight.mul_(0.9)
    assert not torch.equal(painter.encode(["a cat"]).context, before)


def test_other_weights_are_seen_beside_a_painting_that_was_left_lying(painter):
    left = painter.steps(Request(prompt="a cat", seed=1))
    next(left)
    before = painter.generate("a cat", seed=1).latents
    with torch.no_grad():
        for weight in painter.parts.text_encoder.parameters():
            weight.mul_(0.9)
    beside = painter.generate("a cat", seed=1).latents
    left.close()
    assert torch.equal(beside, painter.generate("a cat", seed=1).latents)
    assert not torch.equal(beside, before)


def test_adapters_encode_again(painter, encoded, tmp_path):
    tower = painter.parts.text_encoder
    layer = next(m for m in tower.modules() if isinstance(m, torch.nn.Linear))
    down, up = torch.randn(1, layer.in_features), torch.randn(layer.out_features, 1)
    adapter = Adapter({layer: LowRank(down=down, up=up)})
    before = painter.generate("a cat", seed=1).latents
    painter.adapters.put("x", PlacedLora(adapter, Adapter({})), 0.5)
    half = painter.generate("a cat", seed=1).latents
    painter.adapters.set_weight("x", 1.0)
    whole = painter.generate("a cat", seed=1).latents
    assert not torch.equal(half, before)
    assert not torch.equal(half, whole)
    painter.remove_lora("x")
    assert torch.equal(painter.generate("a cat", seed=1).latents, before)
    assert len(encoded) == 6  # those without it are kept


def test_only_the_last_texts_are_kept(painter, encoded, monkeypatch):
    monkeypatch.setattr(texts, "MOST_TEXTS", 2)
    painter.encode(["a", "b", "a", "c", "a"], 1)
    assert len(encoded) == 3
    painter.encode(["b"], 1)
    assert len(encoded) == 4


def test_what_else_is_painted_changes_no_bit_of_a_text(painter):
    alone = painter.encode(["a cat"], 1)
    painter.engine.texts.forget()
    with_others = painter.encode(["a red apple", "a cat", ""], 1)
    assert torch.equal(with_others.context[1], alone.context[0])
