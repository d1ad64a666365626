"""Averages rebuilt after a training, against the same averages kept during it."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from limner.errors import TrainingError
from limner.training.ema import PowerEMA
from limner.training.snapshots import (
    Snapshot,
    gamma_of_width,
    gamma_width,
    inner_product,
    read_snapshots,
    rebuild,
    write_snapshot,
)

KEPT = (16.97, 6.94)
ASKED = (3.0, 10.0, 25.0)


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """A toy training: noisy descent of 400 steps, a snapshot every 25, three averages followed."""
    folder = tmp_path_factory.mktemp("run") / "snapshots"
    chance = torch.Generator().manual_seed(0)
    weight = 3 * torch.randn(200, generator=chance)
    ema, followed = PowerEMA([weight], KEPT), PowerEMA([weight], ASKED)
    halfway = {}
    for step in range(1, 401):
        weight.sub_(0.02 * weight + 0.1 * torch.randn(200, generator=chance))
        ema.update(step)
        followed.update(step)
        if step % 25 == 0:
            write_snapshot(folder, step, {g: {"w": a[0]} for g, a in ema.averages.items()})
        if step == 250:
            halfway = {g: a[0].clone() for g, a in followed.averages.items()}
    return folder, ema, followed, halfway


def distance(a, b):
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("gamma", ASKED)
def test_a_rebuilt_average_is_the_one_that_was_followed(walk, gamma):
    folder, ema, followed, halfway = walk
    true = followed.averages[gamma][0]
    rebuilt = rebuild(read_snapshots(folder), gamma=gamma)["w"]
    nearest = min(distance(average[0], true) for average in ema.averages.values())
    assert distance(rebuilt, true) < min(0.02, nearest / 5)
    assert (
        distance(rebuild(read_snapshots(folder), gamma=gamma, step=250)["w"], halfway[gamma]) < 0.02
    )


def test_an_average_that_was_kept_comes_back_itself(walk):
    folder, ema, _, _ = walk
    rebuilt = rebuild(read_snapshots(folder), gamma=6.94)["w"]
    assert distance(rebuilt, ema.averages[6.94][0]) < 1e-3


def test_width_and_gamma_are_those_of_the_paper():
    """EDM2's two kept lengths: widths of 5 % and 10 %."""
    assert gamma_of_width(0.05) == pytest.approx(16.97, abs=0.01)
    assert gamma_of_width(0.10) == pytest.approx(6.94, abs=0.01)
    assert gamma_width(gamma_of_width(0.03)) == pytest.approx(0.03)


def test_the_inner_product_is_the_integral():
    t = (np.arange(200_000) + 0.5) / 200_000 * 80
    early = np.where(t < 50, 8.0 * t**7.0 / 50**8.0, 0)
    late = 4.0 * t**3.0 / 80**4.0
    numeric = float((early * late).sum() * (t[1] - t[0]))
    assert inner_product((7.0, 50.0), (3.0, 80.0)) == pytest.approx(numeric, rel=1e-4)
    assert inner_product((3.0, 80.0), (7.0, 50.0)) == pytest.approx(numeric, rel=1e-4)


def test_the_number_of_snapshots_is_bounded_and_they_stay_spread(tmp_path):
    for step in range(10, 1010, 10):
        write_snapshot(tmp_path, step, {6.94: {"w": torch.zeros(1)}}, most=8)
    steps = [0, *(one.step for one in read_snapshots(tmp_path))]
    gaps = [b - a for a, b in pairwise(steps)]
    assert len(gaps) == 8
    assert steps[-1] == 1000
    assert max(gaps) <= 320


def test_what_cannot_be_rebuilt_is_said(tmp_path):
    with pytest.raises(TrainingError, match="no snapshots"):
        rebuild(read_snapshots(tmp_path), gamma=3.0)
    one = Snapshot(path=tmp_path, step=5, gamma=6.94)
    with pytest.raises(TrainingError, match="either a gamma or a width"):
        rebuild([one])
    with pytest.raises(TrainingError, match=r"outside 0 \.\. 0\.289"):
        rebuild([one], width=0.5)
    (tmp_path / "000005.safetensors").write_bytes(b"no")
    with pytest.raises(TrainingError, match="not a snapshot"):
        read_snapshots(tmp_path)
