"""The way of one painting: its levels, and what noise and result are multiplied by at its ends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Unpack

from limner.diffusion.process import Level, Process
from limner.diffusion.schedules import LevelOptions, Schedule, levels


@dataclass(frozen=True, kw_only=True)
class Path:
    """levels: falling, in straight coordinates. A painting begins with x = start * noise of unit
    variance at the first of them, and its latent is end * the x that the solver returns.
    """

    levels: tuple[Level, ...]
    start: float
    end: float = 1.0


def path(
    process: Process,
    steps: int,
    schedule: Schedule | str,
    *,
    unit_start: bool = False,
    native_end: bool = False,
    **options: Unpack[LevelOptions],
) -> Path:
    """The way through the `levels` of a schedule with its options.

    unit_start: x begins with unit variance in native coordinates, or as if its data had that, in
    place of sigma * noise. native_end: what is painted is x in native coordinates.
    """
    visited = levels(process, steps, schedule, **options)
    first, last = visited[0], visited[-1]
    unit = math.hypot(1.0, first.sigma) if first.alpha == 1 else 1.0  # 1 for every level of a flow
    start = unit if unit_start else first.sigma
    end = process.native_scale(last) if native_end else 1.0
    return Path(levels=visited, start=start, end=end)
