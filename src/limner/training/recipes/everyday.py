"""The second shipped model, one row a part: what people ask for, at 128 pixels, in scenes too.

Pictures and sentences are drawn from a world (`data.everyday_world`); recipes/everyday-*.md.
"""

from __future__ import annotations

from dataclasses import replace

from limner.data.emoji import cache_folder
from limner.data.world import WorldConfig
from limner.models.presets import AUTOENCODER_EVERYDAY
from limner.training.loop import LoopConfig
from limner.training.perceptual import WHEEL
from limner.training.recipes.autoencoder import AutoencoderRecipe
from limner.training.recipes.base import Recipe
from limner.training.recipes.emoji import EMOJI_128
from limner.training.whitening import whiten

IMAGE_NETWORK = cache_folder() / "packages" / WHEEL
EVERYDAY_AUTOENCODER = AutoencoderRecipe(
    source=EMOJI_128,
    loop=LoopConfig(
        steps=30_000, batch=16, learning_rate=1e-3, warmup=0.01, ema=(16.97,), save_every=100
    ),
    config=AUTOENCODER_EVERYDAY,
    world=WorldConfig(alone=0.6, mirrored=0.5),
    perceptual=(IMAGE_NETWORK, 0.1),
    whitening=whiten,
)
EVERYDAY_RECIPES: dict[str, Recipe] = {
    "everyday-autoencoder": EVERYDAY_AUTOENCODER,
    # no perceptual distance: what it changes, and what it costs
    "everyday-autoencoder-plain": replace(EVERYDAY_AUTOENCODER, perceptual=None),
}
