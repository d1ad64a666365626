"""How near enlarged pictures come to their originals, beside Lanczos and bicubic; and the seams.

python bench/upscaling.py --judge runs/judge --upscaler runs/upscaler/model
python bench/upscaling.py --judge runs/judge --pictures 0 --tile 512
python bench/upscaling.py --judge nearest --sizes 256 --steps 1

Held-out pictures of the 64 and of the 128-pixel set, or of those of other sizes, are reduced by 2
and by 4 and enlarged again (256: `limner data emoji --size 256` draws them).
PSNR is that of premultiplied RGBA; the distance is 1 - cosine of the judge's features. The seams
are those of a picture of 1024x1024 pixels, emoji on a ground, enlarged by 2 in tiles: how far
neighbouring pixels differ across the borders of tiles, and how far elsewhere; the same result in
other tiles, whose borders lie elsewhere, shows what of it is the picture.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from nearest_judge import AnyJudge, judge_at
from PIL import Image

import limner
from limner.data.emoji import load_emoji
from limner.data.pixels import from_picture, to_model_range, to_picture
from limner.evaluate.metrics import psnr

SIZES, FACTORS = (64, 128), (2, 4)
SEAMED = 1024  # pixels along one side of the picture that is looked at for seams
GROUND = (84, 120, 150, 255)
Method = Callable[[Image.Image, int], Image.Image]
REDUCTIONS = {name.lower(): getattr(Image.Resampling, name) for name in ("BICUBIC", "BOX")}


def held_out(size: int, count: int, seed: int) -> list[Image.Image]:
    """So many held-out pictures of the set of that size, drawn from all concepts and styles."""
    data = load_emoji(size).held_out
    chosen = random.Random(seed).sample(range(len(data)), count)
    bytes_ = data.pictures[data.picture_indices(chosen)]
    return [to_picture(pixels) for pixels in to_model_range(bytes_)]


def resized(picture: Image.Image, size: tuple[int, int], how: Image.Resampling) -> Image.Image:
    """Premultiplied, so that transparent pixels lend their neighbours no colour."""
    return picture.convert("RGBa").resize(size, how).convert("RGBA")


def by_kernel(how: Image.Resampling) -> Method:
    return lambda low, by: resized(low, (low.width * by, low.height * by), how)


def methods(enlarger: limner.Enlarger, steps: Sequence[int]) -> dict[str, Method]:
    """Everything that is compared, by name."""

    def ours(count: int) -> Method:
        return lambda low, by: enlarger.upscale(low, by, steps=count)

    return {
        "bicubic": by_kernel(Image.Resampling.BICUBIC),
        "Lanczos": by_kernel(Image.Resampling.LANCZOS),
        **{f"ours, {count} steps": ours(count) for count in steps},
    }


def stacked(pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Premultiplied model pixels, (N, 4, H, W)."""
    return torch.stack([from_picture(picture) for picture in pictures])


def distance(judge: AnyJudge, found: torch.Tensor, wanted: torch.Tensor) -> float:
    """1 - cosine of the judge's features of each picture and its original, their mean."""
    features = [
        judge.see(((pixels + 1) * 127.5).round().byte()).features for pixels in (found, wanted)
    ]
    return float(1 - torch.cosine_similarity(*features).mean())


def compare(
    judge: AnyJudge,
    compared: dict[str, Method],
    originals: Sequence[Image.Image],
    by: int,
    how: str,
) -> None:
    """One line a method: PSNR, distance, time a picture."""
    size = originals[0].size
    small = size[0] // by, size[1] // by
    low = [resized(picture, small, REDUCTIONS[how]) for picture in originals]
    wanted = stacked(originals)
    print(f"{len(originals)} pictures, {small[0]} to {size[0]} pixels, reduced by {how}:")
    for name, method in compared.items():
        began = perf_counter()
        found = stacked([method(picture, by) for picture in low])
        seconds = (perf_counter() - began) / len(low)
        print(
            f"    {name}: PSNR {psnr(found, wanted):.2f} dB, "
            f"distance {distance(judge, found, wanted):.4f}, {1000 * seconds:.1f} ms a picture"
        )


def mosaic(originals: Sequence[Image.Image], side: int) -> Image.Image:
    """Pictures on an opaque ground, `side` pixels wide and high, near no tile's border by rule."""
    ground = Image.new("RGBA", (side, side), GROUND)
    step = originals[0].width + 13
    for index in range((side // step) ** 2):
        row, column = divmod(index, side // step)
        place = (column * step + 37 * row % step, row * step + 37 * column % step)
        ground.alpha_composite(originals[index % len(originals)], place)
    return ground.convert("RGB")


def steps_across(picture: Image.Image, tile: int) -> tuple[float, float]:
    """Mean absolute difference of neighbouring pixels across the borders of tiles, and elsewhere.

    Of 255.
    """
    values = np.asarray(picture).astype(float)
    borders, others = [], []
    for axis in (0, 1):
        differences = np.moveaxis(np.abs(np.diff(values, axis=axis)), axis, 0)
        at_border = np.arange(1, len(differences) + 1) % tile == 0
        borders.append(differences[at_border])
        others.append(differences[~at_border])
    return float(np.mean(borders)), float(np.concatenate([o.ravel() for o in others]).mean())


def seams(enlarger: limner.Enlarger, tile: int, steps: int | None, seed: int) -> None:
    """Across the borders of tiles beside elsewhere, of the result and of the original."""
    original = mosaic(held_out(128, 60, seed), 2 * SEAMED)
    low = original.resize((SEAMED, SEAMED), Image.Resampling.BICUBIC)
    began = perf_counter()
    found = enlarger.upscale(low, 2, tile=tile, steps=steps)
    print(f"{SEAMED}x{SEAMED} by 2 in tiles of {tile}: {perf_counter() - began:.1f} s")
    others = tile * 5 // 4 // 4 * 4
    control = enlarger.upscale(low, 2, tile=others, steps=steps)
    apart = np.abs(np.asarray(found).astype(int) - np.asarray(control))
    print(
        f"    from tiles of {others}: at most {apart.max()} of 255 apart, mean {apart.mean():.6f}"
    )
    compared = {"ours": found, f"ours in tiles of {others}": control, "the original": original}
    for name, picture in compared.items():
        across, elsewhere = steps_across(picture, tile)
        print(
            f"    {name}: {across:.2f} across borders, {elsewhere:.2f} elsewhere, "
            f"ratio {across / elsewhere:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upscaler", type=Path, help="its folder; default: the shipped one")
    parser.add_argument("--judge", required=True, help="its folder, or `nearest`")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="of the originals")
    parser.add_argument("--pictures", type=int, default=200, help="of each size; 0: seams alone")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--reduction", choices=REDUCTIONS, default="bicubic")
    parser.add_argument("--tile", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    enlarger, judge = limner.load_upscaler(given.upscaler), judge_at(given.judge)
    compared = methods(enlarger, given.steps)
    for size in given.sizes if given.pictures else ():
        originals = held_out(size, given.pictures, given.seed)
        for by in FACTORS:
            compare(judge, compared, originals, by, given.reduction)
    seams(enlarger, given.tile, None, given.seed)


if __name__ == "__main__":
    main()
