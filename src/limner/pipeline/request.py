"""What to paint, as one frozen value: `limner.pipeline.statement` says what each field is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from limner.diffusion.names import NoiseMode, solver_and_schedule
from limner.errors import RequestError
from limner.pipeline.kinds import shown
from limner.pipeline.statement import (
    BESIDE,
    COLLAGE,
    FACTORS,
    FIELDS,
    MAX_PIXELS,
    MAX_SEED,
    STACKED,
    STORED,
    Statement,
)

__all__ = ["BESIDE", "COLLAGE", "FACTORS", "MAX_PIXELS", "MAX_SEED", "STACKED", "STORED", "Request"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Request(Statement):
    """What to paint. A field of None takes the model's own default.

    Picture i of `count` has seed + i; a solver such as "DPM++ 2M Karras" names the schedule too.
    Values are checked, and kept as plain Python has them: (64, 64) for [64, 64], 3.0 for 3.
    Raises RequestError for a value that its field does not take, and for two that do not go along.
    """

    def __post_init__(self) -> None:
        for each in FIELDS.values():
            object.__setattr__(self, each.name, each.check(getattr(self, each.name)))
        if self.variation_seed is not None and self.variation_strength == 0:
            raise RequestError(
                f"variation_seed is {self.variation_seed} but variation_strength is 0: "
                "a strength above 0 is right, or no variation_seed"
            )
        if self.refine is not None and self.upscale in (None, 1):
            raise RequestError(
                f"refine is {self.refine} but nothing is enlarged: upscale goes with it, "
                f"{' or '.join(map(str, FACTORS))}"
            )
        for name in ("seed", "variation_seed"):
            most = MAX_SEED - (self.count - 1)
            if (seed := getattr(self, name)) is not None and seed > most:
                raise RequestError(
                    f"{name} is {seed}, and {self.count} pictures count on from it beyond "
                    f"{MAX_SEED}: at most {most} is right"
                )
        self._take_solver()

    def _take_solver(self) -> None:
        """Put Limner's own name in the place of another, which may say the schedule too."""
        if self.solver is None:
            return
        solver, said = solver_and_schedule(self.solver)
        if said is not None and self.schedule not in (None, said):
            raise RequestError(
                f"solver {self.solver!r} says schedule {said!r}, but schedule is "
                f"{self.schedule!r}: one of the two is right"
            )
        object.__setattr__(self, "solver", solver)
        object.__setattr__(self, "schedule", said or self.schedule)

    def with_defaults(self, **defaults: Any) -> Request:
        """The same with every field that is None taken from `defaults`."""
        return replace(self, **{k: v for k, v in defaults.items() if getattr(self, k) is None})

    @property
    def texts(self) -> tuple[str, ...]:
        """All that it says: prompt, negative, and the text of each region."""
        return self.prompt, self.negative, *(region.text for region in self.regions or ())

    def alone(self, index: int) -> Request:
        """The request that paints picture `index` of these alone.

        Noise mode `batch` has no such request: a picture of it is painted with its whole batch, and
        what comes back is the request of all.
        """
        if self.noise == NoiseMode.BATCH:
            return replace(self, start_noise=None)
        seeds = {"seed": self.seed, "variation_seed": self.variation_seed}
        own: dict[str, Any] = {
            name: seed + index for name, seed in seeds.items() if seed is not None
        }
        return replace(self, **own, count=1, start_noise=None)

    def to_json(self) -> str:
        """All but what no text can hold (`UNSTORED`, pictures), for a picture's metadata."""
        named = {name: FIELDS[name].about.kind.stored(getattr(self, name)) for name in STORED}
        return json.dumps(named, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Request:
        """What `to_json` wrote. Raises RequestError if it is something else, whatever it is."""
        try:
            return cls.from_values(json.loads(text))
        except (ValueError, RecursionError) as error:  # a RequestError is a ValueError
            raise RequestError(
                f"this is no request that Limner wrote: {str(error)[:200]}"
            ) from None

    @classmethod
    def from_values(cls, values: Any) -> Request:
        """A request of JSON's values by field.

        Raises RequestError where they are no object, have a field that is unknown or that JSON
        cannot hold, or a value that its field does not take.
        """
        if not isinstance(values, dict):
            raise RequestError(f"{shown(values, 40)} is no request: an object with its fields is")
        for name in values:
            if name not in STORED:
                raise RequestError(f"{name[:40]!r} is unknown: one of {', '.join(STORED)} is right")
        if "prompt" not in values:
            raise RequestError("a prompt is missing")
        return cls(**{name: FIELDS[name].check(value) for name, value in values.items()})


# What `help(Request)` says of the fields, out of their statement.
Request.__doc__ = "\n".join(
    (Request.__doc__ or "", *(f"    {name}: {each.description}" for name, each in FIELDS.items()))
)
