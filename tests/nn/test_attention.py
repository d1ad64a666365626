from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from limner.nn.attention import (
    Attention,
    cross_attention,
    multi_head_attention,
    number,
    plain,
)


def by_hand(q: Tensor, k: Tensor, v: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """Lecture eq. 32-35 in loops, in fp64; mask (B, L)."""
    q, k, v = q.double(), k.double(), v.double()
    width = q.shape[-1] // heads
    out = torch.zeros_like(q)
    for picture in range(len(q)):
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            scores = q[picture, :, part] @ k[picture, :, part].T / math.sqrt(width)
            if mask is not None:
                scores[:, ~mask[picture]] = -torch.inf
            weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
            out[picture, :, part] = weights @ v[picture, :, part]
    return out


def random_qkv(tokens: int = 7) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, 5, 12), torch.randn(2, tokens, 12), torch.randn(2, tokens, 12)


@pytest.mark.parametrize("heads", [1, 3, 4])
def test_equals_softmax_by_hand(heads: int) -> None:
    q, k, v = random_qkv()
    expected = by_hand(q, k, v, heads)
    assert torch.allclose(multi_head_attention(q, k, v, heads).double(), expected, atol=1e-6)


def test_mask_equals_softmax_by_hand() -> None:
    q, k, v = random_qkv()
    mask = torch.tensor([[True, False, True, True, False, False, True], [True] + [False] * 6])
    ours = multi_head_attention(q, k, v, 3, mask[:, None, None])
    assert torch.allclose(ours.double(), by_hand(q, k, v, 3, mask), atol=1e-6)
    only_first = v[1, :1].expand(5, -1)
    assert torch.allclose(ours[1], only_first, atol=1e-6)


def test_causal_mask_hides_what_comes_later() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 6, 8)
    causal = torch.ones(6, 6, dtype=torch.bool).tril()
    before = multi_head_attention(x, x, x, 2, causal)
    changed = x.clone()
    changed[:, 4:] = 9.0
    after = multi_head_attention(changed, changed, changed, 2, causal)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@torch.no_grad()
def test_module_equals_torch_multi_head_attention() -> None:
    torch.manual_seed(0)
    ours = Attention(16, heads=4, context_width=10, bias=True)
    theirs = nn.MultiheadAttention(16, 4, kdim=10, vdim=10, batch_first=True)
    theirs.q_proj_weight.copy_(ours.to_q.weight)
    theirs.k_proj_weight.copy_(ours.to_k.weight)
    theirs.v_proj_weight.copy_(ours.to_v.weight)
    theirs.in_proj_bias.copy_(torch.cat([ours.to_q.bias, ours.to_k.bias, ours.to_v.bias]))
    theirs.out_proj.load_state_dict(ours.to_out[0].state_dict())
    x, context = torch.randn(2, 9, 16), torch.randn(2, 5, 10)
    mask = torch.tensor([[True, True, False, False, False], [True] * 5])
    expected, _ = theirs(x, context, context, key_padding_mask=~mask)
    assert torch.allclose(ours(x, context, mask), expected, atol=1e-6)


@torch.no_grad()
def test_masked_tokens_are_as_if_cut_off() -> None:
    torch.manual_seed(0)
    attention = Attention(16, heads=2, context_width=10)
    x, context = torch.randn(1, 9, 16), torch.randn(1, 5, 10)
    mask = torch.tensor([[True, True, True, False, False]])
    assert torch.allclose(attention(x, context, mask), attention(x, context[:, :3]), atol=1e-6)


@torch.no_grad()
def test_without_context_the_picture_looks_at_itself() -> None:
    torch.manual_seed(0)
    attention = Attention(16, heads=2)
    x = torch.randn(2, 9, 16)
    assert torch.equal(attention(x), attention(x, x))


@torch.no_grad()
def test_queries_and_keys_are_normalised_in_each_head() -> None:
    torch.manual_seed(0)
    attention = Attention(16, heads=2, head_width=6, qk_norm=True)
    x = torch.randn(2, 9, 16)
    q, (k, v) = attention.queries(x), attention.keys_values(x)
    assert q.shape == k.shape == v.shape == (2, 9, 12)
    for normalised in (q, k):
        power = normalised.reshape(2, 9, 2, 6).square().mean(dim=-1)
        assert torch.allclose(power, torch.ones_like(power), atol=1e-3)
    assert torch.equal(v, attention.to_v(x))


def test_parameter_names_are_those_of_diffusers() -> None:
    names = {name for name, _ in Attention(8, heads=2).named_parameters()}
    out = {"to_out.0.weight", "to_out.0.bias"}
    assert names == {"to_q.weight", "to_k.weight", "to_v.weight"} | out


@torch.no_grad()
def test_keys_and_values_made_beforehand_are_as_good_as_their_context() -> None:
    attention = Attention(16, heads=2, context_width=10, qk_norm=True)
    x, context = torch.randn(2, 9, 16), torch.randn(2, 5, 10)
    mask = torch.tensor([[True, True, True, False, False], [True] * 5])
    ready = attention.keys_values(context)
    assert torch.equal(attention(x, ready, mask), attention(x, context, mask))


def test_what_is_handed_down_attends_in_this_call_alone():
    attention = Attention(8, heads=2)
    x = torch.randn(1, 3, 8)
    before = attention(x)

    def doubled(module: Attention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        assert module is attention
        return 2 * plain(module, q, k, v, mask)

    bias = attention.to_out[0].bias
    torch.testing.assert_close(attention(x, attend=doubled), 2 * (before - bias) + bias)
    assert torch.equal(attention(x), before)


def test_cross_attentions_are_numbered_in_their_order():
    modules = nn.ModuleDict(
        {
            "a": Attention(8, heads=2, context_width=4),
            "own": Attention(8, heads=2),
            "b": Attention(8, heads=2, context_width=4),
        }
    )
    assert number(modules) == 2
    places = {name: module.place for name, module in cross_attention(modules).items()}
    assert places == {"a": 0, "b": 1}
