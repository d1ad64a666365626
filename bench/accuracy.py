"""How often a model paints what it is asked for, concept by concept, written into its folder.

python bench/accuracy.py MODEL --seeds 2 --write --wrong recipes/everyday-enlarged-wrong.txt

Each concept as typed, in the plain style. A picture is right where the judge (nearest_judge.py, of
the concepts that the model knows) has its concept among its first three: drawings of neighbours,
such as a man and an old man, differ by little. `--beside` leaves out what another model knows
already. `--write` puts what is below 1 into limner.json, by which the reader of sentences tells
people what is mostly painted wrongly; for the concepts that `--wrong` lists, how many of three
pictures look right to eyes goes before what the judge says. `--forget` takes what is mostly wrong,
and what the model that it names does not know either, out of the words that the model knows, with
its names, so that the lexicon may say something nearer.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from everyday import painted
from nearest_judge import NearestJudge

import limner
from limner.checkpoints import ModelFolder, Words
from limner.checkpoints.settings import POOR
from limner.data.emoji import default_folder, load_emoji
from limner.data.everyday_words import EverydayWords
from limner.diffusion.prediction import name_of
from limner.language.english import with_article

FIRST, LOOKED_AT = 3, 3


def by_eye(file: Path, known: Sequence[str]) -> dict[str, float]:
    """The part of their pictures that is right, of the concepts of a list, all of them known."""
    lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    found = {concept: int(right) / LOOKED_AT for right, concept in (s.split(" ", 1) for s in lines)}
    if unknown := sorted(found.keys() - set(known)):
        raise SystemExit(f"{file} lists what the model does not know: {', '.join(unknown)}")
    return found


def without(words: Words, forgotten: Collection[str]) -> Words:
    """The words without some of the concepts, and without names that are of none of the others."""
    names = EverydayWords.load(default_folder(64)).names
    kept = tuple(concept for concept in words.concepts if concept not in forgotten)
    called = {name for concept in kept for name in names.get(concept, ())}
    gone = {name for concept in forgotten for name in names.get(concept, ())} - called
    others = tuple(other for other in words.others if other not in gone)
    return replace(words, concepts=kept, others=others)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--wrong", type=Path, help="lines such as '1 llama': of three")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--forget", type=Path, metavar="BEFORE")
    given = parser.parse_args()
    painter = limner.load(given.model)
    known = painter.words.concepts
    named = replace(painter.words, lexicon={})  # what it knows is asked for, not something near
    painter = limner.Painter(replace(painter.parts, words=named))
    asked = known
    if given.beside is not None:
        before = limner.load(given.beside).words.concepts
        asked = tuple(concept for concept in known if concept not in before)
    judge = NearestJudge(load_emoji(64).select(lambda record: record.concept in set(known)))
    style = painter.words.plain_style
    prompts = [f"{with_article(concept)}, {style}" for concept in asked]
    right = torch.zeros(len(asked))
    wanted = torch.tensor([judge.config.concepts.index(concept) for concept in asked])[:, None]
    for seed in range(given.seeds):
        seen = judge.see(painted(painter, prompts, seed * len(prompts))).concepts
        right += (seen.topk(FIRST, dim=1).indices == wanted).any(1)
    accuracy = dict(zip(asked, (right / given.seeds).tolist(), strict=True))
    print(f"{right.mean() / given.seeds:.1%} of {len(asked)} concepts, by the judge")
    if given.wrong is not None:
        accuracy |= {c: share for c, share in by_eye(given.wrong, known).items() if c in accuracy}
    poor = [concept for concept, share in accuracy.items() if share < POOR]
    print(f"{len(poor)} below half: {', '.join(poor)}")
    if given.write or given.forget is not None:
        folder = ModelFolder(given.model)
        process, prediction, sampling, words = folder.load_settings()
        assert words is not None
        kept = {*known} if given.forget is None else {*limner.load(given.forget).words.concepts}
        told = without(words, {*poor} - kept)
        missed = {c: share for c, share in accuracy.items() if share < 1 and c in told.concepts}
        told = replace(told, accuracy=missed)
        folder.save_settings(process, name_of(prediction), sampling, told)


if __name__ == "__main__":
    main()
