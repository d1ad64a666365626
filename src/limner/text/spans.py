"""What every prompt dialect comes to: pieces of text with weights, and breaks between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Text that has one weight.

    text: as the tokenizer is to read it, escapes resolved. place: (start, stop) in the prompt as it
    was written, None for text that stands nowhere in it.
    """

    text: str
    weight: float = 1.0
    place: tuple[int, int] | None = None


@dataclass(frozen=True)
class Break:
    """What comes after it begins a new chunk of tokens."""

    place: tuple[int, int] | None = None


Spans = Sequence[Span | Break]
