"""What people ask for, one row a part, drawn from a world (`data.everyday_world`).

emoji-everyday     the model that shipped first learns more words; recipes/emoji-everyday.md
everyday-enlarged  that model at 128 pixels, which ships; recipes/everyday-enlarged.md
everyday-*         one from nothing, at 128 pixels, in scenes too: begun; recipes/everyday-*.md
"""

from __future__ import annotations

from dataclasses import replace

from limner.data.emoji import default_folder
from limner.data.world import WorldConfig
from limner.training.loop import LoopConfig
from limner.training.perceptual import WHEEL as IMAGES
from limner.training.recipes.autoencoder import AutoencoderRecipe, EnlargedAutoencoderRecipe
from limner.training.recipes.base import Recipe
from limner.training.recipes.decoder import DecoderRecipe
from limner.training.recipes.emoji import EMOJI, EMOJI_128, EMOJI_DENOISER
from limner.training.recipes.meanings import MeaningRecipe
from limner.training.recipes.sizes import (
    AUTOENCODER_ENLARGED,
    AUTOENCODER_EVERYDAY,
    DIT_EMOJI,
    UNET_EMOJI,
    UNET_EMOJI_128,
)
from limner.training.recipes.world import WorldDenoiserRecipe
from limner.training.recipes.world_widening import Repeats, WorldWideningRecipe
from limner.training.sentences import WHEEL as SENTENCES
from limner.training.whitening import whiten

EVERYDAY_AUTOENCODER = AutoencoderRecipe(
    source=EMOJI_128,
    loop=LoopConfig(
        steps=30_000, batch=16, learning_rate=1e-3, warmup=0.01, ema=(16.97,), save_every=100
    ),
    config=AUTOENCODER_EVERYDAY,
    world=WorldConfig(alone=0.6, mirrored=0.5),
    perceptual=(IMAGES.cached, 0.1),
    whitening=whiten,
)
# In place of one from nothing: the model of 64 pixels goes on, its latents within the new ones.
EVERYDAY_ENLARGED = EnlargedAutoencoderRecipe(
    source=EMOJI_128,
    loop=replace(EVERYDAY_AUTOENCODER.loop, steps=4500),
    config=AUTOENCODER_ENLARGED,
    world=EVERYDAY_AUTOENCODER.world,
    perceptual=EVERYDAY_AUTOENCODER.perceptual,
)
EVERYDAY_UNET = WorldDenoiserRecipe(
    source=EMOJI_128,
    words=default_folder(128),
    loop=LoopConfig(
        steps=70_000, batch=48, learning_rate=6e-4, warmup=0.01, save_every=250, snapshot_every=5000
    ),
    config=UNET_EMOJI_128,
    sampling=replace(EMOJI_DENOISER.sampling, size=(128, 128)),
    process=EMOJI_DENOISER.process,
    prediction=EMOJI_DENOISER.prediction,
    times=EMOJI_DENOISER.times,
)
# One small equal budget: 100,000 draws, each of them once, of the 600 concepts that come first.
BAKEOFF = replace(
    EVERYDAY_UNET,
    loop=replace(EVERYDAY_UNET.loop, steps=2000, snapshot_every=0),
    pool=100_000,
)
SHIPPED_SIZE = replace(UNET_EMOJI, in_channels=8, out_channels=8)  # its inner layers go on
DIT_EVERYDAY = replace(DIT_EMOJI, in_channels=8, out_channels=8, width=320, depth=10, heads=5)
# What people ask for beside the nouns that come first.
ASKED_FOR = (
    *("astronaut", "basketball", "christmas tree", "church", "cookie", "couch and lamp", "dress"),
    *("duck", "firefighter", "flying saucer", "french fries", "ice cream", "mermaid", "necktie"),
    *("old woman", "peach", "pear", "princess", "robot", "santa claus", "sauropod", "watermelon"),
    *("whale", "wrapped gift"),
)
# And beside the 600 concepts that are learned first.
ASKED_FOR_TOO = (
    *("axe", "basket", "billed cap", "black heart", "bow and arrow", "broccoli", "broom"),
    *("bubble tea", "bucket", "coconut", "coin", "donkey", "elf", "fairy", "family", "feather"),
    *("flamingo", "flute", "fly", "full moon", "game die", "garlic", "giraffe", "gloves"),
    *("green heart", "hedgehog", "jellyfish", "kangaroo", "kite", "ladder", "llama", "lobster"),
    *("magic wand", "magnet", "mango", "money bag", "ninja", "ok hand", "onion", "parachute"),
    *("parrot", "party popper", "peacock", "pie", "polar bear", "pretzel", "puzzle piece"),
    *("raccoon", "sandwich", "scarf", "screwdriver", "skateboard", "sloth", "socks"),
    *("studio microphone", "swan", "thumbs down", "tooth", "victory hand", "waving hand", "worm"),
    *("yellow heart", "zebra"),
)
# What shipped first goes on with the words, colours and grounds of the world, in its own latents.
EMOJI_EVERYDAY = WorldWideningRecipe(
    source=EMOJI,
    words=default_folder(64),
    loop=LoopConfig(
        steps=1000, batch=24, learning_rate=5e-4, ema=(16.97,), save_every=100, save_minutes=5.0
    ),
    also=ASKED_FOR,
    config=UNET_EMOJI,
    sampling=EMOJI_DENOISER.sampling,
    process=EMOJI_DENOISER.process,
    prediction=EMOJI_DENOISER.prediction,
    times=EMOJI_DENOISER.times,
    world=WorldConfig(size=64, alone=1.0, coloured=0.35, grounded=0.2, sized=0.05, full=(1.0, 0.3)),
)
# Then with more words; colours and grounds, which are turned and drawn afterwards, are fewer.
EMOJI_EVERYDAY_MORE = replace(
    EMOJI_EVERYDAY,
    loop=replace(EMOJI_EVERYDAY.loop, steps=2200),
    also=(*ASKED_FOR, *ASKED_FOR_TOO),
    repeats=Repeats(known_plain=4, more_plain=20),
    world=replace(EMOJI_EVERYDAY.world, coloured=0.15, grounded=0.05, sized=0.0),
)
# Then all of these words as often as each other, in every style that they are drawn in.
EMOJI_EVERYDAY_AGAIN = replace(
    EMOJI_EVERYDAY_MORE,
    loop=replace(EMOJI_EVERYDAY.loop, steps=6000),
    repeats=Repeats(known=2, known_plain=4),
)
# Then what is mostly painted wrongly, oftener than all else.
EMOJI_EVERYDAY_POOR = replace(
    EMOJI_EVERYDAY_MORE,
    loop=replace(EMOJI_EVERYDAY.loop, steps=2000, learning_rate=3e-4),
    repeats=Repeats(known=2, known_plain=4, poor=8, poor_plain=48),
)
# That goes on at 128 pixels, with the autoencoder that it was enlarged to.
EVERYDAY_ENLARGED_UNET = replace(
    EMOJI_EVERYDAY_AGAIN,
    source=EMOJI_128,
    words=default_folder(128),
    loop=replace(EMOJI_EVERYDAY.loop, steps=6000, warmup=0.05),
    config=SHIPPED_SIZE,
    sampling=EVERYDAY_UNET.sampling,
    world=replace(EMOJI_EVERYDAY_MORE.world, size=128),
)
# Then with all concepts that people type, which tell more of the styles too.
EVERYDAY_ENLARGED_WIDE = replace(
    EVERYDAY_ENLARGED_UNET,
    loop=replace(EVERYDAY_ENLARGED_UNET.loop, steps=16_000),
    every=True,
    repeats=Repeats(known=3, known_plain=6, more=2, more_plain=12),
    pool=40_000,
)
# Then what is mostly painted wrongly, oftener than all else.
EVERYDAY_ENLARGED_WIDE_POOR = replace(
    EVERYDAY_ENLARGED_WIDE,
    loop=replace(EVERYDAY_ENLARGED_WIDE.loop, steps=6000, learning_rate=3e-4),
    repeats=Repeats(known=3, known_plain=8, poor=6, poor_plain=36),
    pool=20_000,
)
# Then each style as often as the plain one; between it and the second U-Net lies the next base.
EVERYDAY_ENLARGED_WIDE_EVEN = replace(
    EVERYDAY_ENLARGED_WIDE,
    loop=replace(EVERYDAY_ENLARGED_WIDE.loop, steps=8000, learning_rate=3e-4),
    repeats=Repeats(known=1, known_plain=2, poor=1, poor_plain=2),
)
# Then what was learned last twice as often as the rest, and more of it in colours.
EVERYDAY_ENLARGED_WIDE_MORE = replace(
    EVERYDAY_ENLARGED_WIDE_EVEN,
    loop=replace(EVERYDAY_ENLARGED_WIDE_EVEN.loop, steps=12_000),
    repeats=Repeats(known=1, known_plain=2, poor=1, poor_plain=2, more=2, more_plain=4),
    world=replace(EVERYDAY_ENLARGED_WIDE_EVEN.world, coloured=0.25),
)
# Then with twice the weights, most of them where a map is small. Few colours: they are turned.
EVERYDAY_ENLARGED_DEEP = replace(
    EVERYDAY_ENLARGED_WIDE_EVEN,
    loop=replace(
        EVERYDAY_ENLARGED_UNET.loop, steps=24_000, learning_rate=2e-4, warmup=0.01, decay=0.9
    ),
    config=replace(SHIPPED_SIZE, attention_depth=(0, 2, 4), mid_attention_depth=4),
    every=False,
    world=replace(EVERYDAY_ENLARGED_WIDE_EVEN.world, coloured=0.1, grounded=0.02),
    pool=24_000,
)
# Its text tower, with the words of a dictionary that no caption had.
EVERYDAY_MEANINGS = MeaningRecipe(
    source=EMOJI_128,
    words=default_folder(128),
    loop=LoopConfig(steps=5500, batch=512, learning_rate=3e-3, ema=(16.97,), save_minutes=5.0),
    sentences=SENTENCES.cached,
)
# Its decoder, on what it paints.
EVERYDAY_ENLARGED_DECODER = DecoderRecipe(
    source=EMOJI_128,
    loop=LoopConfig(
        steps=2000, batch=16, learning_rate=5e-4, ema=(16.97,), save_every=100, save_minutes=5.0
    ),
    copies=2,
    perceptual=EVERYDAY_AUTOENCODER.perceptual,
)
# The same on what the model paints that ships now, of all its concepts.
EVERYDAY_ENLARGED_DECODER_AGAIN = replace(
    EVERYDAY_ENLARGED_DECODER,
    loop=replace(EVERYDAY_ENLARGED_DECODER.loop, steps=1700),
    copies=1,
)
EVERYDAY_RECIPES: dict[str, Recipe] = {
    "everyday-autoencoder": EVERYDAY_AUTOENCODER,
    # no perceptual distance: what it changes, and what it costs
    "everyday-autoencoder-plain": replace(EVERYDAY_AUTOENCODER, perceptual=None),
    "everyday-enlarged": EVERYDAY_ENLARGED,
    "everyday-enlarged-unet": EVERYDAY_ENLARGED_UNET,
    "everyday-enlarged-wide": EVERYDAY_ENLARGED_WIDE,
    "everyday-enlarged-wide-poor": EVERYDAY_ENLARGED_WIDE_POOR,
    "everyday-enlarged-wide-even": EVERYDAY_ENLARGED_WIDE_EVEN,
    "everyday-enlarged-wide-more": EVERYDAY_ENLARGED_WIDE_MORE,
    "everyday-enlarged-deep": EVERYDAY_ENLARGED_DEEP,
    "everyday-meanings": EVERYDAY_MEANINGS,
    "everyday-enlarged-decoder": EVERYDAY_ENLARGED_DECODER,
    "everyday-enlarged-decoder-again": EVERYDAY_ENLARGED_DECODER_AGAIN,
    "emoji-everyday": EMOJI_EVERYDAY,
    "emoji-everyday-more": EMOJI_EVERYDAY_MORE,
    "emoji-everyday-again": EMOJI_EVERYDAY_AGAIN,
    "emoji-everyday-poor": EMOJI_EVERYDAY_POOR,
    "everyday-unet": EVERYDAY_UNET,
    "everyday-bakeoff-unet": BAKEOFF,
    "everyday-bakeoff-shipped-size": replace(BAKEOFF, config=SHIPPED_SIZE),
    "everyday-bakeoff-anew": replace(BAKEOFF, config=SHIPPED_SIZE, begin=False),
    "everyday-bakeoff-dit": replace(BAKEOFF, config=DIT_EVERYDAY, begin=False),
}
