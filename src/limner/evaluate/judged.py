"""What a judge is trained on: real pictures, and what may have any colour in other colours too."""

from __future__ import annotations

import random
from dataclasses import replace

import torch

from limner.data.colours import Colour, recoloured
from limner.data.everyday_world import everyday_world
from limner.data.pixels import to_bytes, to_model_range
from limner.data.records import PictureSet

COLOURS = 2  # of each picture that may be turned


def in_colours_too(real: PictureSet, seed: int) -> PictureSet:
    """The set, and after it each picture of what may have any colour in some others, by chance.

    By its own colours alone a blue cat would be named after whatever else is blue.
    """
    chance, colourable = random.Random(seed), everyday_world(real).plain
    pictures, records = list(real.pictures), list(real.records)
    for record in real.records:
        if record.concept in colourable:
            drawn = to_model_range(real.pictures[record.picture])
            for colour in chance.sample(list(Colour), COLOURS):
                records.append(replace(record, picture=len(pictures)))
                pictures.append(to_bytes(recoloured(drawn, colour)))
    return PictureSet(pictures=torch.stack(pictures), records=tuple(records))
