"""The sheet of docs/restyling.md: contents in every style, by word and by picture, and weights.

python docs/restyling_sheet.py docs/restyling.png

The contents are painted by the same model, so nothing but the package is needed.
"""

from __future__ import annotations

import sys

from PIL import Image

import limner
from limner.evaluate.sheet import table_sheet

SEED = 5
CONTENTS = ("a fox, noto", "a house, 3d", "a red apple, flat", "a sailboat, twemoji")
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)


def main() -> None:
    painter = limner.load("emoji-restyle")
    styles = painter.words.styles

    def painted(prompt: str) -> Image.Image:
        return painter.generate(prompt, seed=SEED, upscale=1).images[0]

    def restyled(content: Image.Image, style: Image.Image | str, **how: float) -> Image.Image:
        return painter.restyle(content, style, seed=SEED, **how).images[0]

    contents = [painted(prompt) for prompt in CONTENTS]
    stars = [painted(f"a star, {style}") for style in styles]
    by_word = [[c, *(restyled(c, style) for style in styles)] for c in contents]
    by_star = [[c, *(restyled(c, star) for star in stars)] for c in contents]
    weighed = [
        [contents[0], *(restyled(contents[0], "3d", **{name: w}) for w in WEIGHTS)]
        for name in ("content_weight", "style_weight")
    ]
    above = table_sheet(
        [*by_word, [Image.new("RGBA", painter.parts.sampling.size), *stars], *by_star],
        heads=["content", *styles],
        labels=[*CONTENTS, "styles by a picture", *CONTENTS],
    )
    below = table_sheet(
        weighed,
        heads=["content", *(f"weight {w:g}" for w in WEIGHTS)],
        labels=["to 3d, content weight", "to 3d, style weight"],
    )
    both = Image.new("RGB", (max(above.width, below.width), above.height + below.height), "white")
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    both.save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
