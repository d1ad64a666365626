"""The sheet of docs/prompts.md: what weights, schedules, AND, blends and swaps do to a picture.

python docs/prompt_sheet.py docs/prompts.png
"""

from __future__ import annotations

import sys

import limner
from limner.evaluate.sheet import contact_sheet

SEED = 5
SHARES = (0, 0.3, 0.5, 0.7, 1)
LIMITS = ("t_start=1", "t_start=0", "t_start=0, s_end=0.5", "t_start=0, s_end=1")
ROWS = {
    "a1111": [
        [(f"weight {w}", f"an apple (green:{w}), 3d") for w in (0, 0.5, 1, 1.5, 2)],
        [(f"weight {w}", f"a (ghost:{w}) pumpkin, noto") for w in (0, 0.5, 1, 1.5, 2)],
        [(f"until step {n}", f"a [ghost:pumpkin:{n}], noto") for n in (4, 15, 17, 18, 20)],
        [
            (f"AND {1 - w:g} {w:g}", f"a ghost, noto :{1 - w} AND a pumpkin, noto :{w}")
            for w in SHARES
        ],
    ],
    "compel": [
        [
            (
                f"blend {1 - w:g} {w:g}",
                f'("a red heart, 3d", "a blue heart, 3d").blend({1 - w},{w})',
            )
            for w in SHARES
        ],
        [
            ("noto", "a ghost, noto"),
            *((limits, f"a ghost, (noto).swap(3d, {limits})") for limits in LIMITS),
        ],
    ],
}


def main() -> None:
    painter = limner.load()
    cells = [(d, label, text) for d, rows in ROWS.items() for row in rows for label, text in row]
    pictures = [painter.generate(t, seed=SEED, dialect=d, upscale=1).images[0] for d, _, t in cells]
    labels = [label for _, label, _ in cells]
    contact_sheet(pictures, labels, columns=5, checkerboard=False).save(sys.argv[1])


if __name__ == "__main__":
    main()
