"""Everything that can be asked of a picture, as one frozen value."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields, replace
from typing import Any

from torch import Tensor

from limner.diffusion.names import schedule_name, solver_and_schedule
from limner.errors import RequestError

MAX_COUNT = 1024
MAX_STEPS = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """What to paint. A field of None takes the model's own default.

    prompt, negative: what to paint, and what to lead away from.
    seed: of the first picture; picture i has seed + i. None: a new one, told in the result.
    count: how many pictures.
    size: (width, height) in pixels.
    steps: noise levels that the solver visits.
    guidance: the scale of classifier-free guidance; 1: none.
    solver, schedule: as Limner, A1111, ComfyUI or diffusers name them (`limner.diffusion.names`);
        kept as Limner's names. A solver such as "DPM++ 2M Karras" names the schedule too.
    start_noise: (count, C, h, w) of unit variance, in place of the seed's noise.
    """

    prompt: str
    negative: str = ""
    seed: int | None = None
    count: int = 1
    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | None = None
    solver: str | None = None
    schedule: str | None = None
    start_noise: Tensor | None = None

    def __post_init__(self) -> None:
        _range("count", self.count, 1, MAX_COUNT)
        _range("steps", self.steps, 1, MAX_STEPS)
        _range("seed", self.seed, 0, 2**63 - 1 - MAX_COUNT)
        if self.guidance is not None and not math.isfinite(self.guidance):
            raise RequestError(f"guidance is {self.guidance}: a finite number is right, such as 3")
        if self.size is not None and min(self.size) < 1:
            raise RequestError(
                f"size is {self.size}: two positive numbers are right, width x height"
            )
        self._take_names()

    def _take_names(self) -> None:
        """Put Limner's own names in the place of others; RequestError for unknown ones."""
        schedule = None if self.schedule is None else schedule_name(self.schedule)
        if self.solver is not None:
            solver, said = solver_and_schedule(self.solver)
            if said is not None and schedule not in (None, said):
                raise RequestError(
                    f"solver {self.solver!r} says schedule {said!r}, but schedule is {schedule!r}: "
                    "one of the two is right"
                )
            object.__setattr__(self, "solver", solver)
            schedule = said or schedule
        object.__setattr__(self, "schedule", schedule)

    def with_defaults(self, **defaults: Any) -> Request:
        """The same with every field that is None taken from `defaults`."""
        return replace(self, **{k: v for k, v in defaults.items() if getattr(self, k) is None})

    def to_json(self) -> str:
        """All but `start_noise`, for a picture's metadata."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "start_noise"}
        return json.dumps(named, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Request:
        """What `to_json` wrote. Raises RequestError if it is something else."""
        try:
            named = json.loads(text)
            if named.get("size") is not None:
                named["size"] = tuple(named["size"])
            return cls(**named)
        except (ValueError, TypeError, AttributeError) as error:
            raise RequestError(f"this is no request that Limner wrote: {error}") from None


def _range(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise RequestError(f"{name} is {value}: a whole number from {least} to {most} is right")
