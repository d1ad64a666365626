"""A training that diverges says which loss, items and weights, and keeps the last save."""

from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import nn

from limner.errors import TrainingError
from limner.training.loop import LoopConfig, Trainer
from limner.training.saving import STATE

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


@pytest.fixture(params=[False, True], ids=["at once", "ahead"])
def ahead(request):
    """Whether a step is looked at when the next one is on its way, as on a GPU."""
    return request.param


def diverge(folder, poison, ahead=False):
    trainer = Trainer(TwoLayers(poison), CONFIG, folder)
    trainer.ahead = ahead
    with pytest.raises(TrainingError) as error:
        list(trainer.run())
    return str(error.value), trainer


def test_the_item_whose_loss_is_not_finite_is_named(tmp_path, ahead):
    text, trainer = diverge(tmp_path, "value", ahead)
    assert f"loss total is not finite at step {trainer.step};" in text
    assert "it comes from items 7: lower" in text


def test_the_weight_where_the_gradient_breaks_is_named(tmp_path, ahead):
    text, trainer = diverge(tmp_path, "slope", ahead)
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


def test_the_last_save_stays_and_can_be_resumed(tmp_path, ahead):
    _, trainer = diverge(tmp_path, "value", ahead)
    assert trainer.step > 0
    saved = torch.load(tmp_path / STATE, weights_only=True)
    assert saved["step"] == trainer.step
    assert Trainer(TwoLayers("value"), CONFIG, tmp_path).resume()


@pytest.mark.parametrize("poison", ["value", "slope"])
def test_a_broken_step_leaves_everything_as_it_was(tmp_path, poison, ahead):
    """Weights, optimiser, averages and step are those of a training that ended before it."""
    config = replace(CONFIG, save_every=100)
    broken = Trainer(TwoLayers(poison), config, tmp_path / "broken")
    broken.ahead = ahead
    with pytest.raises(TrainingError):
        list(broken.run())
    sound = Trainer(TwoLayers(poison), config, tmp_path / "sound")
    list(islice(sound.run(), broken.step))
    assert 0 < broken.step == sound.step
    broken.save()
    sound.save()
    ours, theirs = (
        torch.load(tmp_path / name / STATE, weights_only=True) for name in ("broken", "sound")
    )
    assert_same(ours, theirs)


def test_being_ahead_changes_no_number(tmp_path):
    states = []
    for ahead in (False, True):
        folder = tmp_path / str(ahead)
        trainer = Trainer(Sound(), CONFIG, folder)
        trainer.ahead = ahead
        losses = [progress.losses["total"] for progress in trainer.run()]
        states.append({"losses": losses, **torch.load(folder / STATE, weights_only=True)})
    assert_same(*states)


def test_a_broken_last_step_is_neither_saved_nor_averaged(tmp_path, ahead):
    """Whoever stops between two steps saves: what nobody has looked at yet is looked at then."""
    trainer = Trainer(TwoLayers("value"), replace(CONFIG, save_every=100), tmp_path)
    trainer.ahead = ahead

    def train_and_save():
        for _ in trainer.run():
            trainer.save()

    with pytest.raises(TrainingError, match="not finite"):
        train_and_save()
    saved = torch.load(tmp_path / STATE, weights_only=True)
    assert saved["step"] == trainer.step
    assert all(torch.isfinite(x).all() for x in [*saved["modules"].values(), *saved["ema"][6.94]])


class Sound(TwoLayers):
    def __init__(self):
        super().__init__("value")
        self.count = 7  # the eighth is the broken one


def assert_same(one, other):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list):
        for pair in zip(one, other, strict=True):
            assert_same(*pair)
    else:
        assert one == other
