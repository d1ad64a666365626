"""Ten captioned pictures in a style that the shipped model does not know, to fine-tune it on.

    python recipes/cyanotype.py FOLDER

The model paints ten of its concepts; each is printed again as a cyanotype, light on Prussian blue,
with its caption beside it ("a cat"). A word for the style would not help: the model reads a word
that it was not taught as some other thing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

import limner
from limner.data.pixels import from_picture, to_picture
from limner.language.english import with_article

CONCEPTS = (
    "cat", "red apple", "house", "sailboat", "guitar", "butterfly", "alien", "cactus", "key", "bus",
)  # fmt: skip
PAPER = (0.04, 0.16, 0.36)
LIGHT = (0.93, 0.97, 1.0)
BRIGHTNESS = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)


def cyanotype(picture: Image.Image) -> Image.Image:
    """Brightness from blue to white; where the picture is transparent, blue."""
    pixels = (from_picture(picture.convert("RGBA")) + 1) / 2
    bright = torch.einsum("chw,c->hw", pixels[:3], torch.tensor(BRIGHTNESS))
    print_ = 0.25 * pixels[3] + 0.75 * bright
    paper, light = (torch.tensor(colour).reshape(3, 1, 1) for colour in (PAPER, LIGHT))
    return to_picture(2 * torch.lerp(paper, light, print_) - 1)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    painter = limner.load(device="cpu")
    for concept in CONCEPTS:
        name, caption = concept.replace(" ", "-"), with_article(concept)
        print_ = cyanotype(painter.generate(f"{caption}, noto", seed=0, upscale=1).images[0])
        print_.save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"{caption}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
