"""The tree of errors that Limner raises.

LimnerError                 everything below; its text is one line that says what would be right
├── UsageError              what was asked cannot be done as asked (command exit code 2)
│   ├── RequestError        a field of a `Request` is out of its range
│   └── PromptError         a prompt does not follow its dialect; carets mark where, on more lines
├── CheckpointError         a model folder or file is missing, broken, or does not match
├── DataError               a data set cannot be read or built
├── TrainingError           a training cannot start, continue, or has diverged
├── NumericsError           a stage of painting produced NaN or infinity
└── OutputError             a result cannot be written
"""

from __future__ import annotations

import unicodedata

AROUND = 30  # characters of a prompt that are shown on each side of what is marked


class LimnerError(Exception):
    """Base of every error that Limner raises on purpose."""


class UsageError(LimnerError, ValueError):
    """What was asked cannot be done as asked."""


class RequestError(UsageError):
    """A field of a request is out of its range."""


class PromptError(UsageError):
    """A prompt does not follow its dialect.

    summary: one line that says what is wrong and what would be right. The text of the error is the
    summary, the piece of the prompt, and a line of carets under what is meant.
    prompt: the whole prompt. place: (start, stop) in it.
    """

    def __init__(self, summary: str, prompt: str, place: tuple[int, int]) -> None:
        self.summary = f"{summary} (character {place[0] + 1})"
        self.prompt = prompt
        self.place = place
        super().__init__("\n".join([self.summary, *_marked(prompt, *place)]))

    def __reduce__(self) -> tuple[type[PromptError], tuple[str, str, tuple[int, int]]]:
        summary = self.summary.rpartition(" (character ")[0]
        return PromptError, (summary, self.prompt, self.place)


class CheckpointError(LimnerError):
    """A model folder or file is missing, broken, or does not match its description."""


class DataError(LimnerError):
    """A data set cannot be read or built."""


class TrainingError(LimnerError):
    """A training cannot start, cannot continue, or has diverged."""


class NumericsError(LimnerError):
    """A stage of painting produced NaN or infinity."""


class OutputError(LimnerError):
    """A result cannot be written."""


def _marked(prompt: str, start: int, stop: int) -> tuple[str, str]:
    """The prompt around a place, and the carets that stand below the place."""
    first, last = max(0, start - AROUND), min(len(prompt), stop + AROUND, start + 2 * AROUND)
    stop = min(stop, last)
    before = ("... " if first > 0 else "") + prompt[first:start]
    marked, after = prompt[start:stop], prompt[stop:last] + (" ..." if last < len(prompt) else "")
    carets = " " * _columns(before) + "^" * max(1, _columns(marked))
    return "    " + _printable(before + marked + after), "    " + carets


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _columns(text: str) -> int:
    """The columns of a terminal that a text takes: two for a wide letter, none for an accent."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)
