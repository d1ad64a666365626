"""The sheet of ordinary prompts, where each thing is painted by itself and all are laid together.

python bench/composed_prompts.py tests/emoji/prompts.txt -o recipes/samples/composed-prompts.png

What `prompts_sheet.py` paints as it ships is here composed: the shipped model paints every thing
that a sentence has alone, in its own size; `lay_out` says where each goes, its colour is turned in
OKLCH, and the ground is drawn, all by code that the world of the trainings has. Nothing is trained.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import limner
from limner.data.colours import Colour, recoloured
from limner.data.compose import over, placed
from limner.data.everyday_world import WHOLE
from limner.data.grounds import Place, draw_ground
from limner.data.pixels import to_picture
from limner.emoji.prompts import fitted
from limner.emoji.tables import OWN_COLOURS
from limner.emoji.understanding import Understander
from limner.evaluate.sheet import contact_sheet
from limner.language import Scene, Thing
from limner.language.english import with_article
from limner.language.layout import Box, lay_out

SIDE, BATCH = 128, 25


def text_of(thing: Thing, scene: Scene, plain: str) -> str:
    """ "a cat, 3d": what the model is given for a thing."""
    return f"{with_article(thing.concept)}, {thing.style or scene.style or plain}"


def paint_all(painter: limner.Painter, texts: Iterable[str], seed: int) -> dict[str, Tensor]:
    """One picture of each text, (4, S, S) premultiplied in [-1, 1]."""
    every, painted = list(dict.fromkeys(texts)), dict[str, Tensor]()
    for first in range(0, len(every), BATCH):
        some = every[first : first + BATCH]
        pixels = painter.paint_batch(some, [seed] * len(some)).float().cpu().clamp(-1, 1)
        painted |= zip(some, pixels, strict=True)
    return painted


def ground_of(scene: Scene, side: int, seed: int) -> Tensor:
    """What lies behind the things; nothing where none is said or one is a whole place itself."""
    if scene.ground is None or any(thing.concept in WHOLE for thing in scene.things):
        return torch.full((4, side, side), -1.0)
    colour = Colour(scene.ground.colour) if scene.ground.colour else None
    drawn = draw_ground(Place(scene.ground.place), side, random.Random(seed), colour)
    return torch.cat([drawn.pixels, torch.ones(1, side, side)])


def square_in(box: Box, size: tuple[int, int], side: int) -> Tensor:
    """The square of a box on a square canvas: it stands on the box's lower edge, in its middle."""
    left, top = (side - size[0]) / 2, (side - size[1]) / 2
    width, height = box.width * size[0], box.height * size[1]
    edge = max(8, min(round(min(width, height)), side))
    x = round(left + box.x * size[0] + (width - edge) / 2)
    y = round(top + box.y * size[1] + height - edge)
    x, y = min(max(x, 0), side - edge), min(max(y, 0), side - edge)
    return torch.tensor([[x, y, x + edge, y + edge]])


def composed(scene: Scene, things: list[Tensor], seed: int) -> Tensor:
    """The scene of the pictures of its things, (4, side, side)."""
    layout = lay_out(scene, seed)
    side = max(layout.size)
    canvas = ground_of(scene, side, seed)
    for box in layout.boxes:
        thing, pixels = scene.things[box.thing], things[box.thing]
        if thing.colour and (thing.concept, thing.colour) not in OWN_COLOURS:
            pixels = recoloured(pixels, Colour(thing.colour))
        square = square_in(box, layout.size, side)
        if len(layout.boxes) == 1 and scene.ground is None:
            square = torch.tensor([[0, 0, side, side]])
        canvas = over(placed(pixels[None], square, side), canvas[None])[0]
    return canvas


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    lines = given.prompts.read_text("utf-8").split("\n")
    prompts = [line.split(" -> ")[0] for line in lines if line.strip() and line[0] != "#"]
    painter = limner.load(given.model)
    words, sampling = painter.words, replace(painter.parts.sampling, steps=given.steps)
    painter = limner.Painter(replace(painter.parts, sampling=sampling))
    reader = Understander(words)
    scenes = [fitted(reader.understand(prompt).scene) for prompt in prompts]
    texts = [
        [text_of(thing, scene, words.plain_style) for thing in scene.things] or [prompt]
        for prompt, scene in zip(prompts, scenes, strict=True)
    ]
    painted = paint_all(painter, (text for several in texts for text in several), given.seed)
    pictures: list[Image.Image] = []
    for scene, several in zip(scenes, texts, strict=True):
        things = [painted[text] for text in several]
        pixels = composed(scene, things, given.seed) if scene.things else things[0]
        grown = F.interpolate(pixels[None], (SIDE, SIDE), mode="bilinear", antialias=True)[0]
        pictures.append(to_picture(grown))
    contact_sheet(pictures, prompts, columns=10, checkerboard=False).save(given.output)


if __name__ == "__main__":
    main()
