"""Saves that fail or are cut off, by real limits, real folders and real kills."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest
import torch

from limner.errors import TrainingError
from limner.training.saving import load_state, write_whole

SAVE_FOREVER = """
import sys, torch
from pathlib import Path
from limner.training.saving import write_whole
state = {"step": 0, "weights": torch.zeros(3_000_000)}
for step in range(10_000):
    state["step"] = step
    state["weights"].fill_(step)
    write_whole(Path(sys.argv[1]), lambda file: torch.save(state, file))
"""


@pytest.fixture
def small_disk():
    """Files of this process cannot grow beyond 100 kB meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_leaves_the_last_save(tmp_path, small_disk):
    path = tmp_path / "state.pt"
    write_whole(path, lambda file: torch.save({"step": 1}, file))
    with pytest.raises(TrainingError, match=r"state\.pt cannot be written .*last save is kept"):
        write_whole(path, lambda file: torch.save({"step": torch.zeros(100_000)}, file))
    assert load_state(path) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "run").write_text("a file, not a folder")
    with pytest.raises(TrainingError, match="cannot be written"):
        write_whole(tmp_path / "run" / "state.pt", lambda file: file.write(b"x"))


def test_a_kill_in_the_middle_of_a_save_leaves_the_one_before(tmp_path):
    path = tmp_path / "state.pt"

    def half():
        return [p for p in tmp_path.glob(".state.pt.*.partial") if p.stat().st_size > 0]

    process = subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(path)])
    try:
        wait_for(lambda: path.exists() and half())
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert half()
    state = load_state(path)
    assert state["weights"].eq(state["step"]).all()
    write_whole(path, lambda file: torch.save({"step": 1}, file))
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


def wait_for(happened, seconds=60):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
