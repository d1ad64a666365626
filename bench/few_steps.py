"""How far pictures of few steps are from those of many, seed by seed, in the latent.

python bench/few_steps.py src/limner/assets/emoji runs/few/model --steps 1 2 4 8

The first model with its own steps and guidance is what all others are held against; after that it
is painted with few steps too, with its guidance, and the second model without guidance.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

import limner
from limner.data.concepts import FAMILIAR

PICTURES = 64


def latents(painter: limner.Painter, **fields: object) -> Tensor:
    """One latent a prompt: familiar concepts and the model's styles in turn, its index the seed."""
    styles = painter.words.styles
    known = [concept for concept in FAMILIAR if concept in painter.words.concepts]
    prompts = [f"a {known[i % len(known)]}, {styles[i % len(styles)]}" for i in range(PICTURES)]
    painted = [painter.generate(p, seed=i, **fields).latents for i, p in enumerate(prompts)]
    return torch.cat(painted)


def distance(found: Tensor, wanted: Tensor) -> float:
    """Root of the mean square difference, in parts of the wanted latents' deviation."""
    return float((found - wanted).square().mean().sqrt() / wanted.std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("student", type=Path)
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8])
    given = parser.parse_args()
    teacher, student = limner.load(given.teacher), limner.load(given.student)
    wanted = latents(teacher)
    print(f"{PICTURES} pictures; distances from {given.teacher} as it is set")
    for steps in given.steps:
        own = distance(latents(teacher, steps=steps), wanted)
        euler = distance(latents(teacher, steps=steps, solver="euler"), wanted)
        few = distance(latents(student, steps=steps), wanted)
        print(f"{steps} steps: {own:.3f}, with euler {euler:.3f}, distilled {few:.3f}")


if __name__ == "__main__":
    main()
