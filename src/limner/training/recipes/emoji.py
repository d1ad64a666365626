"""The parts of a painter, one row each, learned from emoji.

emoji-*     64x64 pixels, 400 concepts: hours on two CPU cores. These rows made the model that
            shipped first, from which the one that ships goes on (`everyday`); those that go on from
            a model, such as emoji-pairs, take pictures of its size. emoji-upscaler learns from all
            pictures, 128x128.
emoji128-*  128x128 pixels, all concepts, larger parts: for a GPU.
"""

from __future__ import annotations

from dataclasses import replace

from limner.checkpoints import Sampling
from limner.data.emoji import default_folder
from limner.diffusion.process import RectifiedFlow
from limner.diffusion.times import LogitNormalTimes, UniformTimes
from limner.models.upscaler import UpscalerConfig
from limner.text.masks import PadMask
from limner.training.loop import LoopConfig
from limner.training.objectives.upscaling import Patches
from limner.training.recipes.autoencoder import AutoencoderRecipe
from limner.training.recipes.base import Emoji, Recipe
from limner.training.recipes.clip import ClipRecipe
from limner.training.recipes.conditions import ByText
from limner.training.recipes.decoder import DecoderRecipe, TinyDecoderRecipe
from limner.training.recipes.denoiser import DenoiserRecipe
from limner.training.recipes.distillation import DistillationRecipe
from limner.training.recipes.inpainting import InpaintingRecipe
from limner.training.recipes.pairs import PairsRecipe
from limner.training.recipes.restyle import RestyleRecipe
from limner.training.recipes.scenes import SceneRecipe
from limner.training.recipes.sizes import (
    AUTOENCODER_EMOJI,
    AUTOENCODER_EMOJI_128,
    DIT_EMOJI,
    TEXT_EMOJI,
    UNET_EMOJI,
    UNET_EMOJI_128,
    VISION_EMOJI,
)
from limner.training.recipes.styles import StyleRecipe
from limner.training.recipes.upscaler import UpscalerRecipe
from limner.training.recipes.widening import WideningRecipe

EMOJI = Emoji(64)
EMOJI_SAMPLING = Sampling(
    steps=20,
    guidance=1.6,
    solver="dpmpp_2m",
    schedule="shifted",
    shift=1.5,
    size=(64, 64),
    pad_mask=PadMask.PAD.value,
    weighting="lerp",  # its encodings have a mean near 0, which A1111's weighting cannot restore
)
EMOJI_TOLD = ByText(language="emoji", plain_style="3d")
EMOJI_DENOISER = DenoiserRecipe(
    source=EMOJI,
    loop=LoopConfig(steps=22_000, batch=48, learning_rate=6e-4, save_every=500),
    config=UNET_EMOJI,
    sampling=EMOJI_SAMPLING,
    process=RectifiedFlow(),
    prediction="flow",
    times=LogitNormalTimes(shift=1.5),
    told=EMOJI_TOLD,
    concepts=400,
)
EMOJI_128 = Emoji(128)
EMOJI_128_DENOISER = replace(
    EMOJI_DENOISER,
    source=EMOJI_128,
    loop=LoopConfig(steps=14_000, batch=256, learning_rate=6e-4, save_every=1000),
    config=UNET_EMOJI_128,
    sampling=replace(EMOJI_SAMPLING, size=(128, 128)),
    concepts=None,
)
EMOJI_RECIPES: dict[str, Recipe] = {
    "emoji-autoencoder": AutoencoderRecipe(
        source=EMOJI,
        loop=LoopConfig(steps=2000, batch=32, learning_rate=1.5e-3, ema=(16.97,)),
        config=AUTOENCODER_EMOJI,
    ),
    "emoji-clip": ClipRecipe(
        source=EMOJI,
        loop=LoopConfig(steps=700, batch=128, learning_rate=5e-4, weight_decay=0.1),
        text=TEXT_EMOJI,
        vision=VISION_EMOJI,
        vocabulary=4096,
        concepts=400,
    ),
    "emoji-unet": EMOJI_DENOISER,
    "emoji-unet-frozen": replace(EMOJI_DENOISER, told=replace(EMOJI_TOLD, train=False)),
    "emoji-wide": WideningRecipe(
        source=EMOJI,
        loop=LoopConfig(steps=12_000, batch=48, learning_rate=4e-4, save_every=250),
    ),
    "emoji-decoder": DecoderRecipe(
        source=EMOJI,
        loop=LoopConfig(steps=5000, batch=32, learning_rate=1e-3, save_every=250),
    ),
    "emoji-tiny-decoder": TinyDecoderRecipe(
        source=EMOJI,
        loop=LoopConfig(steps=6000, batch=32, learning_rate=1e-3, save_every=250),
    ),
    "emoji-scenes": SceneRecipe(
        source=EMOJI,
        loop=LoopConfig(steps=6000, batch=48, learning_rate=3e-4, save_every=250),
        synonyms=default_folder(64) / "synonyms.json",
    ),
    "emoji-few-steps": DistillationRecipe(
        source=EMOJI, loop=LoopConfig(steps=3000, batch=48, learning_rate=2e-4, save_every=250)
    ),
    "emoji-inpainting": InpaintingRecipe(
        source=EMOJI, loop=LoopConfig(steps=2000, batch=48, learning_rate=3e-4, save_every=250)
    ),
    "emoji-pairs": PairsRecipe(
        source=EMOJI, loop=LoopConfig(steps=900, batch=24, learning_rate=1e-3, save_every=150)
    ),
    "emoji-restyle": RestyleRecipe(
        source=EMOJI, loop=LoopConfig(steps=2400, batch=48, learning_rate=6e-4, save_every=200)
    ),
    "emoji-styles": StyleRecipe(
        source=EMOJI,
        loop=LoopConfig(steps=2000, batch=128, learning_rate=2e-3, weight_decay=0.05, ema=(16.97,)),
    ),
    "emoji-upscaler": UpscalerRecipe(
        source=EMOJI_128,
        loop=LoopConfig(steps=3000, batch=16, learning_rate=1e-3, save_every=250),
        config=UpscalerConfig(),
        patches=Patches(),
        # one step is nearest to the originals, docs/upscaling.md
        sampling=Sampling(steps=1, guidance=1.0, solver="euler", schedule="uniform"),
        process=RectifiedFlow(),
        prediction="v",
        times=UniformTimes(shift=2.0),
    ),
    "emoji-dit": replace(EMOJI_DENOISER, config=DIT_EMOJI),
    "emoji128-autoencoder": AutoencoderRecipe(
        source=EMOJI_128,
        loop=LoopConfig(steps=5000, batch=128, learning_rate=1e-3, ema=(16.97,)),
        config=AUTOENCODER_EMOJI_128,
    ),
    "emoji128-clip": ClipRecipe(
        source=EMOJI_128,
        loop=LoopConfig(steps=1500, batch=512, learning_rate=5e-4, weight_decay=0.1),
        text=TEXT_EMOJI,
        vision=replace(VISION_EMOJI, image_size=128, patch=16),
        vocabulary=4096,
    ),
    "emoji128-unet": EMOJI_128_DENOISER,
    "emoji128-scenes": SceneRecipe(
        source=EMOJI_128,
        loop=LoopConfig(steps=6000, batch=256, learning_rate=3e-4, save_every=1000),
        pool=60_000,
        synonyms=default_folder(128) / "synonyms.json",
    ),
    "emoji128-restyle": RestyleRecipe(
        source=EMOJI_128,
        loop=LoopConfig(steps=8000, batch=256, learning_rate=6e-4, save_every=1000),
    ),
    "emoji128-few-steps": DistillationRecipe(
        source=EMOJI_128, loop=LoopConfig(steps=4000, batch=256, learning_rate=2e-4)
    ),
}
