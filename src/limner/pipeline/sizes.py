"""Sizes of pictures that a model can paint."""

from __future__ import annotations

Size = tuple[int, int]
"""(width, height) in pixels."""

MAX_PIXELS = 2**26  # 8192 x 8192


def nearest(size: Size, multiple: int, scale: float = 1.0) -> Size:
    """The nearest size of such multiples, to so many times a size."""
    width, height = (max(1, round(scale * side / multiple)) * multiple for side in size)
    return width, height
