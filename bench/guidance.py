"""Style and concept over guidance, by the judge, on cells that a model was trained on.

python bench/guidance.py runs/unet/model --judge runs/judge --guidance 1.6 2.0 2.5
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

import limner
from limner.cli.train import read
from limner.data.pixels import to_bytes
from limner.evaluate.judge import Judge
from limner.evaluate.report import Cell, choose_cells

BATCH, CELLS_SEED, FIRST_SEED = 36, 5, 500


def line(judge: Judge, pixels: Tensor, cells: Sequence[Cell]) -> str:
    """How often the judge names the style and the concept that were asked for."""
    seen = judge.see(pixels)
    styles = [judge.config.styles.index(cell.style) for cell in cells]
    concepts = [judge.config.concepts.index(cell.concept) for cell in cells]
    style = (seen.styles.argmax(1) == torch.tensor(styles)).float().mean()
    concept = (seen.concepts.argmax(1) == torch.tensor(concepts)).float().mean()
    return f"style {style:.3f}, concept {concept:.3f} ({len(cells)} pictures)"


def painted(painter: limner.Painter, cells: Sequence[Cell]) -> Tensor:
    """One picture a cell, (N, P, H, W) bytes."""
    parts = []
    for first in range(0, len(cells), BATCH):
        prompts = [cell.prompt for cell in cells[first : first + BATCH]]
        seeds = range(FIRST_SEED + first, FIRST_SEED + first + len(prompts))
        parts.append(to_bytes(painter.paint_batch(prompts, seeds)))
    return torch.cat(parts)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.6, 2.0, 2.5])
    parser.add_argument("--cells", type=int, default=144)
    given = parser.parse_args()
    judge, painter = Judge.load(given.judge), limner.load(given.model)
    known = set(painter.words.concepts)
    real = read(None).select(lambda record: record.concept in known)
    seen = real.seen
    pixels = seen.to_float(range(len(seen)))
    coder = painter.parts.autoencoder
    back = torch.cat([coder.decode(coder.encode(part).mean) for part in pixels.split(64)])
    cells = [Cell(r.concept, r.style, False) for r in seen.records]
    print("real, through the autoencoder:", line(judge, to_bytes(back), cells), flush=True)
    cells = choose_cells(real, seen=given.cells, held_out=1, seed=CELLS_SEED)[: given.cells]
    for guidance in given.guidance:
        sampling = replace(painter.parts.sampling, guidance=guidance)
        with_it = limner.Painter(replace(painter.parts, sampling=sampling))
        print(f"guidance {guidance}:", line(judge, painted(with_it, cells), cells), flush=True)


if __name__ == "__main__":
    main()
