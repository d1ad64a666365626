"""The sheet of docs/upscaling.md: held-out pictures, reduced, and enlarged again in several ways.

python docs/upscaling_sheet.py docs/upscaling.png [UPSCALER]
"""

from __future__ import annotations

import random
import sys

from PIL import Image

import limner
from limner.data.emoji import load_emoji
from limner.data.pixels import to_model_range, to_picture
from limner.evaluate.sheet import table_sheet

SEED, SHOWN = 3, 5  # pictures of each factor
KERNELS = {"bicubic": Image.Resampling.BICUBIC, "Lanczos": Image.Resampling.LANCZOS}
STEPS = (1, 4)
HEADS = ["reduced", *KERNELS, *(f"ours, {count} step{'s' * (count > 1)}" for count in STEPS)]


def resized(picture: Image.Image, size: tuple[int, int], how: Image.Resampling) -> Image.Image:
    return picture.convert("RGBa").resize(size, how).convert("RGBA")


def row(enlarger: limner.Enlarger, original: Image.Image, by: int) -> list[Image.Image]:
    low = resized(original, (original.width // by, original.height // by), Image.Resampling.BICUBIC)
    by_kernels = [resized(low, original.size, how) for how in KERNELS.values()]
    ours = [enlarger.upscale(low, by, steps=count) for count in STEPS]
    squares = low.resize(original.size, Image.Resampling.NEAREST)
    return [squares, *by_kernels, *ours, original]


def main() -> None:
    enlarger = limner.load_upscaler(sys.argv[2] if len(sys.argv) > 2 else None)
    data = load_emoji(128).held_out
    chosen = random.Random(SEED).sample(range(len(data)), 2 * SHOWN)
    pixels = to_model_range(data.pictures[data.picture_indices(chosen)])
    factors = [by for by in (2, 4) for _ in range(SHOWN)]
    rows = [row(enlarger, to_picture(one), by) for one, by in zip(pixels, factors, strict=True)]
    labels = [f"{128 // by} to 128" for by in factors]
    sheet = table_sheet(rows, heads=[*HEADS, "original"], labels=labels)
    sheet.save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
