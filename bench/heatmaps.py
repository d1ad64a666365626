"""Whether the heat map of a thing's word lies on the thing: its mean inside over that outside.

python bench/heatmaps.py --prompts 100
python bench/heatmaps.py --prompts 100 --model runs/scenes/model --pairs

Inside is where the painted picture is more opaque than not; of a pair ("a cat left of a dog")
within the half that the word's thing was asked into. Single words have no other thing to be told
from. Also by layer, as some look at words and others at the rest of the prompt.
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
            prompt = f"a {one} left of a {other}, {style}"
            found.append((prompt, (one, other)[which], ("left", "right")[which]))
        else:
            found.append((f"a {one}, {style}", one, ""))
    return found


def ratio(map_: Tensor, covered: Tensor, half: str) -> float | None:
    """Mean inside over mean outside; None where nothing, or everything, is covered."""
    inside = covered.clone()
    middle = covered.shape[1] // 2
    if half == "left":
        inside[:, middle:] = False
    if half == "right":
        inside[:, :middle] = False
    if not inside.any() or inside.all():
        return None
    return float(map_[inside].mean() / map_[~inside].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--pairs", action="store_true")
    given = parser.parse_args()
    painter = limner.load(given.model)
    ratios: dict[str, list[float]] = {}
    for seed, (prompt, word, half) in enumerate(asked(painter, given.prompts, given.pairs)):
        result = painter.generate(prompt, seed=seed, attention="mean")
        size = tuple(result.latents.shape[2:])
        covered = opaque(result.images[0], size)
        for layer in (None, *result.attention.layers):
            map_ = result.heatmap(word, layers=None if layer is None else [layer])
            found = ratio(map_, covered, half)
            if found is not None:
                ratios.setdefault(layer or "all layers", []).append(found)
    for layer, found in ratios.items():
        twice = mean(value >= 2 for value in found)
        print(
            f"{layer}: inside over outside {mean(found):.2f} (median {median(found):.2f}), "
            f"at least 2 in {twice:.0%} of {len(found)}"
        )


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
