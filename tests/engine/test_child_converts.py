"""A conversion in a process of its own: its numbers, its end before time, and what it leaves."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import limner
from limner.engine import conversion
from limner.engine.conversion import BOOT, Order
from limner.engine.graphs import Flat, flat
from limner.engine.openvino import OpenVinoEngine
from limner.errors import UsageError
from limner.nn.prepared import Prepared
from limner.types import Conditioning

ROWS = 2


@pytest.fixture
def given(painter: limner.Painter) -> tuple[torch.Tensor, torch.Tensor, Prepared]:
    """Arguments of the tiny model's denoiser."""
    denoiser = painter.parts.denoiser
    context = torch.randn(ROWS, 12, denoiser.config.context_width)
    x, t = torch.randn(ROWS, denoiser.config.in_channels, 8, 8), torch.full((ROWS,), 500.0)
    with torch.no_grad():
        return x, t, denoiser.prepare(Conditioning(context=context))


def test_a_child_converts_as_this_process_does(
    painter: limner.Painter, given: tuple, tmp_path: Path
) -> None:
    here, apart = (
        OpenVinoEngine(painter.parts, folder=tmp_path / str(least), apart=least)
        for least in (10**9, 0)
    )
    assert torch.equal(here.make(*given)(*given), apart.make(*given)(*given))


@pytest.mark.parametrize(
    ("boot", "why"),
    [
        ("import os; os.kill(os.getpid(), 9)", "signal 9, most likely as memory ran out"),
        ("import os; os.kill(os.getpid(), 15)", "ended by signal 15;"),
        ("raise MemoryError('no room')", "MemoryError: no room"),
        ("raise SystemExit(3)", "ended with 3"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_a_child_that_does_not_finish_leaves_nothing_and_it_is_said_why(
    painter: limner.Painter, given: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    boot: str, why: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(conversion, "BOOT", boot)
    engine = OpenVinoEngine(painter.parts, folder=tmp_path, apart=0)
    with pytest.raises(UsageError, match=f"could not be converted .*{why}.* eager"):
        engine.make(*given)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_child_ends_with_whoever_started_it(
    painter: limner.Painter, given: tuple, tmp_path: Path
) -> None:
    """Killed or not: the pipe ends, and what is half-written goes."""
    target, denoiser = tmp_path / "half", painter.parts.denoiser
    target.mkdir()
    order = Order(
        kind=type(denoiser), config=denoiser.config, form=Flat.of(given[2]),
        given=(*given[:2], *flat(given[2])), target=target,
    )  # fmt: skip
    told = pickle.dumps(order)
    weights = b"".join(weight.numpy().tobytes() for weight in denoiser.state_dict().values())
    done = subprocess.run(
        [sys.executable, "-P", "-c", BOOT, json.dumps(sys.path)],
        input=len(told).to_bytes(8, "big") + told + weights,
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert not target.exists()
