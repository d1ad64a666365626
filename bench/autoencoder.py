"""What is left of real pictures after an autoencoder: those that no training saw, in its own size.

python bench/autoencoder.py src/limner/assets/emoji runs/large/autoencoder/model

PSNR of each model folder's autoencoder on every held-out picture, where alpha is above 0, the mean
over the pictures; one of smaller pictures is given them in small, and painted in large. With
`--judge FOLDER` also the concepts and styles that a trained judge names, as drawn and after it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from nearest_judge import hits
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.data.cache import batches
from limner.data.emoji import load_emoji
from limner.data.pixels import to_bytes
from limner.data.records import PictureSet
from limner.evaluate.judge import Judge
from limner.models.autoencoder import Autoencoder

SIZE, BATCH = 128, 32
DARKEST = -1 + 1 / 255  # alpha of a pixel that is there


def psnr_there(found: Tensor, wanted: Tensor) -> Tensor:
    """dB of each picture, (N,), of the pixels that are not wholly transparent; all in [-1, 1]."""
    there = (wanted[:, 3:] > DARKEST).float().expand_as(wanted)
    errors = ((found - wanted) / 2).square() * there
    return -10 * torch.log10(errors.sum((1, 2, 3)) / there.sum((1, 2, 3)))


@torch.inference_mode()
def through(autoencoder: Autoencoder, pixels: Tensor) -> Tensor:
    """Pictures after it; its own size is what makes latents of 16x16."""
    times = SIZE // (16 * autoencoder.space.stride)
    rebuilt = autoencoder.decode(autoencoder.encode(F.avg_pool2d(pixels, times)).mean)
    if times > 1:
        rebuilt = F.interpolate(rebuilt, scale_factor=times, mode="bilinear")
    return rebuilt.clamp(-1, 1)


def named(judge: Judge, data: PictureSet, pictures: Tensor) -> str:
    """The parts whose concept and style the judge names; bytes, in the order of the records."""
    right = hits(judge, judge.see(pictures), data.records)
    return " and ".join(f"{part.float().mean():.1%}" for part in right)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--judge", type=Path)
    given = parser.parse_args()
    data = load_emoji(SIZE).held_out
    judge = None if given.judge is None else Judge.load(given.judge)
    if judge is not None:
        drawn = data.pictures[data.picture_indices()]
        print(f"as drawn: concept and style {named(judge, data, drawn)}")
    for model in given.models:
        autoencoder = ModelFolder(model).load("vae").float().eval()
        found, rebuilt = [], []
        for span in batches(len(data), BATCH):
            pixels = data.to_float(list(span))
            rebuilt.append(through(autoencoder, pixels))
            found.append(psnr_there(rebuilt[-1], pixels))
        print(f"{model}: {torch.cat(found).mean():.2f} dB, {len(data)} pictures of {SIZE}x{SIZE}")
        if judge is not None:
            print(f"{model}: concept and style {named(judge, data, to_bytes(torch.cat(rebuilt)))}")


if __name__ == "__main__":
    main()
