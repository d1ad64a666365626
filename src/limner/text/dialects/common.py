"""What several dialects read and write alike."""

from __future__ import annotations

import math
from decimal import Decimal

from limner.errors import PromptError

DEEPEST = 50  # brackets within one another; more is never meant


def number(text: str, prompt: str, place: tuple[int, int], what: str = "a weight") -> float:
    """A number as a person writes it. Raises PromptError where it is none, or not finite."""
    try:
        value = float(text)
    except ValueError:
        raise PromptError(f"{what} must be a number, not {text.strip()!r}", prompt, place) from None
    if not math.isfinite(value):
        raise PromptError(f"{what} must be finite, not {text.strip()[:20]}", prompt, place)
    return value


def decimal(value: float) -> str:
    """A float without an exponent, exactly: 1.2, 3, 0.00001."""
    text = format(Decimal(repr(float(value))), "f")
    return text.removesuffix(".0")


def too_deep(prompt: str, place: tuple[int, int]) -> PromptError:
    summary = f"brackets are nested more than {DEEPEST} deep: close some before this one"
    return PromptError(summary, prompt, place)
