"""How often a model paints what it is asked for, concept by concept, written into its folder.

python bench/accuracy.py src/limner/assets/emoji --seeds 2 --write

Each concept as typed, in the plain style. A picture is right where the judge (nearest_judge.py, of
the concepts that the model knows) has its concept among its first three: drawings of neighbours,
such as a man and an old man, differ by little. `--write` puts what is below 1 into limner.json, by
which the reader of sentences tells people what is mostly painted wrongly.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from everyday import painted
from nearest_judge import NearestJudge

import limner
from limner.checkpoints import ModelFolder
from limner.data.emoji import load_emoji
from limner.diffusion.prediction import name_of
from limner.language.english import with_article

FIRST, POOR = 3, 0.5


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    painter = limner.load(given.model)
    known = painter.words.concepts
    judge = NearestJudge(load_emoji(64).select(lambda record: record.concept in set(known)))
    style = painter.words.plain_style
    prompts = [f"{with_article(concept)}, {style}" for concept in known]
    right = torch.zeros(len(known))
    wanted = torch.tensor([judge.config.concepts.index(concept) for concept in known])[:, None]
    for seed in range(given.seeds):
        named = judge.see(painted(painter, prompts, seed * len(prompts))).concepts
        right += (named.topk(FIRST, dim=1).indices == wanted).any(1)
    accuracy = dict(zip(known, (right / given.seeds).tolist(), strict=True))
    poor = [concept for concept, share in accuracy.items() if share < POOR]
    print(f"{sum(accuracy.values()) / len(known):.1%} of {len(known)} concepts; below half: {poor}")
    if given.write:
        folder = ModelFolder(given.model)
        process, prediction, sampling, words = folder.load_settings()
        assert words is not None
        missed = {concept: share for concept, share in accuracy.items() if share < 1}
        told = replace(words, accuracy=missed)
        folder.save_settings(process, name_of(prediction), sampling, told)


if __name__ == "__main__":
    main()
