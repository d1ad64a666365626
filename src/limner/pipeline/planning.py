"""From a request to a plan: seeds, levels, solver, guidance, adapters, features."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from limner.diffusion.guidance import Guidance, Rescale
from limner.diffusion.schedules import LevelOptions
from limner.diffusion.solvers import SOLVERS, Against
from limner.pipeline.features import used
from limner.pipeline.memory import check_memory
from limner.pipeline.model import Model
from limner.pipeline.plan import Plan, given, taken
from limner.pipeline.request import Request
from limner.pipeline.resolve import resolve
from limner.pipeline.script import trees, trees_of_regions


def plan(request: Request, model: Model) -> Plan:
    """What a request comes to on a model. No network is called.

    Raises RequestError, PromptError and UsageError for what cannot be painted.
    """
    (request, notes), parts = resolve(request, model), model.parts
    dialect = given(request.dialect)
    prompt, negative = trees(request.prompt, request.negative, dialect, lenient=request.lenient)
    path = parts.sampling.path(
        parts.process, given(request.steps), given(request.schedule), **_level_options(request)
    )
    regions = trees_of_regions(request, dialect)
    tags = [tag for tree in (prompt, *regions) for tag in tree.loras]
    adapted, missing, warnings = model.adapters.adapted(request, tags)
    features = (feature.planned(request, model) for feature in used(request, model))
    made = Plan(
        request=request,
        model=model,
        prompt=prompt,
        negative=negative,
        regions=regions,
        path=path,
        levels=taken(path.levels, request.strength),
        solver=parts.sampling.solver_of(
            given(request.solver), len(path.levels) - 1, eta=request.eta, churn=request.churn
        ),
        guidance=_guidance(request, model),
        adapted=adapted,
        features=tuple(feature for feature in features if feature is not None),
        again=partial(plan, model=model),
        notes=(
            *_empty(request),
            *notes,
            *parts.notes,
            *warnings,
            *(f"LoRA {n!r} of the prompt is missing: --lora or --lora-folder" for n in missing),
        ),
    )
    check_memory(made)
    return replace(made, total=_total(made))


def _total(made: Plan) -> int | None:
    """All evaluations; None where a solver chooses its steps."""
    calls = [made.calls, *(each.calls(made) for each in made.features)]
    known = [each for each in calls if each is not None]
    return sum(known) if len(known) == len(calls) else None


def _empty(request: Request) -> tuple[str, ...]:
    """What to say where no words are to be followed, and nothing else says what to paint."""
    if request.prompt.strip() or request.content is not None or request.regions:
        return ()
    return ("the prompt is empty: whatever comes is painted",)


def _level_options(request: Request) -> LevelOptions:
    """What a request says of its levels beside the schedule."""
    options: LevelOptions = {}
    if request.rho is not None:
        options["rho"] = request.rho
    if request.discard_penultimate:
        options["discard_penultimate"] = True
    return options


def _guidance(request: Request, model: Model) -> Guidance:
    parts = model.parts
    rescale = Rescale(
        amount=request.guidance_rescale, process=parts.process, prediction=parts.prediction
    )
    return Guidance(
        scale=given(request.guidance),
        interval=parts.sampling.interval,
        rescale=rescale,
        always=SOLVERS[given(request.solver)].against is Against.UNGUIDED,
    )
