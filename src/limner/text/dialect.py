"""The prompt dialects, and what a weight in a prompt does, by name."""

from __future__ import annotations

from enum import Enum, StrEnum

LONGEST_PROMPT = 10_000  # characters: some 30 chunks of a text encoder, and seconds of it


class Dialect(StrEnum):
    """Whose prompts are read: each has its own syntax, splitting and weighting."""

    A1111 = "a1111"
    COMPEL = "compel"
    COMFY = "comfy"
    PLAIN = "plain"


class Weighting(Enum):
    """What a weight r does to the encoding z of a prompt; e is that of the empty prompt.

    SCALE: r z, then the whole chunk scaled to the mean that it had (A1111's "original").
    SCALE_PLAIN: r z (A1111's "no norm"; the lecture's eq. 14).
    LERP: e + r (z - e) (ComfyUI).
    COMPEL: as LERP, and weights below 1 mix in the prompt with the span hidden from the encoder.
    COMPEL_REMOVAL: the same with the span taken out of the prompt.
    IGNORE: nothing; the weights are read and not applied (A1111's "ignore").
    """

    SCALE = "scale"
    SCALE_PLAIN = "scale_plain"
    LERP = "lerp"
    COMPEL = "compel"
    COMPEL_REMOVAL = "compel_removal"
    IGNORE = "ignore"
