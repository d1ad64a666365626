from __future__ import annotations

import copy
import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from limner.errors import UsageError
from limner.nn.adapter import Adapter, ExtendedEmbedding, LowRank


class Small(nn.Module):
    """One of each module that an adapter can be put on, and one that none is put on."""

    def __init__(self) -> None:
        super().__init__()
        self.stride = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.point = nn.Conv2d(6, 5, 1)
        self.linear = nn.Linear(5, 4, bias=False)
        self.rest = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.linear(self.point(self.stride(x)).flatten(2).transpose(1, 2)))


def update(weight: Tensor, rank: int = 2) -> LowRank:
    out, into, *kernel = weight.shape
    up = torch.randn(out, rank, *[1] * len(kernel))
    return LowRank(down=torch.randn(rank, into, *kernel), up=up, scale=0.5)


def adapter(model: Small, weight: float = 1.0) -> Adapter:
    modules = (model.stride, model.point, model.linear)
    return Adapter({module: update(module.weight) for module in modules}, weight)


def expected(model: Small, x: Tensor, *adapters: Adapter) -> Tensor:
    """The output of a copy whose weights have every update added, written out."""
    changed = copy.deepcopy(model)
    with torch.no_grad():
        for one in adapters:
            for name, module in model.named_modules():
                if module in one.updates:
                    low = one.updates[module]
                    product = torch.einsum("or,r...->o...", low.up.flatten(1), low.down)
                    changed.get_submodule(name).weight += one.weight * low.scale * product
        return changed(x)


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def model() -> Small:
    return Small().requires_grad_(False)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 8, 8)


@pytest.mark.parametrize("way", ["attach", "merge"])
@pytest.mark.parametrize("weight", [0.5, 1.0, -1.0])
def test_adds_the_product_to_the_weights_and_takes_it_off(
    model: Small, x: Tensor, way: str, weight: float
) -> None:
    before, output, one = state(model), model(x), adapter(model, weight)
    wanted = expected(model, x, one)
    assert not torch.allclose(wanted, output, atol=0.1)
    getattr(one, way)()
    assert (one.attached, one.merged) == (way == "attach", way == "merge")
    torch.testing.assert_close(model(x), wanted, atol=1e-5, rtol=1e-5)
    assert list(model.state_dict()) == list(before)
    assert same(state(model), before) == (way == "attach")
    one.detach()
    assert (one.attached, one.merged) == (False, False)
    assert same(state(model), before)
    assert torch.equal(model(x), output)


@pytest.mark.parametrize("ways", list(itertools.product(["attach", "merge"], repeat=2)))
@pytest.mark.parametrize("first_leaves_first", [True, False])
def test_two_come_and_leave_in_any_order(
    model: Small, x: Tensor, ways: tuple[str, str], first_leaves_first: bool
) -> None:
    before, output = state(model), model(x)
    two = [adapter(model, 0.7), adapter(model, -0.3)]
    wanted = [expected(model, x, *two), *(expected(model, x, one) for one in two)]
    for one, way in zip(two, ways, strict=True):
        getattr(one, way)()
    torch.testing.assert_close(model(x), wanted[0], atol=1e-5, rtol=1e-5)
    leaves, stays = (0, 1) if first_leaves_first else (1, 0)
    two[leaves].detach()
    torch.testing.assert_close(model(x), wanted[1 + stays], atol=1e-5, rtol=1e-5)
    two[stays].detach()
    assert same(state(model), before)
    assert torch.equal(model(x), output)


@pytest.mark.parametrize("way", ["attach", "merge"])
def test_the_weight_can_be_changed_while_it_is_on(model: Small, x: Tensor, way: str) -> None:
    output, one = model(x), adapter(model)
    getattr(one, way)()
    one.weight = 0.25
    off = copy.deepcopy(model)
    one.detach()
    torch.testing.assert_close(off(x), expected(model, x, one), atol=1e-5, rtol=1e-5)
    getattr(one, way)()
    one.weight = 0.0
    torch.testing.assert_close(model(x), output, atol=0, rtol=0)


def test_from_attached_to_merged_and_back_counts_once(model: Small, x: Tensor) -> None:
    one = adapter(model)
    wanted = expected(model, x, one)
    for way in ("attach", "merge", "merge", "attach", "attach"):
        getattr(one, way)()
        torch.testing.assert_close(model(x), wanted, atol=1e-5, rtol=1e-5)


def test_takes_the_dtype_of_the_module(model: Small, x: Tensor) -> None:
    model.bfloat16()
    before, one = state(model), adapter(model)
    for way in (one.attach, one.merge):
        way()
        assert model(x.bfloat16()).dtype == torch.bfloat16
    one.detach()
    assert same(state(model), before)


def test_what_is_attached_follows_the_model_to_another_device(model: Small, x: Tensor) -> None:
    one = adapter(model)
    one.attach()
    model(x)
    assert model.to("meta")(x.to("meta")).device.type == "meta"


def test_what_is_attached_follows_the_model_to_another_kind_of_number(
    model: Small, x: Tensor
) -> None:
    one = adapter(model)
    one.attach()
    model(x)
    found = model.double()(x.double())
    one.detach()
    torch.testing.assert_close(found, expected(model, x.double(), one), atol=1e-5, rtol=1e-5)


def test_two_that_take_turns_give_each_time_the_same_bits(model: Small, x: Tensor) -> None:
    """What an engine does between calls of different requests."""
    before, plain, two = state(model), model(x), [adapter(model, 0.7), adapter(model, -0.3)]
    seen: list[list[Tensor]] = [[], []]
    for turn in range(6):
        two[turn % 2].attach()
        seen[turn % 2].append(model(x))
        two[turn % 2].detach()
        assert torch.equal(model(x), plain)
    for outputs in seen:
        assert all(torch.equal(outputs[0], other) for other in outputs[1:])
    assert not torch.equal(seen[0][0], seen[1][0])
    assert same(state(model), before)


def test_other_modules_are_not_touched(model: Small) -> None:
    one = adapter(model)
    one.attach()
    hooked = [name for name, module in model.named_modules() if module._forward_hooks]
    assert hooked == ["stride", "point", "linear"]
    one.detach()
    assert not any(module._forward_hooks for module in model.modules())


def test_trains_through_the_hook(model: Small, x: Tensor) -> None:
    """What is attached is part of the graph: gradients reach the update, not the weight."""
    low = update(model.linear.weight)
    low.down.requires_grad_()
    Adapter({model.linear: low}).attach()
    model(x).sum().backward()
    assert low.down.grad is not None
    assert low.down.grad.abs().sum() > 0
    assert model.linear.weight.grad is None


@pytest.mark.parametrize(
    ("down", "up"), [((2, 6), (4, 2)), ((2, 5), (5, 2)), ((2, 5, 1, 1), (4, 2))]
)
def test_shapes_of_another_module(model: Small, down: tuple[int, ...], up: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"does not fit a weight of \(4, 5\)"):
        Adapter({model.linear: LowRank(down=torch.zeros(down), up=torch.zeros(up))})


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_a_weight_that_is_no_number(model: Small, weight: float) -> None:
    with pytest.raises(UsageError, match="finite"):
        adapter(model, weight)
    one = adapter(model)
    with pytest.raises(UsageError, match="finite"):
        one.weight = weight


def test_an_embedding_goes_on_and_its_own_rows_keep_their_bits() -> None:
    embedding, rows = nn.Embedding(10, 4), torch.randn(3, 4)
    extended = ExtendedEmbedding(embedding, rows)
    ids = torch.tensor([[0, 9, 10, 12, 3]])
    found = extended(ids)
    assert torch.equal(found[:, [0, 1, 4]], embedding(ids[:, [0, 1, 4]]))
    assert torch.equal(found[0, 2:4], rows[[0, 2]])
    assert extended.weight is embedding.weight
    assert list(extended.state_dict()) == ["weight"]
    assert extended.half().rows.dtype == torch.float16
