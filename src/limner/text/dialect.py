"""The prompt dialects by name."""

from __future__ import annotations

from enum import Enum


class Dialect(Enum):
    """Whose prompts are read: each has its own syntax, splitting and weighting."""

    A1111 = "a1111"
    COMPEL = "compel"
    COMFY = "comfy"
    PLAIN = "plain"
