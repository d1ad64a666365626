"""Seconds and peak memory of the whole command, from the shell to the file.

python bench/command.py --runs 5
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROMPT = "a red apple, 3d"


def measure(arguments: list[str], folder: Path) -> tuple[float, float]:
    """(seconds, peak resident MB) of one run in a process of its own."""
    command = [sys.executable, "-m", "limner", *arguments, "-o", str(folder / "picture.png")]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--force"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the command failed with exit code {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return seconds, usage.ru_maxrss * unit / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("arguments", nargs="*", default=[PROMPT, "--seed", "7"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(given.arguments, Path(folder))  # the first run reads the packages from the disk
        runs = [measure(given.arguments, Path(folder)) for _ in range(given.runs)]
    seconds, peaks = zip(*runs, strict=True)
    print(
        f"{given.runs} runs: median {statistics.median(seconds):.2f} s "
        f"({min(seconds):.2f} to {max(seconds):.2f}), peak {max(peaks):.0f} MB"
    )


if __name__ == "__main__":
    main()
