"""A training that diverges says which loss, items and weights, and keeps the last save."""

import pytest
import torch
from torch import nn

from limner.errors import TrainingError
from limner.training.loop import STATE, LoopConfig, Trainer

CONFIG = LoopConfig(steps=20, batch=4, precision="fp32", save_every=1, ema=(6.94,))


class Root(nn.Module):
    def forward(self, x):
        return x.abs().sqrt()


class TwoLayers:
    """Item 7 is poisoned: its number, or the square root whose slope at 0 is infinite."""

    def __init__(self, poison):
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Linear(1, 3, bias=False), Root(), nn.Linear(3, 1))
        self.modules = nn.ModuleDict({"net": layers})
        self.count = 10
        self.poison = poison

    def loss(self, indices, draws):
        x = 1 + indices.float()[:, None]
        x[indices == 7] = {"value": torch.nan, "slope": 0.0}[self.poison]
        return {"total": self.modules["net"](x).pow(2).mean()}


def diverge(folder, poison):
    trainer = Trainer(TwoLayers(poison), CONFIG, folder)
    with pytest.raises(TrainingError) as error:
        list(trainer.run())
    return str(error.value), trainer


def test_the_item_whose_loss_is_not_finite_is_named(tmp_path):
    text, trainer = diverge(tmp_path, "value")
    assert f"loss total is not finite at step {trainer.step};" in text
    assert "it comes from items 7: lower" in text


def test_the_weight_where_the_gradient_breaks_is_named(tmp_path):
    text, trainer = diverge(tmp_path, "slope")
    assert "the gradient is not finite" in text
    assert "weights are finite, the gradient is not from net.0.weight on (1 of 3)" in text
    assert "it comes from items 7: lower" in text
    assert all(torch.isfinite(p).all() for p in trainer.parameters)


def test_a_broken_weight_is_named(tmp_path):
    trainer = Trainer(TwoLayers("value"), CONFIG, tmp_path)
    with torch.no_grad():
        trainer.objective.modules["net"][2].bias.fill_(torch.inf)
    with pytest.raises(TrainingError, match=r"weight net\.2\.bias is not finite \(1 of 3\)"):
        list(trainer.run())


def test_the_last_save_stays_and_can_be_resumed(tmp_path):
    _, trainer = diverge(tmp_path, "value")
    assert trainer.step > 0
    saved = torch.load(tmp_path / STATE, weights_only=True)
    assert saved["step"] == trainer.step
    assert Trainer(TwoLayers("value"), CONFIG, tmp_path).resume()
