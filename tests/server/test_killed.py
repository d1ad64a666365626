"""Killed in the middle of its work, again and again, a server loses no finished picture."""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

JOBS = "/api/v1/jobs"
AT_ONCE = 3


@dataclass
class Known:
    """What a client was told. taken: jobs by their place; pictures: of those told as completed."""

    taken: set[str] = field(default_factory=set)
    pictures: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Killable:
    """A server that is started and killed."""

    starter: subprocess.Popen[str]
    client: httpx2.Client

    def start(self) -> int:
        """Its process, once it is ready."""
        assert self.starter.stdin is not None
        assert self.starter.stdout is not None
        self.starter.stdin.write("\n")
        self.starter.stdin.flush()
        process = int(self.starter.stdout.readline())
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(httpx2.TransportError):
                if self.client.get("/health/ready").status_code == 200:
                    return process
            time.sleep(0.01)
        raise AssertionError("it does not become ready")


@contextmanager
def killable(model: Path, state: Path) -> Iterator[Killable]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).with_name("forking.py")
    command = [sys.executable, str(script), str(model), str(state), str(port)]
    pipe = subprocess.PIPE
    client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as starter,
        closing(client),
    ):
        yield Killable(starter, client)


def asking(client: httpx2.Client, known: Known, chance: random.Random) -> None:
    """Ask for pictures until the server is gone, and keep what it said."""
    with suppress(httpx2.TransportError):
        while True:
            made = []
            for _ in range(AT_ONCE):
                wish = {"prompt": "a cat", "seed": chance.randrange(2**32)}
                wish |= {"steps": chance.randint(1, 3), "count": chance.randint(1, 2)}
                made.append(client.post(JOBS, json=wish).headers["location"])
                known.taken.add(made[-1])
            for place in made:
                done = client.get(place, params={"wait": 30}).json()
                if done["status"] == "completed":
                    pictures = [client.get(each).content for each in done["images"]]
                    known.pictures[place] = b"".join(pictures)


def check(client: httpx2.Client, known: Known) -> int:
    """All that was told as completed is there as it was, the rest is at an end; how many failed."""
    failed = 0
    for place in known.taken:
        job = client.get(place).json()
        pictures = b"".join(client.get(each).content for each in job["images"])
        if place in known.pictures:
            assert job["status"] == "completed"
            assert pictures == known.pictures[place]
        elif job["status"] == "completed":  # it had no time to say so
            assert pictures
        else:
            assert (job["status"], job["error"]["code"]) == ("failed", "restarted")
            failed += 1
    return failed


def killed(model: Path, state: Path, times: int) -> None:
    chance, known = random.Random(times), Known()
    with killable(model, state) as server:
        for _ in range(times):
            process = server.start()
            check(server.client, known)
            asker = threading.Thread(target=asking, args=(server.client, known, chance))
            before = len(known.taken)
            asker.start()
            while len(known.taken) == before or not known.pictures:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.5))
            os.kill(process, signal.SIGKILL)
            asker.join(60)
            assert not asker.is_alive()
        process = server.start()
        assert check(server.client, known) > 0
        assert known.pictures
        os.kill(process, signal.SIGKILL)
    with closing(sqlite3.connect(state / "jobs.sqlite")) as table:
        rows = table.execute(
            "SELECT status, json_extract(facts, '$.images'), "
            "(SELECT count(*) FROM images WHERE job = id) FROM jobs"
        ).fetchall()
    assert len(rows) >= len(known.taken)
    for status, said, there in rows:
        assert status in ("completed", "failed")
        assert (said or 0) == there
        assert (there > 0) == (status == "completed")


def test_killed_three_times(tiny_model: Path, tmp_path: Path) -> None:
    killed(tiny_model, tmp_path, 3)


@pytest.mark.slow
def test_killed_fifty_times(tiny_model: Path, tmp_path: Path) -> None:
    killed(tiny_model, tmp_path, 50)
