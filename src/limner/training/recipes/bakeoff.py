"""The bake-off: the model that shipped first on a small budget, and rows that change one thing.

Each of them sees the same pictures of 100 concepts as often, in the same order.
"""

from __future__ import annotations

from dataclasses import replace

from limner.diffusion.prediction import Flow
from limner.diffusion.process import DiscreteDiffusion
from limner.diffusion.times import UniformTimes
from limner.training.objectives.weights import MeasuredAs
from limner.training.recipes.base import Recipe
from limner.training.recipes.emoji import EMOJI_DENOISER, EMOJI_TOLD
from limner.training.recipes.sizes import DIT_EMOJI

BUDGET = replace(EMOJI_DENOISER.loop, steps=600)
UNET = replace(EMOJI_DENOISER, loop=BUDGET, concepts=100)
DIT = replace(UNET, config=DIT_EMOJI)
EPSILON_SAMPLING = replace(UNET.sampling, schedule="karras")

BAKEOFF_RECIPES: dict[str, Recipe] = {
    "bakeoff-unet": UNET,
    "bakeoff-dit": DIT,
    "bakeoff-epsilon": replace(
        UNET,
        process=DiscreteDiffusion(),
        prediction="epsilon",
        times=UniformTimes(),
        sampling=EPSILON_SAMPLING,
    ),
    "bakeoff-frozen": replace(UNET, told=replace(EMOJI_TOLD, train=False)),
    # As many tokens as the DiT on latents; velocity itself fails on patches so large (JiT).
    "bakeoff-pixels": replace(
        DIT,
        config=replace(DIT_EMOJI, patch=8, size=(64, 64)),
        pixels=True,
        prediction="sample",
        weight=MeasuredAs(prediction=Flow()),
    ),
}
