"""What int8 costs and gains on the shipped model: a curve over the steps, by a judge.

python bench/int8.py --judge nearest --count 60 --steps 10 5

The same prompts and seeds by every engine, one picture at a time in turns, after one that is not
counted. Seconds are the median of a painting.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from nearest_judge import NEAREST, judge_at
from sampling import line
from torch import Tensor

import limner
from limner.cli.train import read
from limner.data.pixels import to_bytes
from limner.evaluate.report import Cell, choose_cells

SEED, FIRST_SEED = 5, 500
ENGINES: Mapping[str, Mapping[str, object]] = {
    "eager fp32": {"engine": "eager"},
    "openvino fp32": {"engine": "openvino"},
    "openvino int8": {"engine": "openvino", "int8": True},
}


def painters(model: Path | None, steps: int) -> dict[str, limner.Painter]:
    """The same model on every engine."""
    parts = limner.load(model).parts
    parts = replace(parts, sampling=replace(parts.sampling, steps=steps))
    return {name: limner.Painter(parts, **options) for name, options in ENGINES.items()}


def painted(
    found: Mapping[str, limner.Painter], cells: Sequence[Cell]
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The pictures of every engine, (N, P, H, W) bytes, and the median seconds of one."""
    pictures: dict[str, list[Tensor]] = {name: [] for name in found}
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for seed, cell in enumerate(cells, FIRST_SEED):
        for name, painter in found.items():
            began = time.perf_counter()
            pictures[name].append(to_bytes(painter.paint_batch([cell.prompt], [seed])))
            seconds[name].append(time.perf_counter() - began)
    return (
        {name: torch.cat(some) for name, some in pictures.items()},
        {name: statistics.median(some) for name, some in seconds.items()},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--judge", default=NEAREST, help="its folder, or `nearest`")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--steps", type=int, nargs="+", default=[10])
    given = parser.parse_args()
    known = set(limner.load(given.model).words.concepts)
    real = read(None).select(lambda record: record.concept in known)
    cells = choose_cells(real, seen=given.count, held_out=0, seed=SEED)
    made = {}
    for steps in given.steps:
        found = painters(given.model, steps)
        painted(found, cells[:1])  # converted, compiled and warm
        made[steps] = painted(found, cells)
    judge = judge_at(given.judge)
    print("| steps | engine | s | beside the modules | judged |\n|-|-|-|-|-|")
    for steps, (pictures, seconds) in made.items():
        base = seconds["eager fp32"]
        for name, some in pictures.items():
            verdict = line(judge, some, cells)
            beside = seconds[name] / base
            print(f"| {steps} | {name} | {seconds[name]:.2f} | {beside:.2f} | {verdict} |")


if __name__ == "__main__":
    main()
