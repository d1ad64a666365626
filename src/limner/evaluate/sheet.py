"""Sheets of many pictures: with a line of text under each, or as a table with heads and labels."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from PIL import Image, ImageDraw, ImageFont

from limner.errors import UsageError

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont
Item = TypeVar("Item")

MARGIN = 6
CAPTION_SIZE = 11
CAPTION_HEIGHT = 16
INK = (40, 40, 40)
PAPER = (255, 255, 255)
LABEL_WIDTH = 110  # of the labels beside a table's rows, at most, but for a number's digits
MOST_LINES = 3  # of a head, a label or a line of the title
LONGEST = 1000  # characters that are looked at: more never fit
SQUARE = 8  # pixels along one side of the checkerboard
LIGHT, DARK = (250, 250, 250), (232, 232, 232)


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of the items, from all of them alike and each once, in their order."""
    count = min(most, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def contact_sheet(
    pictures: Sequence[Image.Image],
    labels: Sequence[str] | None = None,
    *,
    columns: int,
    scale: int = 1,
    checkerboard: bool = True,
    whole: bool = False,
) -> Image.Image:
    """The pictures row by row in so many columns, as one RGB picture.

    labels: one for each picture, cut to the width of a picture, or with `whole` given the room that
    they need; None: no captions.
    scale: whole enlargement of every picture, pixels stay squares.
    checkerboard: what shows through transparent pixels; False: white.
    Every picture gets the room of the largest. UsageError for no pictures, or labels or columns
    that do not fit them.
    """
    _check(pictures, labels, columns, scale)
    width = scale * max(picture.width for picture in pictures)
    height = scale * max(picture.height for picture in pictures)
    font = ImageFont.load_default(CAPTION_SIZE)
    if whole and labels:
        width = max(width, *(math.ceil(font.getlength(label)) for label in labels))
    step_x, step_y = width + MARGIN, height + MARGIN + (0 if labels is None else CAPTION_HEIGHT)
    rows = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (columns * step_x + MARGIN, rows * step_y + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, picture in enumerate(pictures):
        x = MARGIN + index % columns * step_x
        y = MARGIN + index // columns * step_y
        sheet.paste(_on_ground(picture, scale, checkerboard), (x, y))
        if labels is not None:
            pen.text((x, y + height + 1), _cut(labels[index], width, font), INK, font)
    return sheet


def table_sheet(
    rows: Sequence[Sequence[Image.Image]],
    *,
    heads: Sequence[str],
    labels: Sequence[str] | None = None,
    title: str = "",
    scale: int = 1,
    checkerboard: bool = True,
) -> Image.Image:
    """The pictures as a table, as one RGB picture.

    heads: one above each column. labels: one to the left of each row; None: no room for them.
    title: above all; its line breaks are kept. Texts are broken into lines where they are long.
    scale, checkerboard: as of `contact_sheet`. UsageError for texts that do not fit the rows.
    """
    pictures = [picture for row in rows for picture in row]
    _check(pictures, None, len(heads), scale)
    if any(len(row) != len(heads) for row in rows) or len(labels or rows) != len(rows):
        raise UsageError("a table needs one head a column, one label a row, and rows of one length")
    step_x = scale * max(picture.width for picture in pictures) + MARGIN
    step_y = scale * max(picture.height for picture in pictures) + MARGIN
    beside = [_text_block(label, max(LABEL_WIDTH, _digits(label))) for label in labels or ()]
    above = [_text_block(head, step_x - MARGIN) for head in heads]
    left = MARGIN + max((block.width + MARGIN for block in beside), default=0)
    over_all = _text_block(title, left + len(heads) * step_x - 2 * MARGIN)
    heads_top = MARGIN + (over_all.height + MARGIN if title else 0)
    top = heads_top + max(block.height for block in above)

    size = (left + len(heads) * step_x, top + len(rows) * step_y)
    sheet = Image.new("RGB", size, PAPER)
    sheet.paste(over_all, (MARGIN, MARGIN))
    for column, block in enumerate(above):
        sheet.paste(block, (left + column * step_x, heads_top))
    for index, block in enumerate(beside):
        sheet.paste(block, (MARGIN, top + index * step_y))
    for index, row in enumerate(rows):
        for column, picture in enumerate(row):
            ground = _on_ground(picture, scale, checkerboard)
            sheet.paste(ground, (left + column * step_x, top + index * step_y))
    return sheet


def _text_block(text: str, width: int) -> Image.Image:
    """A text of so many pixels at most, each of its lines broken into at most three."""
    font = ImageFont.load_default(CAPTION_SIZE)
    lines = [line for part in text.split("\n") for line in _broken(part, width, font)]
    longest = math.ceil(max((font.getlength(line) for line in lines), default=0))
    block = Image.new("RGB", (longest, CAPTION_HEIGHT * len(lines)), PAPER)
    pen = ImageDraw.Draw(block)
    for number, line in enumerate(lines):
        pen.text((0, number * CAPTION_HEIGHT), line, INK, font)
    return block


def _digits(text: str) -> int:
    """The width of the longest number in a text, which no part of would stand for."""
    font = ImageFont.load_default(CAPTION_SIZE)
    return math.ceil(max(map(font.getlength, re.findall(r"\d+", text[:LONGEST])), default=0))


def _broken(text: str, width: int, font: Font) -> list[str]:
    """The words in as many lines as they need; what the last has no room for is cut."""
    lines: list[str] = []
    for word in text[:LONGEST].split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and (font.getlength(longer) <= width or len(lines) == MOST_LINES):
            lines[-1] = longer
        else:
            lines.append(word)
    return [_cut(line, width, font) for line in lines]


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


def _cut(text: str, width: int, font: Font) -> str:
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
