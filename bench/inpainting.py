"""What is painted into holes, by blending and by a model that was trained to: judge and PSNR.

python bench/inpainting.py src/limner/assets/emoji src/limner/assets/emoji-inpainting \
    --judge runs/judge --cells 100

Real pictures get holes by chance (boxes, sides, strokes); each model paints into the same holes
with the plain caption and the same seed. PSNR is that of the hole alone, against what was there;
the judge looks at the whole picture. `as it was` is the judge on the untouched pictures.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from nearest_judge import AnyJudge, emoji_of, hits, judge_at
from PIL import Image
from torch import Tensor

import limner
from limner.data.captions import canonical
from limner.data.holes import NUMBERS, SHARES, holes
from limner.data.pixels import from_picture, to_bytes, to_picture
from limner.data.records import PictureSet
from limner.evaluate.sheet import contact_sheet, evenly

SEED, SHOWN = 7, 12


def masks_of(count: int, size: int) -> Tensor:
    """(N, 1, S, S), none of them the whole picture."""
    numbers = torch.rand(count, NUMBERS, generator=torch.Generator().manual_seed(SEED))
    numbers[:, 0] *= sum(SHARES[:-1])
    return holes(numbers, size)


def painted(painter: limner.Painter, real: PictureSet, masks: Tensor) -> list[Image.Image]:
    """Each picture with its hole painted."""
    pictures = []
    for index, record in enumerate(real.records):
        original = to_picture(real.to_float([index])[0])
        mask = Image.fromarray((masks[index, 0] * 255).byte().numpy())
        fields = {"mask": mask, "seed": SEED + index}
        pictures.append(painter.edit(original, canonical(record), **fields).images[0])
    return pictures


def scores(
    judge: AnyJudge, real: PictureSet, pictures: Sequence[Image.Image], masks: Tensor
) -> str:
    pixels = torch.stack([from_picture(each, 4) for each in pictures])
    named = hits(judge, judge.see(to_bytes(pixels)), real.records)
    concept, style = (hit.float().mean() for hit in named)
    error = (pixels - real.to_float(range(len(real)))).square().mean(1, keepdim=True)
    decibel = [
        10 * math.log10(4 / max(1e-9, float(e[m > 0].mean())))
        for e, m in zip(error, masks, strict=True)
    ]
    mean = sum(decibel) / len(decibel)
    return f"concept {concept:.3f}, style {style:.3f}, PSNR in the hole {mean:.2f} dB"


def taken(real: PictureSet, count: int) -> PictureSet:
    """At most so many records, evenly from all."""
    return PictureSet(pictures=real.pictures, records=tuple(evenly(real.records, count)))


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--judge", required=True, help="its folder, or `nearest`")
    parser.add_argument("--cells", type=int, default=100, help="seen, and as many held out")
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    judge = judge_at(given.judge)
    painters = {path: limner.load(path) for path in given.models}
    first = next(iter(painters.values()))
    known = set(first.words.concepts)
    everything = emoji_of(first).select(lambda record: record.concept in known)
    rows: list[Image.Image] = []
    for name, part in (("seen", everything.seen), ("held out", everything.held_out)):
        real = taken(part, given.cells)
        masks = masks_of(len(real), real.size)
        untouched = [to_picture(pixels) for pixels in real.to_float(range(len(real)))]
        print(f"{name}, as it was: {scores(judge, real, untouched, masks)} ({len(real)} pictures)")
        shown = real.to_float(range(SHOWN)) * (1 - masks[:SHOWN])
        rows += [*untouched[:SHOWN], *(to_picture(pixels) for pixels in shown)]
        for path, painter in painters.items():
            pictures = painted(painter, real, masks)
            print(f"{name}, {path.name}: {scores(judge, real, pictures, masks)}", flush=True)
            rows += pictures[:SHOWN]
    if given.sheet is not None:
        contact_sheet(rows, [""] * len(rows), columns=SHOWN, scale=1).save(given.sheet)


if __name__ == "__main__":
    main()
