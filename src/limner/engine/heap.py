"""What glibc does with the memory of tensors that are let go.

By itself it gives each large one back to the system at once, which then has to clear every page of
the next: a good part of a large model's time on the CPU. While something is painted it is kept, and
after that all of it is given back.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

TRIM, MMAP = -1, -3  # mallopt's names of what it sets
NEVER = 2**31 - 1
LARGEST, UNUSED = 32 << 20, 64 << 20
"""What glibc by itself comes to in a program of large tensors: bytes of one, of what is let go."""


def keep() -> None:
    """From now on the process keeps what is let go. Nothing where there is no glibc."""
    if (libc := _glibc()) is not None:
        libc.mallopt(MMAP, NEVER)
        libc.mallopt(TRIM, NEVER)


def trim() -> None:
    """What is kept goes back to the system."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def give_back() -> None:
    """As `trim`; and from now on what is let go goes back as it does by itself."""
    if (libc := _glibc()) is not None:
        libc.mallopt(MMAP, LARGEST)
        libc.mallopt(TRIM, UNUSED)
    trim()


@cache
def _glibc() -> Any:
    """The C library of this process, where it is glibc; else None."""
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    has = all(hasattr(libc, name) for name in ("gnu_get_libc_version", "mallopt", "malloc_trim"))
    return libc if has else None
