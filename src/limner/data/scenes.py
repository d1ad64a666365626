"""Scenes of two things, put together on the fly from single pictures with transparency.

Models that see every object on one side only do not learn relations; so a scene's cell fixes its
first thing and its relation, every cell comes once an epoch, and the second thing is drawn evenly
from the others. Some pairs of concepts are never drawn, so that composition can be measured.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limner.data.compose import over, placed
from limner.data.pixels import to_model_range
from limner.data.records import PictureSet, Record
from limner.data.scene_words import Relation, Scene, scene_caption
from limner.data.synonyms import Synonyms
from limner.errors import DataError, UsageError
from limner.language import Size

SIDES = {Size.SMALL: 1 / 3, Size.PLAIN: 1 / 2, Size.BIG: 5 / 8}
SIZES = (  # what can be told apart, and fits side by side
    (Size.SMALL, Size.PLAIN),
    (Size.PLAIN, Size.SMALL),
    (Size.SMALL, Size.BIG),
    (Size.BIG, Size.SMALL),
)
RELATIONS = tuple(Relation)
TRIES = 100


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """How scenes are drawn.

    held_out: share of the pairs of concepts that are never drawn, chosen by `seed`.
    sized: share of the scenes in which a size is said. mixed_styles: share in which both things
    may differ in style. jitter: how far, in parts of the side, each is off the line of both.
    """

    held_out: float = 0.05
    seed: int = 0
    sized: float = 0.25
    mixed_styles: float = 0.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        for name in ("held_out", "sized", "mixed_styles"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"{name} is {getattr(self, name)}; a share from 0 to 1 is right")
        if not 0.0 <= self.jitter <= 0.25:
            raise UsageError(f"jitter {self.jitter}: 0 to 0.25 is right, or relations are unclear")


@dataclass(frozen=True, kw_only=True, eq=False)
class SceneBatch:
    """Scenes as a training takes them.

    pixels: (B, 4, S, S) premultiplied, in [-1, 1]. captions: one a scene. boxes: (B, 2, 4) left,
    top, right and bottom, in pixels, of the first and the second thing's square.
    """

    pixels: Float[Tensor, "B 4 S S"]
    captions: tuple[str, ...]
    boxes: Int[Tensor, "B 2 4"]
    scenes: tuple[Scene, ...]


class Scenes:
    """Draws scenes from the single pictures of a set.

    count: cells, (first concept, relation); a training draws each once an epoch.
    """

    def __init__(
        self, data: PictureSet, config: SceneConfig | None = None, synonyms: Synonyms | None = None
    ) -> None:
        if data.pictures.shape[1] != 4:
            raise DataError(
                f"scenes are made of pictures with transparency: 4 channels, not "
                f"{data.pictures.shape[1]}"
            )
        self.data = data
        self.config = SceneConfig() if config is None else config
        self.synonyms = synonyms
        self.concepts = data.concepts
        if len(self.concepts) < 2:
            raise DataError(f"a scene needs two concepts; there are {len(self.concepts)}")
        self.held_out = held_out_pairs(self.concepts, self.config.held_out, self.config.seed)
        self._number = {concept: number for number, concept in enumerate(self.concepts)}
        self._of_concept = defaultdict[str, list[Record]](list)
        self._of_style = defaultdict[str, list[Record]](list)
        for record in data.records:
            self._of_concept[record.concept].append(record)
            self._of_style[record.style].append(record)

    @property
    def count(self) -> int:
        return len(self.concepts) * len(RELATIONS)

    def draw(
        self, cells: Int[Tensor, "B"], generator: torch.Generator, *, held_out: bool = False
    ) -> SceneBatch:
        """A scene for each cell; everything else about it by chance.

        held_out: of the pairs that are otherwise never drawn, to measure composition on.
        DataError if a concept has no other to go with.
        """
        chance = random.Random(int(torch.randint(2**62, (), generator=generator)))
        scenes = [self.plan(cell, chance, held_out=held_out) for cell in cells.tolist()]
        captions = tuple(scene_caption(scene, chance, self.synonyms) for scene in scenes)
        pixels, boxes = self.compose(scenes, chance)
        return SceneBatch(pixels=pixels, captions=captions, boxes=boxes, scenes=tuple(scenes))

    def plan(self, cell: int, chance: random.Random, *, held_out: bool = False) -> Scene:
        """What is in the scene of a cell, without its picture."""
        concept, relation = divmod(cell, len(RELATIONS))
        first = chance.choice(self._of_concept[self.concepts[concept]])
        mixed = chance.random() < self.config.mixed_styles
        others = self.data.records if mixed else self._of_style[first.style]
        sized = chance.random() < self.config.sized
        return Scene(
            first=first,
            second=self._partner(first, others, chance, held_out),
            relation=RELATIONS[relation],
            sizes=chance.choice(SIZES) if sized else (Size.PLAIN, Size.PLAIN),
        )

    def compose(
        self, scenes: Sequence[Scene], chance: random.Random
    ) -> tuple[Float[Tensor, "B 4 S S"], Int[Tensor, "B 2 4"]]:
        """The pictures of scenes and the boxes of both things, on the device of the set's."""
        size, device = self.data.size, self.data.pictures.device
        layouts = [layout(scene, size, self.config.jitter, chance) for scene in scenes]
        boxes = torch.tensor(layouts, dtype=torch.long).to(device)
        shown = [r.picture for scene in scenes for r in (scene.first, scene.second)]
        pixels = to_model_range(self.data.pictures[torch.tensor(shown, device=device)])
        both = placed(pixels, boxes.flatten(0, 1), size)
        return over(both[0::2], both[1::2]), boxes

    def _partner(
        self, first: Record, others: Sequence[Record], chance: random.Random, held_out: bool
    ) -> Record:
        def fits(other: Record) -> bool:
            if other.concept == first.concept:
                return False
            pair = self._number[first.concept], self._number[other.concept]
            return bool(self.held_out[pair]) == held_out

        # Most pairs are not held out, so the first try is nearly always right.
        for _ in range(TRIES):
            other = chance.choice(others)
            if fits(other):
                return other
        fitting = [other for other in others if fits(other)]
        if not fitting:
            kind = "held-out " if held_out else ""
            raise DataError(f"{first.concept!r} ({first.style}) has no {kind}partner in its style")
        return chance.choice(fitting)


def held_out_pairs(concepts: Sequence[str], share: float, seed: int) -> Bool[np.ndarray, "N N"]:
    """True for the pairs that are held out; symmetric, no concept with itself.

    Whether a pair is held out depends on the seed and its two names alone, so that a choice of
    fewer concepts holds out the same.
    """
    names = [hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8) for name in concepts]
    hashes = np.array([int.from_bytes(name.digest()) for name in names], dtype=np.uint64)
    mixed = hashes[:, None] + hashes[None, :]  # the same both ways round, and wraps at 2^64
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    held_out = (mixed >> np.uint64(11)) < np.uint64(round(share * 2**53))
    np.fill_diagonal(held_out, False)
    return held_out


def layout(
    scene: Scene, size: int, jitter: float, chance: random.Random
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The boxes of both things, in pixels of a picture of `size`: left, top, right, bottom.

    They never overlap; "and" stands in any of the four ways.
    """
    relation = scene.relation
    if relation is Relation.AND:
        relation = chance.choice([r for r in RELATIONS if r is not Relation.AND])
    swapped = relation in (Relation.RIGHT, Relation.BELOW)
    sides = [int(size * SIDES[kind]) for kind in scene.sizes]
    near, far = reversed(sides) if swapped else sides
    spare = size - near - far
    gaps = sorted(chance.randint(0, spare) for _ in range(2))
    starts = [gaps[0], gaps[1] + near]
    if swapped:
        starts.reverse()
    boxes = []
    for start, side in zip(starts, sides, strict=True):
        middle = (size - side) / 2 + chance.uniform(-jitter, jitter) * size
        across = min(max(round(middle), 0), size - side)
        upright = relation in (Relation.ABOVE, Relation.BELOW)
        left, top = (across, start) if upright else (start, across)
        boxes.append((left, top, left + side, top + side))
    return boxes[0], boxes[1]
