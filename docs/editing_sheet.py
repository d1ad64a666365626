"""The sheet of docs/editing.md: strengths, masks and room round a picture.

python docs/editing_sheet.py docs/editing.png
"""

from __future__ import annotations

import sys

from PIL import Image

import limner
from limner.evaluate.sheet import contact_sheet

SEED = 5
HALF = {"mask": "box:0,0,128,64"}
SMALL = [
    *((f"a fox, {s}", "a fox, 3d", {"strength": s}) for s in (0.05, 0.1, 0.15, 0.2, 0.5)),
    ("mask, a ghost", "a ghost, 3d", HALF),
    ("mask, a pumpkin", "a pumpkin, 3d", HALF),
    ("the same at 0.6", "a pumpkin, 3d", HALF | {"strength": 0.6}),
    ("feather 16", "a pumpkin, 3d", HALF | {"feather": 16}),
    ("to noto at 0.15", "a cat, noto", {"strength": 0.15}),
    ("mask alpha", "a red heart, flat", {"mask": "alpha"}),
]
WIDE = [
    ("extend left=128, a dog", "a dog, 3d", {"extend": (128, 0, 0, 0)}),
    ("extend right=128, a fox", "a fox, 3d", {"extend": (0, 0, 128, 0)}),
    ("extend top=64, a cat", "a cat, 3d", {"extend": (0, 64, 0, 0)}),
]


def main() -> None:
    painter = limner.load()
    cat = painter.generate("a cat, 3d", seed=SEED, upscale=1).images[0]

    def sheet(cells: list[tuple[str, str, dict]], first: list[Image.Image], columns: int):
        edits = [painter.edit(cat, text, seed=SEED, **how).images[0] for _, text, how in cells]
        labels = ["a cat, 3d"] * len(first) + [label for label, _, _ in cells]
        return contact_sheet([*first, *edits], labels, columns=columns)

    above, below = sheet(SMALL, [cat], 6), sheet(WIDE, [], 3)
    both = Image.new("RGB", (above.width, above.height + below.height), "white")
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    both.save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
