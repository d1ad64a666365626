from __future__ import annotations

import pytest
import torch
from torch import nn

from limner.errors import UsageError
from limner.nn.adapter import ExtendedEmbedding
from limner.nn.trainable import TrainableRows, TrainableUpdates

MODULES = {"a.conv": nn.Conv2d(3, 4, 3, stride=2), "a.linear": nn.Linear(5, 6, bias=False)}


def test_updates_begin_as_nothing_and_take_all_the_gradient() -> None:
    linear, x = nn.Linear(5, 6).requires_grad_(False), torch.randn(7, 5)
    trained, before = TrainableUpdates({"linear": linear}, rank=2, alpha=4.0), linear(x)
    trained.adapter().attach()
    assert torch.equal(linear(x), before)
    optimiser = torch.optim.SGD(trained.parameters(), lr=1.0)
    for _ in range(2):  # the graph is made anew at each call
        optimiser.zero_grad()
        linear(x).square().sum().backward()
        optimiser.step()
    assert linear.weight.grad is None
    low = trained.updates()["linear"]
    torch.testing.assert_close(linear(x), before + 2.0 * x @ low.down.T @ low.up.T)
    assert (linear(x) - before).abs().max() > 1e-2


def test_updates_have_the_shapes_of_their_modules_and_kaiming_bounds() -> None:
    trained = TrainableUpdates(MODULES, rank=2)
    assert list(trained.state_dict()) == [
        "down.a/conv", "down.a/linear", "up.a/conv", "up.a/linear",
    ]  # fmt: skip
    updates = trained.updates()
    assert all(updates[name].fits(module.weight) for name, module in MODULES.items())
    for low, inputs in ((updates["a.conv"], 27), (updates["a.linear"], 5)):
        assert low.scale == 1
        assert 0.5 < low.down.abs().max() * inputs**0.5 <= 1
        assert not low.up.any()


def test_matrices_stay_in_fp32_beside_a_model_in_half_precision() -> None:
    linear = nn.Linear(5, 6, dtype=torch.bfloat16).requires_grad_(False)
    trained = TrainableUpdates({"linear": linear}, rank=2)
    trained.adapter().attach()
    for _ in range(2):
        output = linear(torch.randn(3, 5, dtype=torch.bfloat16))
        assert output.dtype == torch.bfloat16
        output.sum().backward()
    assert all(weight.dtype == torch.float32 for weight in trained.parameters())
    assert trained.up["linear"].grad is not None


@pytest.mark.parametrize("bad", [{"rank": 0}, {"rank": 2, "alpha": 0.0}])
def test_a_rank_or_an_alpha_that_is_none(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="at least 1 and above 0"):
        TrainableUpdates(MODULES, **bad)  # type: ignore[arg-type]


def test_rows_stand_for_the_embeddings_own_and_the_table_takes_no_gradient() -> None:
    table = nn.Embedding(10, 4).requires_grad_(False)
    embedding = ExtendedEmbedding(table, torch.zeros(2, 4))
    trained = TrainableRows(torch.ones(2, 4))
    handle = trained.attach(embedding)
    ids = torch.tensor([[3, 10, 11, 11]])
    for _ in range(2):
        found = embedding(ids)
        found.sum().backward()
    assert torch.equal(found[0, 0], table.weight[3])
    assert torch.equal(found[0, 1:], torch.ones(3, 4))
    assert trained.rows.grad is not None
    assert trained.rows.grad[:, 0].tolist() == [2.0, 4.0]  # of two calls; 11 stands there twice
    handle.remove()
    assert not embedding(ids)[0, 1:].any()
