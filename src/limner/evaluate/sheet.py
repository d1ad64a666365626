"""Contact sheets: many pictures on one, each with a line of text under it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from limner.errors import UsageError

MARGIN = 6
CAPTION_SIZE = 11
CAPTION_HEIGHT = 16
INK = (40, 40, 40)
PAPER = (255, 255, 255)
SQUARE = 8  # pixels along one side of the checkerboard
LIGHT, DARK = (250, 250, 250), (232, 232, 232)


def contact_sheet(
    pictures: Sequence[Image.Image],
    labels: Sequence[str] | None = None,
    *,
    columns: int,
    scale: int = 1,
    checkerboard: bool = True,
) -> Image.Image:
    """The pictures row by row in so many columns, as one RGB picture.

    labels: one for each picture, cut to the width of a picture; None: no captions.
    scale: whole enlargement of every picture, pixels stay squares.
    checkerboard: what shows through transparent pixels; False: white.
    Every picture gets the room of the largest. UsageError for no pictures, or labels or columns
    that do not fit them.
    """
    _check(pictures, labels, columns, scale)
    width = scale * max(picture.width for picture in pictures)
    height = scale * max(picture.height for picture in pictures)
    step_x, step_y = width + MARGIN, height + MARGIN + (0 if labels is None else CAPTION_HEIGHT)
    rows = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (columns * step_x + MARGIN, rows * step_y + MARGIN), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(CAPTION_SIZE)
    for index, picture in enumerate(pictures):
        x = MARGIN + index % columns * step_x
        y = MARGIN + index // columns * step_y
        sheet.paste(_on_ground(picture, scale, checkerboard), (x, y))
        if labels is not None:
            pen.text((x, y + height + 1), _cut(labels[index], width, font), INK, font)
    return sheet


def _on_ground(picture: Image.Image, scale: int, checkerboard: bool) -> Image.Image:
    size = (scale * picture.width, scale * picture.height)
    enlarged = picture.convert("RGBA").resize(size, Image.Resampling.NEAREST)
    ground = _checkerboard(size) if checkerboard else Image.new("RGBA", size, PAPER)
    return Image.alpha_composite(ground, enlarged).convert("RGB")


def _checkerboard(size: tuple[int, int]) -> Image.Image:
    ground = Image.new("RGBA", size, LIGHT)
    pen = ImageDraw.Draw(ground)
    for y in range(0, size[1], SQUARE):
        for x in range(y // SQUARE % 2 * SQUARE, size[0], 2 * SQUARE):
            pen.rectangle((x, y, x + SQUARE - 1, y + SQUARE - 1), DARK)
    return ground


def _cut(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """As much of the first line as fits, with an ellipsis where something was left out."""
    line = text.split("\n")[0]
    if font.getlength(line) <= width and line == text:
        return line
    while line and font.getlength(line + "...") > width:
        line = line[:-1]
    return line + "..."


def _check(
    pictures: Sequence[Image.Image], labels: Sequence[str] | None, columns: int, scale: int
) -> None:
    if not pictures:
        raise UsageError("a contact sheet needs at least one picture")
    if columns < 1 or scale < 1:
        raise UsageError(f"columns {columns} and scale {scale} must be at least 1")
    if labels is not None and len(labels) != len(pictures):
        raise UsageError(
            f"{len(labels)} labels for {len(pictures)} pictures; there must be one each"
        )
