"""What a model brings to read prompts by: the protocol, and what comes of a prompt."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A prompt as it is painted.

    prompt: in the model's own words and dialect; may hold AND. layout: "beside" or "stacked" where
    the texts that AND joins are to be painted in parts of the picture. notes: what to tell the
    person: what was read, which words are not painted.
    """

    prompt: str
    layout: str | None = None
    notes: tuple[str, ...] = ()


@runtime_checkable
class Language(Protocol):
    """How prompts of a model are read. Pure: the same prompt gives the same reading."""

    def read(self, prompt: str, *, kept: Collection[str] = (), whole: bool = False) -> Reading:
        """The prompt in the model's own words.

        What comes of a reading is read as itself, without notes but for words that nobody knows.
        kept: words with a meaning of their own (learned ones), in whose prompts nothing is left
        out. whole: one text for all of the picture, no layout.
        """
        ...
