"""What a picture says of its painting, as far as the model and solver at hand can take it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from limner.checkpoints import Parts
from limner.diffusion.solvers import SOLVERS
from limner.errors import RequestError
from limner.pipeline.model import Model
from limner.pipeline.request import COLLAGE, Request
from limner.pipeline.resolve import Resolved
from limner.pipeline.sizes import nearest

Left = tuple[Any, str]
"""What a field is in place of the picture's value, and what to tell."""


def fitted(request: Request, model: Model, asked: Collection[str]) -> Resolved:
    """The request of a picture without settings that cannot be taken here, and what was left out.

    asked: fields that a person gave in place of the picture's: those stay, whatever comes of them.
    """
    notes: list[str] = []
    for name, unfit in UNFIT.items():
        if name in asked or getattr(request, name) is None:
            continue
        for value, note in unfit(request, model):
            request = replace(request, **{name: value})
            notes.append(f"the picture's {note}")
    return Resolved(request, tuple(notes))


def deepest(parts: Parts) -> int:
    """The largest clip_skip of a model: every layer of each text tower, and what goes into them."""
    towers = (parts.towers[name][1] for name in parts.family.towers)
    return 1 + min(getattr(tower.config, "layers", 0) for tower in towers)


def _eta(request: Request, model: Model) -> Iterator[Left]:
    solver = model.sampling.solver if request.solver is None else request.solver
    if not SOLVERS[solver].takes_eta:
        yield None, f"eta {request.eta:g} is left out: solver {solver!r} takes none"


def _schedule(request: Request, model: Model) -> Iterator[Left]:
    own = model.sampling.schedule
    if request.schedule is not None and not _goes(model, request, schedule=request.schedule):
        yield (
            None,
            f"schedule {request.schedule!r} is left out: it does not fit this model, whose own is "
            f"{own!r}",
        )


def _discard(request: Request, model: Model) -> Iterator[Left]:
    """Of a schedule that fits: one level less may be none."""
    schedule = model.sampling.schedule if request.schedule is None else request.schedule
    discards = request.discard_penultimate
    if discards and not _goes(model, request, schedule=schedule, discard_penultimate=True):
        yield False, f"last level but one stays: schedule {schedule!r} cannot leave it out"


def _goes(model: Model, request: Request, **options: Any) -> bool:
    """Whether there are levels of so many steps."""
    steps = model.sampling.steps if request.steps is None else request.steps
    try:
        model.sampling.path(model.parts.process, steps, **options)
    except RequestError:
        return False
    return True


def _clip_skip(request: Request, model: Model) -> Iterator[Left]:
    most = deepest(model.parts)
    if request.clip_skip is not None and request.clip_skip > most:
        said = f"clip skip {request.clip_skip} is left out: this model's text encoder has {most}"
        yield None, f"{said} layers to take, and {model.sampling.clip_skip} is its own"


def _size(request: Request, model: Model) -> Iterator[Left]:
    """Of a collage any."""
    assert request.size is not None
    width, height = request.size
    fits = nearest((width, height), model.multiple)
    if fits != (width, height) and request.layout != COLLAGE:
        yield (
            fits,
            f"size {width}x{height} is left out: multiples of {model.multiple} fit this model, "
            f"and {fits[0]}x{fits[1]} is the nearest",
        )


UNFIT: dict[str, Callable[[Request, Model], Iterator[Left]]] = {
    "eta": _eta,
    "schedule": _schedule,
    "discard_penultimate": _discard,
    "clip_skip": _clip_skip,
    "size": _size,
}
