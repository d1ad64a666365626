"""What the command line says, and where: results on standard output, all else on standard error.

A name that is told is the file's own, byte for byte. What cannot be said on standard error (it is
closed, full, or nobody reads it any more) is not said: no picture is lost for it.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from limner.errors import OutputError

STANDARD = Path("-")
"""What stands for standard output, or input, where a file is asked for."""


def prepare() -> None:
    """Make this process's words, names and streams such as Limner takes them to be.

    Where the locale has ASCII alone, Python is started again with UTF-8 for names and words, which
    is what they are in. A standard stream that is closed becomes one that leads nowhere, so that no
    file that is opened takes its number.
    """
    if codecs.lookup(sys.getfilesystemencoding()).name == "ascii":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def say(line: object) -> None:
    """Write a line to standard error, where it can be."""
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # a ValueError of a stream that was closed in Python
        _lead_nowhere(sys.stderr)


def warn(line: str) -> None:
    """Say in one line what the person may want to know, and go on."""
    say(f"limner: warning: {line}")


def tell(line: str | Path) -> None:
    """Write a line to standard output: of a path the very bytes of its name.

    Raises OutputError where it cannot be written, BrokenPipeError where nobody reads it.
    """
    text = os.fsencode(line) if isinstance(line, Path) else _encoded(line)
    write(text + b"\n")


def write(data: bytes) -> None:
    """Write bytes to standard output; errors as of `tell`."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
        if hasattr(sys.stdout, "buffer"):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:  # text alone, where a program has put something in its place
            sys.stdout.write(data.decode("utf-8", "replace"))
    except OSError as error:
        _lead_nowhere(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputError(f"standard output cannot be written: {error.strerror}") from None


def _encoded(text: str) -> bytes:
    return text.encode(sys.stdout.encoding or "utf-8", "backslashreplace") if sys.stdout else b""


def _lead_nowhere(stream: IO[str]) -> None:
    """What is still to be written to a stream is let go, or its end would fail again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
