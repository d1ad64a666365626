"""What recording attention costs a painting, and that it changes no bit of it.

python bench/recording.py --runs 5
"""

from __future__ import annotations

import argparse
from statistics import median
from time import perf_counter

import torch

import limner

PROMPT = "a red apple, noto"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", default=None)
    given = parser.parse_args()
    painter = limner.load(given.model)
    seconds: dict[str | None, list[float]] = {None: [], "mean": [], "heads": []}
    plain = painter.generate(PROMPT, seed=0).latents
    for turn in range(given.runs):
        for how, taken in seconds.items():
            start = perf_counter()
            result = painter.generate(PROMPT, seed=turn, attention=how)
            taken.append(perf_counter() - start)
            if turn == 0:
                assert torch.equal(result.latents, plain)
    base = median(seconds[None])
    for how, taken in seconds.items():
        name = "nothing" if how is None else how
        print(f"{name}: {median(taken):.3f} s, {median(taken) / base:.3f} of painting alone")


if __name__ == "__main__":
    main()
