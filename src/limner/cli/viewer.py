"""A picture shown by the system's own viewer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PATIENCE = 3  # seconds in which an opener says that it cannot
OPENERS = ("open",) if sys.platform == "darwin" else ("xdg-open", "wslview")


def show(path: Path) -> bool:
    """Open a file with what the system opens it with; False where nothing does.

    The viewer goes on when Limner ends.
    """
    if sys.platform == "win32":
        os.startfile(path)
        return True
    for opener in OPENERS:
        program = shutil.which(opener)
        if program is not None:
            return _started(program, path)
    return False


def _started(program: str, path: Path) -> bool:
    """Whether an opener took a file; those that go on for long have taken it."""
    try:
        process = subprocess.Popen(
            [program, str(path.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return process.wait(timeout=PATIENCE) == 0
    except subprocess.TimeoutExpired:
        process.returncode = 0  # it is let go: nobody waits for a viewer that a person looks at
        return True
    except OSError:
        return False
