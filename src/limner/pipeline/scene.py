"""What holds for some steps of a painting: the texts that lead it, as a denoiser is told them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from limner.diffusion.process import Level
from limner.explain.heatmaps import Side
from limner.text.alignment import Alignment
from limner.types import Conditioning


@dataclass(frozen=True, kw_only=True, eq=False)
class Control:
    """What is kept of an original prompt for some steps, as `.swap()` asks.

    original: its conditioning, of one row. alignment: of its tokens with the edited prompt's.
    cross, own: whether the maps of cross-attention, and of self-attention, are kept.
    """

    original: Conditioning
    alignment: Alignment
    cross: bool
    own: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What holds for some steps.

    negative, members: conditionings of one row and of one length. weights: of the members; one of
    weight 1 unless the prompt has an AND. sides: the texts of these. swap: what a swap keeps of the
    original prompt, where the one member is the edited prompt. parts: of the picture, each with a
    text of its own; those of the one member, and of the negative, lie one behind the other.
    grounded: whether every part looks at the first of these texts as well.
    """

    negative: Conditioning
    members: tuple[Conditioning, ...]
    weights: tuple[float, ...]
    sides: tuple[Side, ...]
    swap: Control | None = None
    parts: int = 1
    grounded: bool = False


Told = Mapping[int, Scene]
"""Last step, counted from 1 -> what holds up to it; steps that say the same share a scene."""


def changed(told: Told, change: Callable[[Scene], Scene]) -> Told:
    """The same with every scene changed; steps that share one share what becomes of it."""
    made = {id(scene): change(scene) for scene in dict.fromkeys(told.values())}
    return {last: made[id(scene)] for last, scene in told.items()}


def at_level(told: Told, visited: Sequence[Level], level: Level) -> tuple[int, Scene]:
    """The step of an evaluation, which begins at or above its level, and what holds at it."""
    step = max(1, sum(each.sigma >= level.sigma for each in visited[:-1]))
    return step, next(scene for last, scene in told.items() if step <= last)
