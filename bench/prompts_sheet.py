"""A sheet of ordinary prompts, painted as a person gets them, with what was said of each.

python bench/prompts_sheet.py tests/emoji/prompts.txt -o docs/prompts-of-people.png --seed 7

The file has a prompt a line; what stands behind " -> " is left out. Every picture is looked at with
eyes: 0 wrong, 1 partly, 2 right. The warnings are printed, a line a prompt.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import limner
from limner import Request
from limner.evaluate.sheet import contact_sheet

SIDE = 128  # pixels of a picture on the sheet


def squared(picture: Image.Image) -> Image.Image:
    """A picture of any shape in the middle of a transparent square."""
    picture = picture.convert("RGBA")
    scale = SIDE / max(picture.size)
    width, height = (max(1, round(scale * side)) for side in picture.size)
    resized = picture.convert("RGBa").resize((width, height), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (SIDE, SIDE))
    square.paste(resized.convert("RGBA"), ((SIDE - width) // 2, (SIDE - height) // 2))
    return square


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--columns", type=int, default=10)
    given = parser.parse_args()
    lines = given.prompts.read_text("utf-8").split("\n")
    prompts = [line.split(" -> ")[0] for line in lines if line.strip() and line[0] != "#"]
    painter = limner.load(given.model)
    results = painter.paint_many(Request(prompt=prompt, seed=given.seed) for prompt in prompts)
    pictures = []
    for prompt, result in zip(prompts, results, strict=True):
        pictures.append(squared(result.images[0]))
        print(f"{prompt}: {'; '.join(result.warnings) or 'nothing to say'}", flush=True)
    sheet = contact_sheet(pictures, prompts, columns=given.columns, checkerboard=False)
    sheet.save(given.output)


if __name__ == "__main__":
    main()
