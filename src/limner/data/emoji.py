"""The emoji data set: six styles of drawing, one picture for each concept and style."""

from __future__ import annotations

import io
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from limner.data import emoji_sources as sources
from limner.data.pixels import premultiplied_bytes
from limner.data.records import PictureSet, Record, write_json
from limner.errors import DataError, UsageError
from limner.files import cache_folder

Progress = Callable[[int, int], None]
Draw = Callable[[sources.Emoji], Image.Image | None]

HELD_OUT_FILE = "held_out.json"
OVERSAMPLING = 2


def default_folder(size: int) -> Path:
    """Where the emoji set of this size is kept by default."""
    return cache_folder() / f"emoji-{size}"


def load_emoji(size: int = 64) -> PictureSet:
    """The set that `build_emoji` has built in the default place; DataError if it has not."""
    folder = default_folder(size)
    if not folder.exists():
        raise DataError(
            f"there is no emoji set in {folder}; `limner data emoji --size {size}` builds it"
        )
    return PictureSet.load(folder)


def build_emoji(
    folder: Path | None = None,
    *,
    size: int = 64,
    seed: int = 0,
    held_out: float = 0.05,
    packages: Path | None = None,
    progress: Progress | None = None,
) -> PictureSet:
    """Draw every emoji in the six styles, hold some cells out, and save the set.

    folder: where to save; the default place if None.
    size: pixels along one side.
    held_out: the share of the (concept, style) cells to hold out, chosen by `seed`.
    packages: a folder with the package archives; fetched with npm if None.
    progress: called with (concepts done, concepts in all).
    UsageError for an impossible size or share, DataError if the packages cannot be had or read.
    A picture that cannot be drawn is named in the set's `skipped`.
    """
    if size < 1 or not 0.0 <= held_out < 1.0:
        raise UsageError(
            f"size {size}, held out {held_out}: 1 or more and a share in [0, 1) are right"
        )
    with tempfile.TemporaryDirectory() as temporary:
        if packages is None:
            packages = Path(temporary)
            sources.fetch(packages)
        pictures, records, skipped = _draw_all(packages, size, progress)
    cells = choose_held_out(records, held_out, seed)
    records = [replace(record, held_out=_cell(record) in cells) for record in records]
    built = PictureSet(
        pictures=torch.stack(pictures), records=tuple(records), skipped=tuple(skipped)
    )
    folder = default_folder(size) if folder is None else folder
    built.save(folder)
    write_json(folder / HELD_OUT_FILE, {"seed": seed, "share": held_out, "cells": sorted(cells)})
    return built


def choose_held_out(
    records: Sequence[Record], share: float, seed: int
) -> frozenset[tuple[str, str]]:
    """The (concept, style) cells to hold out: a share of those that exist, by seed.

    No concept is left with fewer than two styles to learn from, so one with two or fewer loses
    none. The choice depends on the seed and the cells, not on their order.
    """
    cells = sorted(_cell(record) for record in records)
    left = Counter(concept for concept, _ in cells)
    random.Random(seed).shuffle(cells)
    chosen: set[tuple[str, str]] = set()
    for concept, style in cells:
        if len(chosen) == round(share * len(cells)):
            break
        if left[concept] > 2:
            left[concept] -= 1
            chosen.add((concept, style))
    return frozenset(chosen)


def _cell(record: Record) -> tuple[str, str]:
    return record.concept, record.style


def _draw_all(
    packages: Path, size: int, progress: Progress | None
) -> tuple[list[UInt8[Tensor, "4 S S"]], list[Record], list[str]]:
    """Every picture that exists, concept by concept in the standard order."""
    all_emoji = sources.read_emoji(packages)
    artists = _artists(packages, size * OVERSAMPLING)
    pictures: list[Tensor] = []
    records: list[Record] = []
    skipped: list[str] = []
    for done, emoji in enumerate(all_emoji, start=1):
        for style, draw in artists.items():
            try:
                picture = draw(emoji)
            except (ValueError, OSError, UnidentifiedImageError) as error:
                skipped.append(f"{emoji.concept} ({style}): {error}")
                continue
            if picture is not None:
                records.append(_record(emoji, style, len(pictures)))
                pictures.append(premultiplied_bytes(picture, size))
        if progress is not None:
            progress(done, len(all_emoji))
    if not pictures:
        raise DataError(f"the packages in {packages} have no picture for any known emoji")
    return pictures, records, skipped


def _record(emoji: sources.Emoji, style: str, picture: int) -> Record:
    return Record(
        picture=picture,
        concept=emoji.concept,
        style=style,
        names=emoji.names,
        keywords=emoji.keywords,
        group=emoji.group,
    )


def _artists(packages: Path, side: int) -> dict[str, Draw]:
    """For each style word, what draws an emoji in it."""
    artists = {sources.BITMAPS.style: _bitmap_artist(sources.read_bitmaps(packages))}
    for package in sources.DRAWINGS:
        artists[package.style] = _drawing_artist(sources.read_icons(packages, package), side)
    return artists


def _bitmap_artist(files: dict[str, bytes]) -> Draw:
    def draw(emoji: sources.Emoji) -> Image.Image | None:
        data = files.get(emoji.code)
        return None if data is None else Image.open(io.BytesIO(data)).convert("RGBA")

    return draw


def _drawing_artist(icons: sources.IconSet, side: int) -> Draw:
    try:
        import resvg_py
    except ImportError as error:
        raise DataError("drawing SVG needs resvg-py; `pip install limner[data]` adds it") from error

    def draw(emoji: sources.Emoji) -> Image.Image | None:
        svg = icons.svg(emoji, side)
        if svg is None:
            return None
        # No drawing holds text, and looking for the system's fonts takes ten times the drawing.
        data = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
        return Image.open(io.BytesIO(bytes(data))).convert("RGBA")

    return draw
