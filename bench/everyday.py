"""What people ask for, before and after: nouns, colours, seen and held-out cells, grounds beside.

python bench/everyday.py recipes/everyday-nouns.txt --model runs/everyday64/run/model --count 60

The judge is none that was trained (nearest_judge.py). In the rows of colours both are compared in
grey, with the same contrast. What it says of real pictures (through the autoencoder; turned to the
colour) stands beside: no painter is judged better. Beside the held-out cells stands what it says of
their real pictures where each is hidden from its memory: what other drawings of the style come to.
Cells and colours are of the concepts that the model knows, or of so many everyday ones
(`--concepts 400`: what the first shipped model knew).
Pictures are judged in the model's own size, or in small (`--judged 64`), to be compared with those
of a smaller model.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from nearest_judge import AnyJudge, NearestJudge, hits, in_size
from torch import Tensor

import limner
from limner.cli.evaluate import write_sheet
from limner.cli.understanding import paint_as_asked
from limner.data.colours import recoloured
from limner.data.emoji import load_emoji
from limner.data.everyday_words import read_nouns
from limner.data.everyday_world import everyday_world
from limner.data.pixels import to_bytes, to_model_range
from limner.data.records import PictureSet
from limner.evaluate.everyday import Wanted, colours_wanted, judge_everyday, nouns_wanted
from limner.evaluate.judge import Judge, Verdict
from limner.evaluate.report import Cell, choose_cells
from limner.training.recipes.base import everyday_subset, within

BATCH, SEED = 30, 40_009
APART = 1000  # seeds of a cell's pictures


def painted(painter: limner.Painter, prompts: Sequence[str], seed: int = 0) -> Tensor:
    """One picture a prompt, in the model's own size, as bytes; seeds from `seed` on."""
    parts = []
    for first in range(0, len(prompts), BATCH):
        some = prompts[first : first + BATCH]
        parts.append(
            to_bytes(painter.paint_batch(some, range(seed + first, seed + first + len(some))))
        )
    return torch.cat(parts)


def cell_lines(
    painter: limner.Painter, judges: Mapping[str, AnyJudge], cells: Sequence[Cell], seeds: int
) -> None:
    """Seen and held-out cells by their plain captions, a mean over so many pictures of each.

    judges: what each is called after the cells' name.
    """
    for held_out in (False, True):
        asked = [cell for cell in cells if cell.held_out == held_out]
        prompts = [cell.prompt for cell in asked]
        pictures = [painted(painter, prompts, APART * seed) for seed in range(seeds)]
        name = "cells held out" if held_out else "cells seen"
        for by, judge in judges.items():
            print(cell_line(name + by, judge, [judge.see(each) for each in pictures], asked))


def real_line(judge: NearestJudge, real: PictureSet, cells: Sequence[Cell]) -> str:
    """The real pictures of held-out cells, each by the judge that does not know it."""
    left = {(cell.concept, cell.style): cell for cell in cells if cell.held_out}
    places = [n for n, r in enumerate(real.records) if (r.concept, r.style) in left]
    asked = [left[real.records[n].concept, real.records[n].style] for n in places]
    return cell_line("held out, other real ones", judge, [judge.without_itself(places)], asked)


def cell_line(name: str, judge: AnyJudge, found: Sequence[Verdict], asked: Sequence[Cell]) -> str:
    """How often concept and style are the nearest, a mean over several verdicts."""
    right = zip(*(hits(judge, seen, asked) for seen in found), strict=True)
    concept, style = (float(torch.cat(each).float().mean()) for each in right)
    told = f"{len(asked) * len(found):>6} pictures"
    return f"{name:<26}{told}  concept {concept:6.1%}  style {style:6.1%}"


def real_ones(data: PictureSet, wanted: Sequence[Wanted], style: str, painter) -> Tensor:
    """The real pictures of what is wanted, turned to its colour, through the autoencoder."""
    place = {(r.concept, r.style): r.picture for r in data.records}
    found = []
    for each in wanted:
        pixels = to_model_range(data.pictures[place[each.concept, style]])
        found.append(pixels if each.colour is None else recoloured(pixels, each.colour))
    coder = painter.parts.autoencoder
    return to_bytes(coder.decode(coder.encode(torch.stack(found)).mean))


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nouns", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--held-out", type=int, help="So many held-out cells. Default: count.")
    parser.add_argument("--seeds", type=int, default=1, help="So many pictures of each cell.")
    parser.add_argument("--steps", type=int, help="Default: the model's own.")
    parser.add_argument("--concepts", type=int, help="Cells of so many. Default: all it knows.")
    parser.add_argument("--judged", type=int, help="Size that pictures are judged in.")
    parser.add_argument("--guidance", type=float, nargs="*", default=[], help="Cells by each too.")
    parser.add_argument("--judge", type=Path, help="Cells also by one that was trained.")
    parser.add_argument("--sheet", type=Path, help="Where to draw the cells.")
    given = parser.parse_args()
    painter = limner.load(given.model)
    sampling = painter.parts.sampling
    sampling = replace(sampling, steps=given.steps or sampling.steps)
    language = painter.model.language
    painter = limner.Painter(replace(painter.parts, sampling=sampling), language=language)
    data = load_emoji(sampling.size[0])
    size = given.judged or data.size
    own = everyday_subset(data, given.concepts) if given.concepts else within(data, painter.words)
    real = load_emoji(size)
    judge, in_grey = NearestJudge(real), NearestJudge(real, grey=True)
    plain = everyday_world(own).plain
    style = painter.words.plain_style
    for name, wanted, by in (
        ("everyday nouns", nouns_wanted(read_nouns(given.nouns), given.count, SEED), judge),
        ("colours drawn", colours_wanted(plain, given.count, SEED, held_out=False), in_grey),
        ("colours held out", colours_wanted(plain, given.count, SEED, held_out=True), in_grey),
    ):
        true = in_size(real_ones(data, wanted, style, painter), size)
        print(judge_everyday(true, wanted, by).line(f"{name}, real"), flush=True)
        pictures = in_size(paint_as_asked(painter, [each.prompt for each in wanted], name), size)
        print(judge_everyday(pictures, wanted, by).line(name), flush=True)
    held_out = given.held_out or given.count
    cells = choose_cells(own, seen=given.count, held_out=held_out, seed=SEED)
    print(real_line(judge, real, cells))
    judges: dict[str, AnyJudge] = {"": judge}
    if given.judge is not None:
        judges[" (trained judge)"] = Judge.load(given.judge)
    cell_lines(painter, judges, cells, given.seeds)
    for guidance in given.guidance:
        guided = replace(painter.parts, sampling=replace(sampling, guidance=guidance))
        print(f"guidance {guidance:g}:")
        cell_lines(limner.Painter(guided, language=language), judges, cells, given.seeds)
    if given.sheet is not None:
        write_sheet(painter, cells, given.sheet)


if __name__ == "__main__":
    main()
