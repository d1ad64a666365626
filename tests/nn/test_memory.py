"""What is computed once for the text and the times of a picture, and when it is computed again."""

import copy
import gc
import pickle

import pytest
import torch
from torch import nn

from limner.nn.adapter import Adapter, LowRank
from limner.nn.attention import Attention
from limner.nn.embeddings import TimeEmbedding, sinusoidal
from limner.nn.memory import ContextLinear, Memory


class Counted(ContextLinear):
    """A layer of the text that counts how often it computes."""

    def __init__(self) -> None:
        super().__init__(3, 2)
        self.calls = 0
        self.memory = CountedMemory(self)


class CountedMemory(Memory):
    def __init__(self, layer: Counted) -> None:
        super().__init__()
        self.layer = layer

    def __call__(self, module, source, compute):
        def counted(given):
            self.layer.calls += 1
            return compute(given)

        return super().__call__(module, source, counted)


@pytest.fixture
def layer() -> Counted:
    torch.manual_seed(0)
    return Counted().requires_grad_(False)


@torch.inference_mode()
def test_the_same_tensor_is_computed_once(layer):
    text, other = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    first = layer(text)
    layer(other)
    assert layer(text) is first
    assert layer.calls == 2
    equal = layer(text.clone())
    assert layer.calls == 3
    assert torch.equal(equal, first)


def test_training_keeps_nothing(layer):
    text = torch.randn(1, 4, 3)
    layer(text), layer(text)
    assert layer.calls == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: layer.weight.add_(1),
        lambda layer: layer.load_state_dict({k: v + 1 for k, v in layer.state_dict().items()}),
        lambda layer: setattr(layer.weight, "data", layer.weight.data + 1),
        lambda layer: layer.to(torch.float64),
    ],
)
@torch.no_grad()
def test_other_weights_compute_again(layer, change):
    text = torch.randn(1, 4, 3)
    before = layer(text)
    change(layer)
    text.data = text.to(layer.weight.dtype)
    after = layer(text)
    assert torch.equal(after, nn.functional.linear(text, layer.weight, layer.bias))
    assert after.dtype != before.dtype or not torch.equal(after, before)


@torch.no_grad()
def test_an_adapter_counts_attached_merged_and_at_another_weight(layer):
    text = torch.randn(1, 4, 3)
    update = LowRank(down=torch.randn(1, 3), up=torch.randn(2, 1))
    adapter = Adapter({layer: update})
    plain = layer(text)
    adapter.attach()
    expected = plain + text @ update.delta().T
    torch.testing.assert_close(layer(text), expected)
    for weight in (1.0, 3.0, -2.0, 1.0):
        adapter.merge()
        adapter.weight = weight
        torch.testing.assert_close(layer(text), plain + weight * (text @ update.delta().T))
    adapter.detach()
    assert torch.equal(layer(text), plain)


@torch.no_grad()
def test_times_are_embedded_once_and_again_under_an_adapter():
    torch.manual_seed(0)
    embedding = TimeEmbedding(8, 6)
    t = torch.tensor([0.0, 999.0])
    first = embedding.at(t)
    assert embedding.at(t) is first
    assert torch.equal(first, embedding(sinusoidal(t, 8)))
    update = LowRank(down=torch.randn(1, 8), up=torch.randn(6, 1))
    adapter = Adapter({embedding.linear_1: update})
    adapter.attach()
    assert not torch.equal(embedding.at(t), first)
    assert embedding.at(t) is not embedding.at(t)
    adapter.detach()
    assert torch.equal(embedding.at(t), first)


@torch.inference_mode()
def test_weights_that_do_not_count_changes_are_not_relied_on():
    layer, text = Counted(), torch.randn(1, 4, 3)
    layer(text)
    layer.weight.add_(1)
    assert torch.equal(layer(text), nn.functional.linear(text, layer.weight, layer.bias))
    assert layer.calls == 2


@torch.no_grad()
def test_no_more_is_kept_than_said_and_nothing_that_is_gone():
    memory, linear = Memory(most=2), nn.Linear(3, 3)
    texts = [torch.randn(1, 3) for _ in range(3)]
    outputs = [memory(linear, text, linear) for text in texts]
    assert memory(linear, texts[2], linear) is outputs[2]
    assert memory(linear, texts[0], linear) is not outputs[0]
    del texts, outputs
    gc.collect()
    last = torch.randn(1, 3)
    memory(linear, last, linear)
    assert len(memory._kept) == 1


@torch.no_grad()
def test_a_copy_of_a_layer_remembers_nothing():
    attention = Attention(4, heads=2, context_width=3)
    text, x = torch.randn(1, 5, 3), torch.randn(1, 6, 4)
    before = attention(x, text)
    twin = copy.deepcopy(attention)
    assert twin.to_k.memory._kept == {}
    assert torch.equal(pickle.loads(pickle.dumps(attention))(x, text), before)
    assert isinstance(attention.to_k, ContextLinear)
    assert not isinstance(Attention(4, heads=2).to_k, ContextLinear)
