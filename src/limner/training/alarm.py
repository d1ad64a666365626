"""Processes that end together: what one fails of the others are told, and none is left waiting.

A process that waits for another in a barrier or a sum cannot be called back: where the connection
does not break by itself, such as between GPUs, it would wait for hours. So a thread of each asks
the store that brought them together, and ends its process where that does not end by itself.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from datetime import timedelta

import torch.distributed as dist

from limner.errors import LimnerError, TrainingError

EVERY = 1.0
"""Seconds between two questions."""

GRACE = 5.0
"""Seconds for a process to end by itself after another has failed."""


class Alarm:
    """Around all that the processes of one training do together.

    An error in one is told to the others, in which what the lost connection raises becomes a
    TrainingError that names the process and its error. A process that is still within the block
    some seconds later is ended, with that as its last words.
    """

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self._left = threading.Event()
        self._told = threading.Event()
        self._said = ""

    def __enter__(self) -> Alarm:
        self._store, self._key = _store(), _key()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._left.set()
        self._watching.join()  # a program that ends while the store is being asked is aborted

    def note(self, error: BaseException) -> None:
        """Tell the others of an error; TrainingError where it comes of another one's."""
        if isinstance(error, RuntimeError) and self._told.wait(GRACE):
            raise TrainingError(self._said) from error
        what = str(error) if isinstance(error, LimnerError) else f"{type(error).__name__} {error}"
        # If whoever keeps the store is gone, the others see that by themselves.
        with suppress(RuntimeError):
            self._store.set(self._key, f"process {self.rank} has stopped: {what}")

    def _watch(self) -> None:
        """Ask until it is time to end, or the block is left."""
        while not self._left.wait(EVERY):
            try:
                if not self._store.check([self._key]):
                    continue
                self._said = self._store.get(self._key).decode()
            except RuntimeError:
                self._said = "the first process is gone"
            break
        else:
            return
        self._told.set()
        if not self._left.wait(GRACE):
            with suppress(OSError, ValueError):  # nobody hears it: the process ends all the same
                print(f"limner: {self._said}", file=sys.stderr, flush=True)
            os._exit(1)


def _store() -> dist.TCPStore:
    """A connection of its own to the store that the processes were brought together by."""
    return dist.TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=False,
        wait_for_workers=False,
        timeout=timedelta(seconds=30),
    )


def _key() -> str:
    """A launcher that starts all again keeps its store."""
    return f"limner/stopped/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
