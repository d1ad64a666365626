"""The paintings that int8 is calibrated by: a few prompts of a model, by its own solver."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from limner.engine.calibration import Calibration
from limner.engine.driver import steps
from limner.engine.eager import EagerEngine
from limner.pipeline.adapters import Adapters
from limner.pipeline.model import Model
from limner.pipeline.paint import latents
from limner.pipeline.planning import plan
from limner.pipeline.request import Request

COUNT = 4
STEPS = 6
PROMPTS = (
    "a photograph of a cat on a wooden table",
    "an oil painting of a lake below mountains at sunset",
    "a portrait of an old man with a white beard, black and white",
    "a red car in a city street at night, neon lights, rain",
)
"""For a model that says nothing of what it was taught."""


def calibration_of(model: Model, adapters: Adapters) -> Calibration:
    """Paintings of a model's own words in its own defaults, with few steps.

    adapters: that have nothing on the model, as the texts are taken as they stand.
    """
    prompts = prompts_of(model)
    taken = min(STEPS, model.sampling.steps)
    bare = replace(model, language=None, adapters=adapters)

    def paint(engine: EagerEngine, size: tuple[int, int]) -> None:
        height, width = (side * model.space.stride for side in size)
        for seed, prompt in enumerate(prompts):
            request = Request(prompt=prompt, seed=seed, steps=taken, size=(width, height))
            for _ in steps(latents(plan(request, bare)), engine):
                pass

    said = repr((prompts, taken, model.sampling))
    return Calibration(key=hashlib.sha256(said.encode()).hexdigest(), paint=paint)


def prompts_of(model: Model) -> Sequence[str]:
    """Things that the model was taught, far apart in their order, or what any model knows."""
    taught = () if model.words is None else model.words.concepts
    if not taught:
        return PROMPTS
    count = min(COUNT, len(taught))
    return tuple(taught[index * len(taught) // count] for index in range(count))
