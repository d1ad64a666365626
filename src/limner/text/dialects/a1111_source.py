"""A prompt of A1111 without its comments and tags, and where each character of it stood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from limner.errors import PromptError
from limner.text.dialects.common import number
from limner.text.nodes import Lora, Tag

STRENGTHS = {"te": "text encoder", "unet": "denoiser"}
COMMENT = re.compile(r"\\.|#[^\n]*", re.DOTALL)
TAG = re.compile(r"\\.|<(\w+):([^<>]+)>", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """text: what is left. positions: of each character of it in the prompt, and of the end.

    tags: each with the position in `text` that it stood at.
    """

    prompt: str
    text: str
    positions: Sequence[int]
    tags: tuple[tuple[int, Lora | Tag], ...]

    @classmethod
    def of(cls, prompt: str, lenient: bool) -> Source:
        text, positions = _without(COMMENT, prompt, range(len(prompt) + 1), escape="\\")
        tags = [m for m in TAG.finditer(text) if not m[0].startswith("\\")]
        source = cls(prompt, text, positions, ())
        found, removed = [], 0
        for match in tags:
            found.append((match.start() - removed, _tag(match, source, lenient)))
            removed += len(match[0])
        return cls(prompt, *_without(TAG, text, positions, escape="\\"), tuple(found))

    def place(self, start: int, stop: int) -> tuple[int, int]:
        """Where a piece of the text stands in the prompt."""
        if stop <= start:
            return self.positions[start], self.positions[start]
        return self.positions[start], self.positions[stop - 1] + 1


def _without(
    pattern: re.Pattern[str], text: str, positions: Sequence[int], escape: str
) -> tuple[str, Sequence[int]]:
    """The text without what the pattern finds; what begins with the escape stays."""
    kept: list[str] = []
    moved: list[int] = []
    last = 0
    for match in pattern.finditer(text):
        if not match[0].startswith(escape):
            kept.append(text[last : match.start()])
            moved += positions[last : match.start()]
            last = match.end()
    if last == 0:
        return text, positions
    return "".join([*kept, text[last:]]), [*moved, *positions[last:]]


def _tag(match: re.Match[str], source: Source, lenient: bool) -> Lora | Tag:
    place = source.place(*match.span())
    if match[1] != "lora":
        return Tag(match[1], match[2], place)
    try:
        return _lora(match[2].split(":"), source, place)
    except PromptError:
        if not lenient:
            raise
        return Tag(match[1], match[2], place)


def _lora(arguments: list[str], source: Source, place: tuple[int, int]) -> Lora:
    """`name`, then the strengths `te` and `unet` by position or by name."""
    name, *rest = arguments
    by_position = [a for a in rest if "=" not in a]
    named = dict(a.split("=", 1) for a in rest if "=" in a)
    strengths = dict(zip(STRENGTHS, by_position, strict=False)) | {
        key: named.pop(key) for key in STRENGTHS if key in named
    }
    values = {
        key: number(value, source.prompt, place, f"a LoRA's weight in the {STRENGTHS[key]}")
        for key, value in strengths.items()
    }
    text_encoder = values.get("te", 1.0)
    others = (*by_position[2:], *(f"{key}={value}" for key, value in named.items()))
    return Lora(name, text_encoder, values.get("unet", text_encoder), others, place)
