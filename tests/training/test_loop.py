import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import nn

from limner.errors import TrainingError
from limner.training.batches import Batches
from limner.training.draws import mix
from limner.training.loop import LoopConfig, Trainer

CONFIG = LoopConfig(steps=12, batch=4, learning_rate=1e-2, precision="fp32", save_every=5, seed=3)

BEFORE = Path(__file__).parent / "before_versions"
BEFORE_CONFIG = LoopConfig(
    steps=9, batch=4, learning_rate=1e-2, precision="fp32", save_every=100, seed=3, ema=(6.94,)
)
CLOSE = {"rtol": 1e-6, "atol": 1e-6}  # to the bit on the machine that wrote it


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
    seen = torch.cat([Batches(10, 4, seed=1).indices(step) for step in range(5)])
    assert sorted(seen[:10].tolist()) == list(range(10))
    assert sorted(seen[10:].tolist()) == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()


def test_the_order_of_an_epoch_is_that_of_a_permutation_kept_or_made_anew():
    kept = Batches(10, 4, seed=1)
    for step in (0, 1, 2, 3, 7, 2, 30):
        assert torch.equal(kept.indices(step), Batches(10, 4, seed=1).indices(step))
    orders = [
        torch.randperm(10, generator=torch.Generator().manual_seed(mix(2, epoch)))
        for epoch in range(3)
    ]
    steps = [kept.indices(step) for step in range(6)]
    assert torch.equal(torch.cat(steps), torch.cat(orders)[:24])


def test_a_batch_larger_than_the_set_goes_through_it_again():
    assert sorted(Batches(3, 9, seed=0).indices(0).tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


class Drawing:
    """A line through points of all that an item can draw: numbers of every kind, and a word."""

    def __init__(self):
        torch.manual_seed(0)
        self.modules = nn.ModuleDict({"line": nn.Linear(2, 1)})
        self.count = 10
        self.drawn = []

    def loss(self, indices, draws):
        words = [float(torch.randint(5, (), generator=chance)) for chance in draws.chances()]
        x = torch.stack([indices.float(), torch.tensor(words)], 1) / 10
        y = draws.normal(3, 7).sum((1, 2)) / 5 + draws.uniform()
        self.drawn.append((indices, x, y))
        return {"total": (self.modules["line"](x)[:, 0] - y).pow(2).mean()}


def test_a_training_begun_before_ways_of_drawing_had_versions_goes_on(tmp_path):
    """The state and what it went on to were written by the loop of that time."""
    shutil.copy(BEFORE / "state.pt", tmp_path)
    after = torch.load(BEFORE / "after.pt", weights_only=True)
    trainer = Trainer(Drawing(), BEFORE_CONFIG, tmp_path)
    assert trainer.resume()
    losses = run(trainer)
    torch.testing.assert_close(torch.tensor(losses).double(), after["losses"], **CLOSE)
    for ours, theirs in zip(trainer.objective.drawn, after["drawn"], strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, other, **CLOSE)
    for mine, other in zip(trainer.parameters, after["weights"], strict=True):
        torch.testing.assert_close(mine.detach(), other, **CLOSE)
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    assert saved["draws"] == 1


def test_a_new_training_draws_in_the_newest_way_and_keeps_to_it(tmp_path):
    config = replace(BEFORE_CONFIG, save_every=3)
    unbroken = Trainer(Drawing(), config, tmp_path / "a")
    losses = run(unbroken)
    first = Trainer(Drawing(), config, tmp_path / "b")
    head = [progress.losses["total"] for progress in islice(first.run(), 3)]
    assert torch.load(tmp_path / "b" / "state.pt", weights_only=True)["draws"] == 2
    second = Trainer(Drawing(), config, tmp_path / "b")
    second.resume()
    assert head + run(second) == losses
    after = torch.load(BEFORE / "after.pt", weights_only=True)
    assert losses[5:] != after["losses"].float().tolist()


def saved_steps(config, folder):
    return [
        progress.step
        for progress in Trainer(LineObjective(), config, folder).run()
        if progress.saved
    ]


def test_it_is_saved_by_steps_and_before_the_first_hundred_are_lost(tmp_path):
    config = replace(CONFIG, steps=110, save_every=1000)
    assert saved_steps(config, tmp_path / "a") == [100, 110]
    assert saved_steps(replace(config, steps=8, save_every=3), tmp_path / "b") == [3, 6, 8]


def test_it_is_saved_by_time_too(tmp_path):
    config = replace(CONFIG, steps=4, save_every=1000, save_minutes=0.0)
    assert saved_steps(config, tmp_path) == [1, 2, 3, 4]


def test_the_state_of_another_model_is_told(tmp_path):
    Trainer(Drawing(), CONFIG, tmp_path).save()
    with pytest.raises(TrainingError, match=r"state\.pt is the state of another model or data"):
        Trainer(LineObjective(), CONFIG, tmp_path).resume()


def test_a_state_without_what_belongs_to_it_is_told(tmp_path):
    torch.save({"step": 3}, tmp_path / "state.pt")
    with pytest.raises(TrainingError, match=r"state\.pt is the state of another model .*config"):
        Trainer(LineObjective(), CONFIG, tmp_path).resume()
