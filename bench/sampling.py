"""Style and concept over guidance and steps, by the judge, on seen and on held-out cells.

python bench/sampling.py src/limner/assets/emoji --judge runs/judge --guidance 1.6 2.0 2.5
python bench/sampling.py src/limner/assets/emoji --judge runs/judge --steps 20 8 4 2 1
python bench/sampling.py src/limner/assets/emoji --judge runs/judge --styles
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from nearest_judge import AnyJudge, emoji_of, hits, judge_at
from torch import Tensor

import limner
from limner.data.pixels import to_bytes
from limner.data.records import PictureSet
from limner.evaluate.report import Cell, choose_cells

BATCH, CELLS_SEED, FIRST_SEED = 36, 5, 500


def line(judge: AnyJudge, pixels: Tensor, cells: Sequence[Cell]) -> str:
    """How often the judge names the style and the concept that were asked for."""
    concept, style = (hit.float().mean() for hit in hits(judge, judge.see(pixels), cells))
    return f"style {style:.3f}, concept {concept:.3f} ({len(cells)} pictures)"


def by_style(judge: AnyJudge, pixels: Tensor, cells: Sequence[Cell]) -> str:
    """Of each style that was asked for, how many the judge finds, and what it finds else."""
    named = [judge.config.styles[place] for place in judge.see(pixels).styles.argmax(1).tolist()]
    lines = []
    for style in judge.config.styles:
        found = Counter(n for n, cell in zip(named, cells, strict=True) if cell.style == style)
        told = ", ".join(f"{name} {count}" for name, count in found.most_common())
        lines.append(f"  {style} asked {found.total()} times: {told}")
    return "\n".join(lines)


def painted(painter: limner.Painter, cells: Sequence[Cell]) -> Tensor:
    """One picture a cell, (N, P, H, W) bytes."""
    parts = []
    for first in range(0, len(cells), BATCH):
        prompts = [cell.prompt for cell in cells[first : first + BATCH]]
        seeds = range(FIRST_SEED + first, FIRST_SEED + first + len(prompts))
        parts.append(to_bytes(painter.paint_batch(prompts, seeds)))
    return torch.cat(parts)


def set_to(painter: limner.Painter, **sampling: object) -> limner.Painter:
    """The same model with other defaults; None leaves one as it is."""
    changes = {name: value for name, value in sampling.items() if value is not None}
    own = replace(painter.parts.sampling, **changes)
    return limner.Painter(replace(painter.parts, sampling=own))


def through_the_autoencoder(painter: limner.Painter, real: PictureSet) -> Tensor:
    """Real pictures as an autoencoder leaves them: no painter on its latents does better."""
    coder, pixels = painter.parts.autoencoder, real.to_float(range(len(real)))
    return to_bytes(torch.cat([coder.decode(coder.encode(p).mean) for p in pixels.split(64)]))


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--judge", required=True, help="its folder, or `nearest`")
    parser.add_argument("--guidance", type=float, nargs="+", default=[None])
    parser.add_argument("--steps", type=int, nargs="+", default=[None])
    parser.add_argument("--solver")
    parser.add_argument("--cells", type=int, default=144)
    parser.add_argument("--styles", action="store_true", help="tell each style by itself")
    given = parser.parse_args()
    judge, painter = judge_at(given.judge), limner.load(given.model)
    known = set(painter.words.concepts)
    real = emoji_of(painter).select(lambda record: record.concept in known)
    if painter.parts.autoencoder is not None:
        cells = [Cell(r.concept, r.style, False) for r in real.seen.records]
        back = through_the_autoencoder(painter, real.seen)
        print("real, through the autoencoder:", line(judge, back, cells), flush=True)
    if given.styles and len(real.held_out):
        left = real.held_out
        cells = [Cell(r.concept, r.style, True) for r in left.records]
        print(
            "real, held out:",
            by_style(judge, left.pictures[left.picture_indices()], cells),
            sep="\n",
        )
    cells = choose_cells(real, seen=given.cells, held_out=given.cells, seed=CELLS_SEED)
    for guidance, steps in itertools.product(given.guidance, given.steps):
        chosen = set_to(painter, guidance=guidance, steps=steps, solver=given.solver)
        own = chosen.parts.sampling
        for held_out in (False, True):
            asked = [cell for cell in cells if cell.held_out == held_out]
            pixels = painted(chosen, asked)
            where = "held out" if held_out else "seen"
            verdict = line(judge, pixels, asked)
            print(f"guidance {own.guidance}, {own.steps} steps, {where}: {verdict}", flush=True)
            if given.styles:
                print(by_style(judge, pixels, asked), flush=True)


if __name__ == "__main__":
    main()
