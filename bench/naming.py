"""How often the shipped model names pictures right, before it restyles them.

python bench/naming.py

Held-out real pictures, which the image tower never saw, and what the model paints in its plain
style; of the 400 concepts that the model knew first, every fourth painted, and of the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from everyday import painted
from torch import Tensor

import limner
from limner.data.emoji import load_emoji
from limner.data.pixels import to_model_range
from limner.language.english import with_article
from limner.training.recipes.base import everyday_subset, within

FIRST, EVERY, SEED = 400, 4, 500


def named_right(painter: limner.Painter, pictures: Tensor, wanted: Sequence[str]) -> str:
    """pictures: (N, 4, S, S) bytes, each of what is wanted."""
    naming = painter.parts.naming
    assert naming is not None
    found = naming(to_model_range(pictures))
    right = sum(name == want for name, want in zip(found, wanted, strict=True))
    return f"{right / len(wanted):6.1%} of {len(wanted)}"


@torch.inference_mode()
def main() -> None:
    painter = limner.load("emoji-restyle")
    real = load_emoji(64)
    data = within(real, painter.words)
    old = set(everyday_subset(real, FIRST).concepts)
    for name, own, every in (("known first", True, EVERY), ("new", False, 1)):
        part = data.select(lambda record, own=own: (record.concept in old) == own)
        unseen = part.held_out
        pictures = unseen.pictures[unseen.picture_indices()]
        right = named_right(painter, pictures, [record.concept for record in unseen.records])
        print(f"real, held out, {name}: {right}", flush=True)
        concepts = part.concepts[::every]
        prompts = [f"{with_article(each)}, {painter.words.plain_style}" for each in concepts]
        right = named_right(painter, painted(painter, prompts, SEED), concepts)
        print(f"painted, {name}: {right}", flush=True)


if __name__ == "__main__":
    main()
