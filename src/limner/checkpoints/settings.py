"""What a model folder says beside its weights: sampling defaults, and the words it was taught.

diffusers has no place for either, so they lie in `limner.json`; a folder without one is a published
model, which is painted with as its kind is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

from limner.checkpoints.typed import check_typed
from limner.diffusion.hold import Hold
from limner.diffusion.names import schedule_name, solver_name
from limner.diffusion.path import Path, path
from limner.diffusion.process import Process
from limner.diffusion.scheduler_config import LastOrders, SamplingPlan
from limner.diffusion.schedules import LevelOptions, Schedule
from limner.diffusion.solvers import Solver, solver_named
from limner.errors import CheckpointError

LISTS = ("concepts", "styles", "others", "colours", "grounds")
POOR = 0.5  # part of a concept's pictures that are right, below which they are mostly wrong


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a model was taught: concepts, styles, and further words that occur in its captions.

    lexicon: words that it has not read -> the concept that each is, or is a kind of.
    language: the name of what reads sentences for it; empty: they are painted as they stand.
    plain_style: the style of pictures for which none is asked, where it reads sentences.
    colours, grounds: basic colour terms and places that it was taught, by their names in
    `limner.language`. accuracy: concept -> the part of its pictures that a judge names right.
    """

    concepts: tuple[str, ...]
    styles: tuple[str, ...]
    others: tuple[str, ...] = ()
    lexicon: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    plain_style: str = ""
    colours: tuple[str, ...] = ()
    grounds: tuple[str, ...] = ()
    accuracy: Mapping[str, float] = field(default_factory=dict)

    def mostly_wrong(self, concept: str) -> bool:
        return self.accuracy.get(concept, 1.0) < POOR


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """A model's own defaults for painting, and how it was trained to be told of the words.

    options, unit_start, native_end: of the way through `schedule`, as the model's own scheduler
    has it (`limner.diffusion.path`); another schedule goes its usual way. last_orders: of `solver`,
    as it has them. hold: what every denoised picture is held to; None: nothing.
    aligned: the published levels of its family's Align Your Steps.
    size: (width, height) in pixels. upscale: how many times as wide and high pictures of that
    size are made; 1: they are not. interval: (low, high] sigmas that guidance is for; None: all.
    pad_mask: which padding may be attended to. clip_skip, final_norm: which state of the text
    tower is the context, as `TextEncoder` has them. zero_negative: an empty negative prompt is
    zeros and not encoded. dialect: what prompts are read as. weighting: what a weight in that
    dialect does; None: what it does in the dialect's own system.
    """

    steps: int = 20
    guidance: float = 7.5
    solver: str = "dpmpp_2m"
    schedule: str = "karras"
    shift: float = 1.0
    options: LevelOptions = field(default_factory=LevelOptions)
    unit_start: bool = False
    native_end: bool = False
    last_orders: LastOrders = field(default_factory=LastOrders)
    hold: Hold | None = None
    aligned: str = Schedule.AYS_SD1.value
    interval: tuple[float, float] | None = None
    size: tuple[int, int] = (512, 512)
    upscale: int = 1
    pad_mask: str = "none"
    clip_skip: int = 1
    final_norm: bool = True
    zero_negative: bool = False
    dialect: str = "a1111"
    weighting: str | None = None

    def path(
        self, process: Process, steps: int, schedule: str, **options: Unpack[LevelOptions]
    ) -> Path:
        """The way of a painting with the model's own process, its levels and both ends.

        options: of the levels, in place of the model's own. Raises RequestError for a schedule that
        does not fit.
        """
        own = schedule_name(schedule) == self.schedule
        chosen: LevelOptions = {"shift": self.shift, "aligned": self.aligned}
        chosen = {**chosen, **(self.options if own else {}), **options}
        return path(
            process,
            steps,
            schedule,
            unit_start=own and self.unit_start,
            native_end=own and self.native_end,
            **chosen,
        )

    def solver_of(
        self, name: str, steps: int, *, eta: float | None = None, churn: float | None = None
    ) -> Solver:
        """A solver for so many steps; the model's own has its last orders.

        Errors as `solver_named`.
        """
        own = solver_name(name) == self.solver
        orders = self.last_orders.of(steps) if own else ()
        return solver_named(name, eta=eta, churn=churn, last_orders=orders)

    def by_scheduler(self, plan: SamplingPlan) -> Sampling:
        """The same, but for what a model's own scheduler says."""
        return replace(
            self,
            solver=plan.solver,
            schedule=plan.schedule,
            options=plan.options,
            last_orders=plan.last_orders,
            hold=plan.hold,
            unit_start=plan.unit_start,
            native_end=plan.native_end,
        )


def sampling_from_json(json: Any) -> Sampling:
    """Raises CheckpointError for settings that this version does not know."""
    check_typed(json, Sampling, "limner.json, of sampling,")
    if unknown := sorted(json.keys() - Sampling.__dataclass_fields__.keys()):
        raise CheckpointError(f"limner.json sets {unknown[0]!r}: a newer Limner knows what it is")
    interval = json.get("interval")
    options = dict(json.get("options", {}))
    if "span" in options:
        options["span"] = tuple(options["span"])
    orders = json.get("last_orders", {})
    check_typed(orders, LastOrders, "limner.json, of the last orders,")
    hold = json.get("hold")
    try:
        made = replace(
            Sampling(),
            **dict(json)
            | {
                "options": options,
                "last_orders": LastOrders(**{few: tuple(each) for few, each in orders.items()}),
                "hold": None if hold is None else Hold(**hold),
                "size": tuple(json.get("size", Sampling.size)),
                "interval": None if interval is None else tuple(interval),
            },
        )
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"limner.json does not say how to sample: {error}") from None
    if made.steps < 1 or min(made.size) < 1:
        raise CheckpointError("limner.json has fewer than 1 step, or a size below 1 pixel")
    return made


def words_from_json(json: Any) -> Words | None:
    if json is None:
        return None
    check_typed(json, Words, "limner.json, of words,")
    known = {name: value for name, value in json.items() if name in Words.__dataclass_fields__}
    lists = {name: tuple(json.get(name, ())) for name in LISTS}
    return Words(**{**known, **lists})
