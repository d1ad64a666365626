"""Two things beside each other: what the judge says of each half of the picture.

python bench/pairs.py src/limner/assets/emoji-pairs --judge runs/judge --pairs 200

Pairs of concepts that the training draws and pairs that it never draws, one picture each, with the
prompt "a cat left of a dog, 3d". `things`: halves whose concept is the judge's first guess;
`exchanged`: both are there, each in the other's half. `single`: the same halves painted one by one
by the model without its LoRAs, which is what a half can be at best.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

import limner
from limner.cli.train import read
from limner.data.captions import canonical
from limner.data.pixels import to_bytes, to_picture
from limner.data.scene_words import Relation, Scene, canonical_scene
from limner.data.scenes import RELATIONS, SceneConfig, Scenes
from limner.evaluate.judge import Judge
from limner.evaluate.sheet import contact_sheet

BATCH, SEED = 24, 40_009


def drawn(source: Scenes, count: int, *, held_out: bool) -> list[Scene]:
    chance = random.Random(SEED)
    left = RELATIONS.index(Relation.LEFT)
    return [
        source.plan(
            chance.randrange(len(source.concepts)) * len(RELATIONS) + left,
            chance,
            held_out=held_out,
        )
        for _ in range(count)
    ]


def painted(painter: limner.Painter, prompts: Sequence[str]) -> Tensor:
    parts = []
    for first in range(0, len(prompts), BATCH):
        some = prompts[first : first + BATCH]
        parts.append(to_bytes(painter.paint_batch(some, range(first, first + len(some)))))
    return torch.cat(parts)


def line(judge: Judge, halves: Sequence[Tensor], scenes: Sequence[Scene]) -> str:
    seen = [judge.see(half) for half in halves]
    sides = [[s.first for s in scenes], [s.second for s in scenes]]
    wanted = [judge.labels([r.concept for r in side], [r.style for r in side]) for side in sides]
    named = [verdict.concepts.argmax(1) for verdict in seen]
    right = torch.stack([n == w[0] for n, w in zip(named, wanted, strict=True)])
    other = torch.stack([named[0] == wanted[1][0], named[1] == wanted[0][0]])
    style = torch.stack([v.styles.argmax(1) == w[1] for v, w in zip(seen, wanted, strict=True)])
    return (
        f"things {right.float().mean():.3f}, both in place {right.all(0).float().mean():.3f}, "
        f"exchanged {other.all(0).float().mean():.3f}, style {style.float().mean():.3f} "
        f"({len(scenes)} pictures)"
    )


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--guidance", type=float, nargs="+", default=[None])
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    judge, painter = Judge.load(given.judge), limner.load(given.model)
    known = set(painter.words.concepts)
    real = read(None).seen.select(lambda record: record.concept in known)
    source = Scenes(real, SceneConfig(sized=0.0))
    for name, held_out in (("drawn", False), ("never drawn", True)):
        scenes = drawn(source, given.pairs, held_out=held_out)
        for guidance in given.guidance:
            own = painter.parts.sampling
            sampling = own if guidance is None else replace(own, guidance=guidance)
            painter.parts = replace(painter.parts, sampling=sampling)
            pictures = painted(painter, [canonical_scene(scene) for scene in scenes])
            painter.parts = replace(painter.parts, sampling=own)
            said = line(judge, pictures.chunk(2, dim=3), scenes)
            print(f"{name}, guidance {sampling.guidance}: {said}", flush=True)
        if given.sheet is not None and not held_out:
            labels = [canonical_scene(scene) for scene in scenes[:40]]
            shown = [to_picture(p.float() / 127.5 - 1) for p in pictures[:40]]
            contact_sheet(shown, labels, columns=5, scale=2).save(given.sheet)
    single = limner.load()
    halves = [
        painted(single, [canonical(record) for record in side])
        for side in ([s.first for s in scenes], [s.second for s in scenes])
    ]
    print(f"single: {line(judge, halves, scenes)}")


if __name__ == "__main__":
    main()
