"""Saves that fail or are cut off, by real limits, real folders and real kills."""

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
import torch

from limner.errors import TrainingError
from limner.training.saving import (
    BEFORE,
    STATE,
    load_state,
    read_state,
    save_state,
    write_whole,
)

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
    assert read_state(path) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "run").write_text("a file, not a folder")
    with pytest.raises(TrainingError, match="cannot be written"):
        write_whole(tmp_path / "run" / "state.pt", lambda file: file.write(b"x"))


def test_a_kill_in_the_middle_of_a_save_leaves_the_one_before(tmp_path):
    path = tmp_path / "state.pt"

    def half():
        with suppress(FileNotFoundError):  # it may take its place meanwhile
            return [p for p in tmp_path.glob(".state.pt.*.partial") if p.stat().st_size > 0]

    process = subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(path)])
    try:
        wait_for(lambda: path.exists() and half())
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert half()
    state = read_state(path)
    assert state["weights"].eq(state["step"]).all()
    write_whole(path, lambda file: torch.save({"step": 1}, file))
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


def wait_for(happened, seconds=300):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end


def state(step):
    return {"step": step, "weights": torch.full((5000,), float(step))}


def test_the_save_before_is_kept_until_the_new_one_is_whole_and_after(tmp_path):
    for step in range(1, 4):
        save_state(tmp_path, state(step))
    assert load_state(tmp_path)["step"] == 3
    assert read_state(tmp_path / BEFORE)["step"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {STATE, BEFORE}


def test_a_save_that_fails_leaves_both(tmp_path, small_disk):
    save_state(tmp_path, state(1))
    save_state(tmp_path, state(2))
    with pytest.raises(TrainingError, match="cannot be written"):
        save_state(tmp_path, {"step": torch.zeros(100_000)})
    assert load_state(tmp_path)["step"] == 2
    assert read_state(tmp_path / BEFORE)["step"] == 1


def flipped(data):
    """One byte in the middle of the weights."""
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "one byte": flipped,
    "no state": lambda data: b"not a state",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
@pytest.mark.parametrize("mapped", [False, True])
def test_a_damaged_state_is_told_and_the_one_before_is_offered(tmp_path, damage, mapped):
    save_state(tmp_path, state(1))
    save_state(tmp_path, state(2))
    path, before = tmp_path / STATE, tmp_path / BEFORE
    path.write_bytes(damage(path.read_bytes()))
    said = rf"state\.pt is not a readable .*of step 1, is whole: name {before} state\.pt, and"
    with pytest.raises(TrainingError, match=said):
        load_state(tmp_path, mapped=mapped)
    before.replace(path)
    assert load_state(tmp_path, mapped=mapped)["step"] == 1


def test_where_both_are_damaged_nothing_is_offered(tmp_path):
    save_state(tmp_path, state(1))
    save_state(tmp_path, state(2))
    for name in (STATE, BEFORE):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(TrainingError) as error:
        load_state(tmp_path)
    assert "whole" not in str(error.value)


def test_a_state_that_is_gone_is_not_taken_for_none(tmp_path):
    assert load_state(tmp_path) is None
    save_state(tmp_path, state(1))
    save_state(tmp_path, state(2))
    (tmp_path / STATE).unlink()
    with pytest.raises(TrainingError, match=r"state\.pt is missing; the save before it, of step 1"):
        load_state(tmp_path)


def test_without_hard_links_it_is_copied(tmp_path, monkeypatch):
    """As on file systems that have none."""

    def refuse(*places):
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    save_state(tmp_path, state(1))
    save_state(tmp_path, state(2))
    assert read_state(tmp_path / BEFORE)["step"] == 1
