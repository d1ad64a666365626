"""A sheet of what a training draws: 64 pictures with a caption of each.

limner data emoji --size 128
limner data everyday --nouns recipes/everyday-nouns.txt
python bench/world_sheet.py recipes/samples/everyday-data.png
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from PIL import Image

from limner.data.composition import compose
from limner.data.emoji import default_folder, load_emoji
from limner.data.everyday_words import EverydayWords
from limner.data.everyday_world import everyday_world, vocabulary
from limner.data.pixels import to_picture
from limner.data.world import WorldConfig
from limner.evaluate.sheet import table_sheet
from limner.language.captions import write

ROWS, COLUMNS = 8, 8


def main(output: Path, seed: int, alone: float) -> None:
    words = EverydayWords.load(default_folder(128))
    first, spoken = set(words.first), vocabulary(words)
    data = load_emoji(128).seen.select(lambda record: record.concept in first)
    world = everyday_world(data, WorldConfig(alone=alone), words)
    chance = random.Random(seed)
    sheets = []
    for _ in range(ROWS):
        drawn = [world.draw(chance.randrange(world.count), chance) for _ in range(COLUMNS)]
        captions = [write(one.scene, chance, spoken) for one in drawn]
        pictures = [to_picture(compose(one.composition, data).pixels) for one in drawn]
        sheets.append(table_sheet([pictures], heads=captions))
        print(*captions, sep="\n")
    stacked(sheets).save(output)


def stacked(sheets: list[Image.Image]) -> Image.Image:
    """Pictures of one width, one below the other."""
    whole = Image.new("RGB", (sheets[0].width, sum(sheet.height for sheet in sheets)), "white")
    top = 0
    for sheet in sheets:
        whole.paste(sheet, (0, top))
        top += sheet.height
    return whole


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alone", type=float, default=0.5, help="share of pictures of one thing")
    given = parser.parse_args()
    main(given.output, given.seed, given.alone)
