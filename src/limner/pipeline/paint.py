"""The algorithm: words to a picture, from top to bottom. No network is called here.

`paint` yields asks and is sent their answers (`limner.engine.asks`); it yields a step after every
evaluation of the denoiser, for whoever watches.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.data.pixels import to_picture
from limner.diffusion.process import Level
from limner.diffusion.solvers import Against, Pair
from limner.engine.asks import Ask, Decode, Denoise, Step
from limner.engine.numerics import Watch, suspected
from limner.errors import RequestError
from limner.pipeline.plan import Feature, Moment, Plan, given, repeated
from limner.pipeline.result import Clock, Result
from limner.pipeline.scene import Told, at_level
from limner.pipeline.script import not_painted, read
from limner.types import Latent

Painting = Generator[Ask | Step, Any, Result]


def paint(plan: Plan) -> Painting:
    """All that a plan says: its painting, and what its features make of that in the end."""
    plan, features = yield from begun(plan)
    painting = next(filter(None, (feature.painting(plan) for feature in features)), None)
    result = yield from painted(plan, features) if painting is None else painting
    for feature in features:
        result = yield from feature.finish(result)
    return result


def painted(plan: Plan, features: Sequence[Feature]) -> Painting:
    """Text encoder, noise, solver with guidance, decoder, in this order."""
    clock, suspects = Clock(), plan.suspects
    with clock.stage("text"), suspected(suspects):
        told = yield from read(plan, features)
    with clock.stage("denoise"), suspected(suspects):
        x = yield from denoised(plan, told, features)
    with clock.stage("decode"), suspected(suspects):
        decoded = yield Decode(latent=x)
        images = pictures(decoded.pixels, features)
    return Result(
        images=images,
        latents=x,
        request=plan.request,
        seeds=plan.seeds,
        timings=clock.seconds,
        warnings=(*warned(plan, features), *decoded.notes),
    )


def latents(plan: Plan) -> Generator[Ask | Step, Any, Latent]:
    """The same up to the last latents, for whoever decodes many together."""
    plan, features = yield from begun(plan)
    told = yield from read(plan, features)
    return (yield from denoised(plan, told, features))


def begun(plan: Plan) -> Generator[Ask, Any, tuple[Plan, tuple[Feature, ...]]]:
    """Every feature's look at what it needs; the plan may say more then."""
    alive = []
    for feature in plan.features:
        plan, one = yield from feature.begin(plan)
        alive.append(one)
    return plan, tuple(alive)


def denoised(
    plan: Plan, told: Told, features: Sequence[Feature]
) -> Generator[Ask | Step, Any, Latent]:
    """From noise, or a picture with noise, to the last latent: the solver's loop."""
    x, solver = begin(plan, features)
    watch, index = Watch(), 0
    try:
        x, level = next(solver)
        while True:
            index += 1
            seen, without = yield from guided(plan, told, features, x, level)
            watch(seen.denoised, f"denoiser at step {index}")
            step = _step(plan, features, index, x, level, seen.denoised)
            yield replace(step, unguided=without)
            x, level = solver.send(seen.denoised if plan.against is None else seen)
    except StopIteration as finished:
        x = finished.value
    x = x if plan.path.end == 1 else plan.path.end * x
    for feature in features:
        x = feature.kept(x)
    watch(x, "solver")
    watch.settle()
    return x


def guided(
    plan: Plan, told: Told, features: Sequence[Feature], x: Latent, level: Level
) -> Generator[Ask, Any, tuple[Pair, Latent | None]]:
    """The denoised picture of one evaluation: rows without and with the prompt, combined.

    Beside it what the solver may measure the noise against, and the picture without the prompt
    where guidance asks for it.
    """
    for feature in features:
        x = feature.shown(x, level)
    step, scene = at_level(told, plan.path.levels, level)
    moment = Moment(step=step, scene=scene, level=level, count=plan.count)
    opposed = plan.guidance.asks_without(level, scene.weights)
    texts = (scene.negative, *scene.members) if opposed else scene.members
    ask = Denoise(
        x=repeated(x, len(texts)),
        level=level,
        texts=tuple(text for text in texts for _ in range(plan.count)),
        under=plan.adapted,
        to_go=len(plan.path.levels) - step,
    )
    for feature in features:
        ask = feature.asking(ask, moment)
    rows = yield ask
    for feature in features:
        rows = feature.answered(rows)
    seen = rows.chunk(len(texts))
    picture = plan.guidance.combined(seen, scene.weights, x, level)
    against = seen[0] if plan.against is Against.UNGUIDED else picture
    hold = plan.model.parts.sampling.hold
    picture = picture if hold is None else hold(picture)
    without = seen[0] if opposed else None
    for feature in features:
        picture, against = feature.kept(picture), feature.kept(against)
        without = None if without is None else feature.kept(without)
    return Pair(picture, against), without


def begin(plan: Plan, features: Sequence[Feature]) -> tuple[Latent, Any]:
    """Where the solver begins, and the solver: noise alone, or what a feature makes of it."""
    noise = plan.noise()
    start = noise.start() if plan.request.start_noise is None else plan.request.start_noise
    wanted = (plan.count, *plan.shape)
    if start.shape != wanted:
        raise RequestError(f"start_noise has shape {tuple(start.shape)}: {wanted} is right")
    start = start.to(plan.model.device, torch.float32)
    x = plan.path.start * start
    for feature in features:
        x = feature.start(x, start, plan.levels)
    return x, plan.solver(x, plan.levels, noise)


def pictures(pixels: Float[Tensor, "B P H W"], features: Sequence[Feature]) -> list[Image.Image]:
    """Model pixels as the pictures that the person is given."""
    made = [to_picture(each) for each in pixels]
    for feature in features:
        made = [feature.picture(each) for each in made]
    return made


def warned(plan: Plan, features: Sequence[Feature]) -> tuple[str, ...]:
    """What the person should know of the picture."""
    return (
        *(note for feature in features for note in feature.notes),
        *plan.notes,
        *not_painted(plan.trees, given(plan.request.embeddings)),
    )


def _step(
    plan: Plan,
    features: Sequence[Feature],
    index: int,
    x: Latent,
    level: Level,
    picture: Latent,
) -> Step:
    return Step(
        index=plan.before + index,
        total=plan.total,
        level=level,
        x=x,
        denoised=picture,
        pictures=lambda pixels: pictures(pixels, features),
    )
