from dataclasses import replace

import pytest
import torch
from torch import nn

from limner.errors import TrainingError
from limner.training.batches import batch_indices
from limner.training.loop import LoopConfig, Trainer

CONFIG = LoopConfig(steps=12, batch=4, learning_rate=1e-2, precision="fp32", save_every=5, seed=3)


class LineObjective:
    """Fit a line through noisy points; the noise comes from the step's draws."""

    def __init__(self, poison: int | None = None):
        torch.manual_seed(0)
        self.modules = nn.ModuleDict({"line": nn.Linear(1, 1)})
        self.count = 10
        self.poison = poison

    def loss(self, indices, draws):
        x = indices.float()[:, None]
        y = 2 * x + draws.normal(1)
        loss = (self.modules["line"](x) - y).pow(2).mean()
        return {"total": loss if self.poison not in indices.tolist() else loss * torch.nan}


def weights(trainer):
    return [p.detach().clone() for p in trainer.parameters] + [
        a.clone() for average in trainer.ema.averages.values() for a in average
    ]


def run(trainer, until=None):
    return [p.losses["total"] for p in trainer.run() if until is None or p.step <= until]


def test_stopping_and_resuming_gives_the_same_bits(tmp_path):
    unbroken = Trainer(LineObjective(), CONFIG, tmp_path / "a")
    losses = run(unbroken)

    first = Trainer(LineObjective(), CONFIG, tmp_path / "b")
    steps = first.run()
    head = [next(steps).losses["total"] for _ in range(7)]
    first.save()
    steps.close()
    second = Trainer(LineObjective(), CONFIG, tmp_path / "b")
    torch.manual_seed(99)  # what happened in between must not matter
    assert second.resume()
    tail = run(second)

    assert head + tail == losses
    for ours, theirs in zip(weights(second), weights(unbroken), strict=True):
        assert torch.equal(ours, theirs)


def test_it_learns(tmp_path):
    losses = run(Trainer(LineObjective(), replace(CONFIG, steps=300), tmp_path))
    assert sum(losses[-20:]) < 0.2 * sum(losses[:20])


def test_a_loss_that_is_not_finite_stops_and_names_the_step(tmp_path):
    with pytest.raises(TrainingError, match="not finite at step"):
        run(Trainer(LineObjective(poison=3), CONFIG, tmp_path))


def test_resuming_with_another_batch_size_is_refused(tmp_path):
    trainer = Trainer(LineObjective(), CONFIG, tmp_path)
    trainer.save()
    other = Trainer(LineObjective(), replace(CONFIG, batch=8), tmp_path)
    with pytest.raises(TrainingError, match="batch 4, not 8"):
        other.resume()


def test_a_longer_run_may_go_on_from_a_shorter_one(tmp_path):
    Trainer(LineObjective(), CONFIG, tmp_path).save()
    assert Trainer(LineObjective(), replace(CONFIG, steps=40), tmp_path).resume()


def test_a_broken_state_is_named(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"not a state")
    with pytest.raises(TrainingError, match=r"state\.pt is not a readable"):
        Trainer(LineObjective(), CONFIG, tmp_path).resume()


def test_every_item_comes_once_an_epoch():
    seen = torch.cat([batch_indices(10, 4, step, seed=1) for step in range(5)])
    assert sorted(seen[:10].tolist()) == list(range(10))
    assert sorted(seen[10:].tolist()) == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()
