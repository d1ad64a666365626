"""The experiments of the notebook and the lecture, and their like, on small public pictures.

The notebook's own are on CIFAR-10, which the user brings; the short forms are on Fashion-MNIST.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from limner.checkpoints import Sampling
from limner.data.captions import canonical
from limner.data.cifar10 import load_cifar10
from limner.data.fashion_mnist import load_fashion_mnist
from limner.data.records import PictureSet, Record
from limner.diffusion.betas import Betas
from limner.diffusion.process import DiscreteDiffusion, RectifiedFlow
from limner.diffusion.times import LogitNormalTimes, UniformTimes
from limner.files import cache_folder
from limner.models.clip import TextTowerConfig, VisionTowerConfig
from limner.models.dit import DIT_NOTEBOOK, DIT_NOTEBOOK_CLASSES, DiTConfig
from limner.models.unet import UNetConfig
from limner.text.masks import PadMask
from limner.training.loop import LoopConfig
from limner.training.recipes.autoencoder import AutoencoderRecipe, latent_plane
from limner.training.recipes.base import Pictures, Recipe
from limner.training.recipes.clip import ClipRecipe
from limner.training.recipes.conditions import ByClass, ByNothing, ByText
from limner.training.recipes.denoiser import DenoiserRecipe
from limner.training.recipes.emoji import EMOJI
from limner.training.recipes.masks import MaskRecipe
from limner.training.recipes.sizes import AUTOENCODER_TWO_NUMBERS


def cifar10() -> PictureSet:
    """The training photographs, from `cifar-10-batches-bin` in the cache folder."""
    return load_cifar10(cache_folder())


def fashion() -> PictureSet:
    """The training pictures of Fashion-MNIST, as the Debian package installs them."""
    return load_fashion_mnist()


def fashion_32() -> PictureSet:
    """The same with a wider border, so that the side is a power of 2."""
    return load_fashion_mnist(size=32)


CIFAR10 = Pictures(read=cifar10, size=32, channels=3)
FASHION = Pictures(read=fashion, size=28, channels=1)
FASHION_32 = Pictures(read=fashion_32, size=32, channels=1)


def plain_caption(record: Record, chance: torch.Generator) -> str:
    """ "a photo of a coat", always the same: the notebook's only template."""
    return canonical(record)


NOTEBOOK_EPOCH = 50_000 // 64  # steps; the notebook drops the last, smaller batch
NOTEBOOK_SAMPLING = Sampling(
    steps=50,
    guidance=7.5,
    solver="euler",
    schedule="uniform",
    size=(32, 32),
    pad_mask=PadMask.PAD.value,
    weighting="lerp",
)
NOTEBOOK = DenoiserRecipe(
    source=CIFAR10,
    loop=LoopConfig(
        steps=30 * NOTEBOOK_EPOCH,
        batch=64,
        learning_rate=1e-4,
        weight_decay=0.01,
        warmup=0.0,
        decay=0.0,
    ),
    config=DIT_NOTEBOOK,
    sampling=NOTEBOOK_SAMPLING,
    process=RectifiedFlow(),
    prediction="flow",
    times=UniformTimes(),
    told=ByText(train=False, caption=plain_caption),
    pixels=True,
)
FASHION_SAMPLING = replace(NOTEBOOK_SAMPLING, size=(28, 28))
FASHION_DIT = replace(
    NOTEBOOK,
    source=FASHION,
    loop=LoopConfig(steps=400, batch=64, learning_rate=1e-3),
    config=DiTConfig(
        in_channels=1, out_channels=1, patch=4, width=128, depth=4, time_width=128, size=(28, 28)
    ),
    sampling=replace(FASHION_SAMPLING, guidance=1.0),
    times=LogitNormalTimes(),
    told=ByNothing(),
)
FASHION_CLIP = ClipRecipe(
    source=FASHION,
    loop=LoopConfig(steps=400, batch=128, learning_rate=5e-4, weight_decay=0.1),
    text=TextTowerConfig(
        length=16, width=512, layers=2, heads=8, mlp_width=1024, projection_width=128
    ),
    vision=VisionTowerConfig(
        image_size=28,
        patch=4,
        channels=1,
        width=128,
        layers=3,
        heads=4,
        mlp_width=512,
        projection_width=128,
    ),
    vocabulary=1024,
)
SEED_RECIPES: dict[str, Recipe] = {
    "notebook-clip": replace(
        FASHION_CLIP, source=CIFAR10, vision=replace(FASHION_CLIP.vision, image_size=32, channels=3)
    ),
    "notebook-dit": NOTEBOOK,
    "notebook-dit-classes": replace(
        NOTEBOOK, config=DIT_NOTEBOOK_CLASSES, told=ByClass(classes=10)
    ),
    "notebook-dit-fashion": replace(
        NOTEBOOK,
        source=FASHION,
        loop=replace(NOTEBOOK.loop, steps=1000),
        config=replace(DIT_NOTEBOOK, in_channels=1, out_channels=1, size=(28, 28)),
        sampling=FASHION_SAMPLING,
    ),
    "fashion-clip": FASHION_CLIP,
    "fashion-dit": FASHION_DIT,
    "fashion-dit-classes": replace(
        FASHION_DIT,
        config=replace(FASHION_DIT.config, classes=10),
        told=ByClass(classes=10),
        sampling=replace(FASHION_SAMPLING, guidance=2.0),
    ),
    "fashion-ddpm": replace(
        FASHION_DIT,
        config=UNetConfig(
            in_channels=1,
            out_channels=1,
            channels=(32, 64, 64),
            layers_per_block=1,
            attention_depth=(0, 0, 1),
            heads=4,
            context_width=None,
            norm_groups=8,
        ),
        process=DiscreteDiffusion(beta_schedule=Betas.LINEAR, beta_start=1e-4, beta_end=0.02),
        prediction="epsilon",
        times=UniformTimes(),
        sampling=replace(
            FASHION_SAMPLING, guidance=1.0, solver="ddpm", schedule="trailing", steps=200
        ),
    ),
    "fashion-plane": AutoencoderRecipe(
        source=FASHION_32,
        loop=LoopConfig(steps=3000, batch=64, learning_rate=1e-3),
        config=replace(AUTOENCODER_TWO_NUMBERS, in_channels=1),
        kl_weight=1e-4,
        mirrored=0.0,
        shown=latent_plane,
    ),
    "emoji-masks": MaskRecipe(
        source=EMOJI,
        loop=LoopConfig(steps=300, batch=16, learning_rate=1e-3),
        config=UNetConfig(
            in_channels=3,
            out_channels=1,
            channels=(16, 32, 64),
            layers_per_block=1,
            attention_depth=(0, 0, 0),
            mid_attention_depth=0,
            context_width=None,
            norm_groups=8,
        ),
    ),
}
