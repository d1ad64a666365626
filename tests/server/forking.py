"""Starts a server again whenever a line comes in, and says its process, until it is killed.

    python forking.py MODEL STATE PORT

A process of its own that has everything imported: a fork of it serves at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from limner.server.running import Options, prepared, serve


def main(model: str, state: str, port: str) -> None:
    options = Options(models=[model], state=Path(state), port=int(port), device="cpu")
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            serve(prepared(options))
            os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
