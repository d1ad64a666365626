"""Recorded attention equals attention computed by hand."""

import torch
from torch import nn

from limner.explain.recorder import AttentionRecorder, probabilities, watching
from limner.nn.attention import Attention, plain


class TwoLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.own = Attention(8, heads=2)
        self.cross = Attention(8, heads=2, context_width=6)

    def forward(self, x, context, mask=None, attend=plain):
        return self.cross(self.own(x, attend=attend), context, mask, attend)


def by_hand(q, k, heads, mask=None):
    rows = []
    for a, b in zip(q.double().chunk(heads, -1), k.double().chunk(heads, -1), strict=True):
        scores = a @ b.transpose(-1, -2) / a.shape[-1] ** 0.5
        if mask is not None:
            scores[~mask[:, None].expand_as(scores)] = -torch.inf
        weights = scores.exp()
        rows.append(weights / weights.sum(-1, keepdim=True))
    return torch.stack(rows, 1)


def test_probabilities_are_those_of_the_formula():
    q, k = torch.randn(2, 5, 8), torch.randn(2, 3, 8)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    found = probabilities(q, k, 4, mask[:, None, None])
    torch.testing.assert_close(found.double(), by_hand(q, k, 4, mask), atol=1e-6, rtol=1e-6)
    assert (found[0, :, :, 2] == 0).all()


def test_cross_attention_is_recorded_and_nothing_changes():
    model, x, context = TwoLayers(), torch.randn(2, 5, 8), torch.randn(2, 3, 6)
    before = model(x, context)
    recorder = AttentionRecorder(model, heads=True)
    assert torch.equal(model(x, context, attend=recorder.attend), before)
    (name, maps), *others = recorder.take().items()
    assert (name, others) == ("cross", [])
    q, (k, _) = model.cross.queries(model.own(x)), model.cross.keys_values(context)
    expected = by_hand(q.detach(), k.detach(), 2).transpose(-1, -2)
    torch.testing.assert_close(maps.double(), expected, atol=1e-3, rtol=1e-3)
    assert recorder.take() == {}
    assert torch.equal(model(x, context), before)
    assert recorder.take() == {}, "other calls are not recorded"


def test_the_mean_of_the_heads():
    model, x, context = TwoLayers(), torch.randn(2, 5, 8), torch.randn(2, 3, 6)
    maps = []
    for heads in (True, False):
        recorder = AttentionRecorder(model, heads=heads)
        model(x, context, attend=recorder.attend)
        maps.append(recorder.take()["cross"])
    assert maps[1].shape == (2, 1, 3, 5)
    torch.testing.assert_close(maps[0].mean(1, keepdim=True), maps[1], atol=1e-3, rtol=1e-3)


def test_what_is_watched_may_attend_in_its_own_way():
    model, x, context = TwoLayers(), torch.randn(1, 5, 8), torch.randn(1, 3, 6)

    def nothing(module, q, k, v, mask):
        return torch.zeros_like(q)

    seen = {}
    silent = model(x, context, attend=nothing)
    watched = watching(model, seen.__setitem__, nothing)
    assert torch.equal(model(x, context, attend=watched), silent)
    assert list(seen) == ["cross"]
