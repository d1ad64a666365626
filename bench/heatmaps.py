"""Whether the heat map of a thing's word lies on the thing: its mean inside over that outside.

python bench/heatmaps.py --prompts 100
python bench/heatmaps.py --prompts 100 --model src/limner/assets/emoji-pairs --pairs

Inside is where the painted picture is more opaque than not; of a pair ("a cat left of a dog")
within the half that the word's thing was asked into. A layout lets no word be looked at from the
other half, so the ratio within the word's own half, `half`, is told beside that over the picture.
By layer too, as some look at words and others at the rest of the prompt.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean, median

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import limner
from limner.data.concepts import FAMILIAR
from limner.data.pixels import from_picture

OPAQUE = 0.0  # of model pixels: alpha of one half


def opaque(picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """Which places of the latent the thing covers, (h, w)."""
    alpha = from_picture(picture.convert("RGBA"), 4)[None, 3:]
    return F.adaptive_avg_pool2d(alpha, size)[0, 0] > OPAQUE


def asked(painter: limner.Painter, count: int, pairs: bool) -> list[tuple[str, str, str]]:
    """(prompt, word, half) of so many prompts; half is "left", "right" or "" for all."""
    words = painter.words
    things = [concept for concept in FAMILIAR if concept in words.concepts]
    found = []
    for index in range(count):
        one, other = things[index % len(things)], things[(7 * index + 3) % len(things)]
        style, which = words.styles[index % len(words.styles)], index % 2
        if pairs:
            prompt = f"a {one}, {style} AND a {other}, {style}"
            found.append((prompt, (one, other)[which], ("left", "right")[which]))
        else:
            found.append((f"a {one}, {style}", one, ""))
    return found


def ratio(map_: Tensor, covered: Tensor) -> float | None:
    """Mean inside over mean outside; None where nothing, or everything, is covered."""
    if not covered.any() or covered.all():
        return None
    return float(map_[covered].mean() / map_[~covered].mean())


def ratios_of(map_: Tensor, covered: Tensor, half: str) -> dict[str, float | None]:
    """Over the picture, and within the half that the thing was asked into."""
    if not half:
        return {"picture": ratio(map_, covered)}
    middle = covered.shape[1] // 2
    own = slice(0, middle) if half == "left" else slice(middle, None)
    inside = torch.zeros_like(covered)
    inside[:, own] = covered[:, own]
    return {"picture": ratio(map_, inside), "half": ratio(map_[:, own], covered[:, own])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--pairs", action="store_true")
    given = parser.parse_args()
    painter = limner.load(given.model)
    ratios: dict[str, list[float]] = {}
    for seed, (prompt, word, half) in enumerate(asked(painter, given.prompts, given.pairs)):
        layout = "beside" if half else None
        result = painter.generate(prompt, seed=seed, layout=layout, attention="mean", upscale=1)
        covered = opaque(result.images[0], tuple(result.latents.shape[2:]))
        for layer in (None, *result.attention.layers):
            map_ = result.heatmap(word, layers=None if layer is None else [layer])
            for where, found in ratios_of(map_, covered, half).items():
                if found is not None:
                    ratios.setdefault(f"{layer or 'all layers'}, {where}", []).append(found)
    for name, found in ratios.items():
        twice = mean(value >= 2 for value in found)
        print(
            f"{name}: inside over outside {mean(found):.2f} (median {median(found):.2f}), "
            f"at least 2 in {twice:.0%} of {len(found)}"
        )


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
