"""What a model brings to read prompts by: the protocol, and what comes of a prompt."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from limner.pipeline.regions import Region


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A prompt as it is painted.

    prompt: in the model's own words and dialect; may hold AND. layout: "beside" or "stacked" where
    the texts that AND joins are to be painted in parts of the picture; "collage" where the prompt
    is the name of a picture whose regions are each painted by itself. canvas: its width and height,
    in those of the model's own pictures. ground: what is drawn behind it. notes: what to tell the
    person: what was read, which words are not painted.
    """

    prompt: str
    layout: str | None = None
    regions: tuple[Region, ...] = ()
    canvas: tuple[float, float] = (1.0, 1.0)
    ground: str | None = None
    notes: tuple[str, ...] = ()


@runtime_checkable
class Language(Protocol):
    """How prompts of a model are read. Pure: the same prompt gives the same reading."""

    def read(
        self,
        prompt: str,
        *,
        kept: Collection[str] = (),
        whole: bool = False,
        collages: bool = True,
    ) -> Reading:
        """The prompt in the model's own words.

        What comes of a reading is read as itself, without notes but for words that nobody knows.
        kept: words with a meaning of their own (learned ones), in whose prompts nothing is left
        out. whole: one text for all of the picture, no layout. collages: whether a collage is
        taken.
        """
        ...
