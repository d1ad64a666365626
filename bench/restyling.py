"""Restyling on held-out (concept, style) cells, by the judge: is the style the one that was asked
for, and the concept still that of the content?

python bench/restyling.py src/limner/assets/emoji-restyle --judge runs/judge --sheet sheet.png
python bench/restyling.py runs/restyle/model --judge runs/judge --cells 60 --guidance 1.6 2.5 4
python bench/restyling.py runs/restyle/model --judge runs/judge --cells 60 --content-weight 0.6 1

The content is the same concept in another style, the style is told by its word and, in the second
line, by a picture of another concept; both are drawn by chance from what was trained on. What it
shows is not told: the model names it. Of concepts that the model knows by name, unless --unknown.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from nearest_judge import AnyJudge, emoji_of, hits, judge_at
from PIL import Image
from torch import Tensor

import limner
from limner.cli.train import read
from limner.data.cells import Cells
from limner.data.pixels import premultiplied_bytes, to_model_range, to_picture
from limner.data.records import PictureSet, Record
from limner.evaluate.sheet import contact_sheet
from limner.training.recipes.base import everyday_subset

SEED, FIRST_SEED, SHOWN = 5, 700, 12


@dataclass(frozen=True, kw_only=True)
class Item:
    """A held-out record, and the pictures of records that show its content and its style."""

    target: Record
    content: Record
    example: Record


def items(real: PictureSet, most: int | None) -> list[Item]:
    """Held-out cells whose concept is seen in another style, shuffled; all for None."""
    chance, seen = random.Random(SEED), real.seen
    cells = Cells(seen.records)
    targets = [record for record in real.held_out.records if cells.others(record)]
    chance.shuffle(targets)
    return [
        Item(
            target=target,
            content=seen.records[chance.choice(cells.others(target))],
            example=seen.records[chance.choice(cells.mates(target))],
        )
        for target in targets[:most]
    ]


def pictures(real: PictureSet, records: Sequence[Record]) -> Iterator[Image.Image]:
    for record in records:
        yield to_picture(to_model_range(real.pictures[record.picture]))


def painted(
    painter: limner.Painter,
    real: PictureSet,
    chosen: Sequence[Item],
    by_picture: bool,
    **how: float,
) -> list[Image.Image]:
    """One restyled picture an item."""
    contents = pictures(real, [item.content for item in chosen])
    styles: Sequence[Image.Image | str] = (
        list(pictures(real, [item.example for item in chosen]))
        if by_picture
        else [item.target.style for item in chosen]
    )
    return [
        painter.restyle(content, style, seed=FIRST_SEED + number, **how).images[0]
        for number, (content, style) in enumerate(zip(contents, styles, strict=True))
    ]


def as_bytes(images: Sequence[Image.Image], size: int) -> Tensor:
    return torch.stack([premultiplied_bytes(image, size) for image in images])


def line(judge: AnyJudge, pixels: Tensor, targets: Sequence[Record]) -> str:
    """How often the judge names the style, the concept, and both; chance is 1 in as many words."""
    concept, style = hits(judge, judge.see(pixels), targets)
    parts = {"style": style, "concept": concept, "both": style & concept}
    said = ", ".join(f"{name} {float(hit.float().mean()):.3f}" for name, hit in parts.items())
    return f"{said} ({len(targets)} pictures)"


def write_sheet(
    real: PictureSet, chosen: Sequence[Item], rows: Sequence[list[Image.Image]], path: Path
) -> None:
    """Content, by word, the style's picture, by picture, real: a column an item, as they come."""
    shown = chosen[:SHOWN]
    by_word, by_picture = (row[:SHOWN] for row in rows)
    contents, examples, real_ones = (
        list(pictures(real, [getattr(item, name) for item in shown]))
        for name in ("content", "example", "target")
    )
    labels = [
        *(f"content: {item.content.style}" for item in shown),
        *(f"to {item.target.style}" for item in shown),
        *("style's picture" for _ in shown),
        *("by picture" for _ in shown),
        *("real" for _ in shown),
    ]
    cells = [*contents, *by_word, *examples, *by_picture, *real_ones]
    contact_sheet(cells, labels, columns=len(shown), scale=1).save(path)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--judge", required=True, help="its folder, or `nearest`")
    parser.add_argument("--data", type=Path, help="another picture set than the emoji")
    parser.add_argument("--unknown", action="store_true", help="concepts of no name to it, too")
    parser.add_argument("--concepts", type=int, help="of so many; default: all that it knows")
    parser.add_argument("--cells", type=int, help="so many held-out cells; default: all")
    parser.add_argument("--content-weight", type=float, nargs="+", default=[1.0])
    parser.add_argument("--style-weight", type=float, nargs="+", default=[1.0])
    parser.add_argument("--guidance", type=float, nargs="+", default=[None])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--sheet", type=Path, help="where to draw the pictures of the last values")
    given = parser.parse_args()
    judge, painter = judge_at(given.judge), limner.load(given.model)
    known = set(painter.words.concepts)
    data = emoji_of(painter) if given.data is None else read(given.data)
    real = everyday_subset(data, given.concepts)
    real = real.select(lambda record: given.unknown or record.concept in known)
    chosen = items(real, given.cells)
    targets = [item.target for item in chosen]
    for name in ("target", "content"):
        shown = list(pictures(real, [getattr(item, name) for item in chosen]))
        print(f"real, the {name}:", line(judge, as_bytes(shown, real.size), targets), flush=True)
    for content, style, guidance in itertools.product(
        given.content_weight, given.style_weight, given.guidance
    ):
        how = {"content_weight": content, "style_weight": style}
        how |= {"guidance": guidance, "steps": given.steps}
        rows = [painted(painter, real, chosen, by_picture, **how) for by_picture in (False, True)]
        said = f"content weight {content}, style weight {style}, "
        said += f"guidance {guidance or painter.parts.sampling.guidance}"
        for told, row in zip(("word", "picture"), rows, strict=True):
            print(f"{said}, by {told}:", line(judge, as_bytes(row, real.size), targets), flush=True)
    if given.sheet is not None:
        write_sheet(real, chosen, rows, given.sheet)


if __name__ == "__main__":
    main()
