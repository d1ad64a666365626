"""Two real processes of which one fails: the other ends too, with an error, within seconds."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest
import torch.distributed as dist

from limner.training.alarm import Alarm

WORK = """
import sys, time
import torch, torch.distributed as dist
from limner.errors import DataError, LimnerError
from limner.training.launch import find_processes

how = sys.argv[1]
processes = find_processes("cpu")
try:
    with processes.together():
        print("together", flush=True)
        if processes.rank == 1:
            raise DataError("my picture is broken")
        if how == "barrier":
            dist.barrier()
        if how == "turn":
            with processes.in_turn():
                pass
        if how == "deaf":  # as where a connection does not break by itself
            time.sleep(600)
except LimnerError as error:
    print(f"{type(error).__name__}: {error}", flush=True)
    sys.exit(1)
"""


@pytest.mark.parametrize("how", ["barrier", "turn", "deaf"])
def test_the_others_are_told_and_end(how):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", WORK, how],
            env={**os.environ, **places, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        waiting, failing = both
        told = failing.communicate(timeout=120)[0]
        began = time.monotonic()
        heard = waiting.communicate(timeout=120)[0]
    finally:
        for process in both:
            process.kill()
            process.wait()
    assert failing.returncode == waiting.returncode == 1
    assert "DataError: my picture is broken" in told
    assert "process 1 has stopped: my picture is broken" in heard
    assert time.monotonic() - began < 60
    if how != "deaf":
        assert "TrainingError: process 1 has stopped" in heard


def test_nothing_watches_any_more_once_the_block_is_left(monkeypatch):
    """A thread that asks the store while the interpreter ends takes the whole process down."""
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(store.port))
    before = threading.active_count()
    with Alarm(0):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
