"""Two things in one picture: what the judge says of each half.

python bench/pairs.py src/limner/assets/emoji-pairs COPY --judge nearest --concepts 400

Pairs of concepts that the training draws and pairs that it never draws, one picture each, beside
each other and on top of each other in turn: "a cat left of a dog, 3d", as `limner` reads it into
one painting.
`things`: halves whose concept is the judge's first guess; `exchanged`: both are there, each in the
other's half. `alone`: the same things painted one by one by the last model, which is the most that
halves can come to.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import torch
from nearest_judge import AnyJudge, judge_at
from torch import Tensor

import limner
from limner.cli.train import read
from limner.data.captions import canonical
from limner.data.pixels import from_picture, to_bytes, to_picture
from limner.data.records import Record
from limner.data.scene_words import Relation, Scene, canonical_scene
from limner.data.scenes import RELATIONS, SceneConfig, Scenes
from limner.evaluate.sheet import contact_sheet
from limner.training.recipes.base import everyday_subset, within

SEED = 40_009
WIDE = 256  # pixels of a picture on the sheet
ASKED = (Relation.LEFT, Relation.ABOVE)  # the first thing is in the first half


def drawn(source: Scenes, count: int, *, held_out: bool) -> list[Scene]:
    chance = random.Random(SEED)
    cells = [
        chance.randrange(len(source.concepts)) * len(RELATIONS) + RELATIONS.index(ASKED[index % 2])
        for index in range(count)
    ]
    return [source.plan(cell, chance, held_out=held_out) for cell in cells]


def painted(painter: limner.Painter, scene: Scene, seed: int) -> Tensor:
    """Its two halves, the first thing's first: (2, 4, S, S) bytes."""
    language = painter.model.language
    assert language is not None
    reading = language.read(canonical_scene(scene), collages=False)
    assert reading.layout is not None, canonical_scene(scene)
    result = painter.generate(reading.prompt, layout=reading.layout, seed=seed, upscale=1)
    pixels = to_bytes(from_picture(result.images[0], 4)[None])[0]
    return torch.stack(pixels.chunk(2, dim=1 if scene.relation is Relation.ABOVE else 2))


def line(judge: AnyJudge, halves: Tensor, records: Sequence[Record]) -> str:
    """halves: (2 N, 4, S, S) of records in the same order, two of a picture."""
    seen = judge.see(halves)
    concepts, styles = judge.labels([r.concept for r in records], [r.style for r in records])
    named, pairs = seen.concepts.argmax(1).reshape(-1, 2), concepts.reshape(-1, 2)
    right, other = named == pairs, named == pairs.flip(1)
    style = seen.styles.argmax(1) == styles
    return (
        f"things {right.float().mean():.3f}, both {right.all(1).float().mean():.3f}, "
        f"exchanged {other.all(1).float().mean():.3f}, style {style.float().mean():.3f} "
        f"({len(pairs)} pictures)"
    )


def shown(halves: Tensor, scene: Scene) -> Tensor:
    """The whole picture again, in model pixels."""
    joined = torch.cat(list(halves), dim=1 if scene.relation is Relation.ABOVE else 2)
    return joined.float() / 127.5 - 1


def sheet(pictures: Sequence[Tensor], scenes: Sequence[Scene], path: Path) -> None:
    """Those that lie beside each other, with their prompts."""
    some = [
        (halves, scene)
        for halves, scene in zip(pictures, scenes, strict=True)
        if scene.relation is Relation.LEFT
    ][:32]
    images = [to_picture(shown(halves, scene)) for halves, scene in some]
    labels = [canonical_scene(scene) for _, scene in some]
    columns, scale = 4, max(1, WIDE // images[0].width)
    contact_sheet(images, labels, columns=columns, scale=scale).save(path)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--judge", required=True, help="its folder, or `nearest`")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--concepts", type=int, help="Of so many. Default: all the model's.")
    parser.add_argument("--sheet", type=Path, help="Of the first model's pairs never drawn.")
    given = parser.parse_args()
    judge, painters = judge_at(given.judge), {p: limner.load(p) for p in given.models}
    words = next(iter(painters.values())).words
    real = within(everyday_subset(read(None), given.concepts), words).seen
    plain = real.select(lambda record: " and " not in record.concept)
    source = Scenes(plain, SceneConfig(sized=0.0))
    for name, held_out in (("drawn", False), ("never drawn", True)):
        scenes = drawn(source, given.pairs, held_out=held_out)
        records = [record for scene in scenes for record in (scene.first, scene.second)]
        for path, painter in painters.items():
            pictures = [painted(painter, scene, seed) for seed, scene in enumerate(scenes)]
            print(f"{name}, {path.name}: {line(judge, torch.cat(pictures), records)}", flush=True)
            if given.sheet is not None and held_out and path == given.models[0]:
                sheet(pictures, scenes, given.sheet)
        single = painters[given.models[-1]]
        prompts = [canonical(record) for record in records]
        alone = to_bytes(single.paint_batch(prompts, range(len(prompts))))
        print(f"{name}, alone: {line(judge, alone, records)}", flush=True)


if __name__ == "__main__":
    main()
