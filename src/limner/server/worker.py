"""The engine's thread: the one that calls the core, and through it all networks."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from limner.server.core import Core

log = logging.getLogger("limner.server")
PAUSE = 1.0  # seconds between two beats where there is nothing to do


class Worker:
    """Runs a core's turns as long as there is work, and what others want done between turns."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.beat = time.monotonic()
        self._inbox: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="limner-engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def do(self, what: Callable[[], object]) -> None:
        """Have something done on the engine's thread between two turns."""
        self._inbox.put(what)

    def stop(self, timeout: float | None = None) -> None:
        """End after the turn that is under way."""
        self._inbox.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        busy = False
        while True:
            self.beat = time.monotonic()
            try:
                what = self._inbox.get_nowait() if busy else self._inbox.get(timeout=PAUSE)
            except queue.Empty:
                busy = self._turn()
                continue
            if what is None:
                return
            try:
                what()
            except Exception:
                log.exception("what was asked of the engine's thread failed")
            busy = True

    def _turn(self) -> bool:
        try:
            return self.core.tick()
        except Exception:  # the core tells failures to their works: this is a fault of its own
            log.exception("a turn failed")
            time.sleep(PAUSE)
            return True
