"""Ten captioned pictures in a style that the shipped model does not know, to fine-tune it on.

    python recipes/blueprint.py FOLDER

The model paints ten of its concepts; their outlines are drawn again in white on blue, each with its
caption beside it ("a cat, blueprint").
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

import limner
from limner.data.captions import with_article
from limner.data.pixels import from_picture, to_picture

CONCEPTS = (
    "cat", "red apple", "house", "sailboat", "guitar", "butterfly", "alien", "cactus", "key", "bus",
)  # fmt: skip
PAPER = (0.10, 0.30, 0.62)
GAIN = 1.6


def blueprint(picture: Image.Image) -> Image.Image:
    """White lines where brightness or opacity changes, on blue."""
    pixels = (from_picture(picture.convert("RGBA")) + 1) / 2
    on_grey = pixels[:3] + 0.5 * (1 - pixels[3:])
    lines = torch.maximum(slope(on_grey).amax(0), slope(pixels[3:])[0])
    line = (GAIN * lines - 0.25).clamp(0, 1)
    paper = torch.tensor(PAPER).reshape(3, 1, 1).expand(3, *line.shape)
    return to_picture(2 * (paper + (1 - paper) * line) - 1)


def slope(channels: Float[Tensor, "C H W"]) -> Float[Tensor, "C H W"]:
    """The length of the gradient at each pixel, by differences of neighbours."""
    padded = F.pad(channels[None], (1, 1, 1, 1), mode="replicate")[0]
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    return torch.hypot(across, down) / 1.2


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    painter = limner.load(device="cpu")
    for concept in CONCEPTS:
        name, caption = concept.replace(" ", "-"), with_article(concept)
        drawn = blueprint(painter.generate(f"{caption}, noto", seed=0).images[0])
        drawn.save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"{caption}, blueprint\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
