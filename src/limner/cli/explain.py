"""`limner explain "a red apple"`: paint it, and show which word painted what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limner.cli import files, streams
from limner.cli.choosing import fitting, taken
from limner.cli.options import (
    ModelOptions,
    OutputOptions,
    Prompt,
    Source,
    flattened,
    one_prompt,
    repeated,
)
from limner.cli.paint import summary
from limner.cli.progress import progress_bar
from limner.cli.request_options import RequestOptions, Without
from limner.errors import OutputError, UsageError
from limner.files import whole_file
from limner.generators import finish

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from limner.pipeline import Painter, Request, Result, Step

SHEET: dict[str, Any] = {"rich_help_panel": "The sheet"}
MOST_WORDS = 8
SHOWN = 192  # pixels along the longer side of a picture on the sheet, at least


@flattened
def command(
    prompt: Prompt = None,
    *,
    words: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS", help="Words to show, with commas between. Default: all.", **SHEET
        ),
    ] = None,
    side: Annotated[
        str,
        typer.Option(
            metavar="SIDE",
            help="Whose words: prompt, negative, or prompt 1, ... of an AND.",
            **SHEET,
        ),
    ] = "prompt",
    stages: Annotated[
        int, typer.Option(min=0, help="Into how many stages to cut the steps.", **SHEET)
    ] = 4,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Layers by the beginnings of their names, with commas. Default: all.",
            **SHEET,
        ),
    ] = None,
    options: Annotated[RequestOptions, Without("count"), Without("upscale"), Without("refine")],
    source: Source = None,
    painted_by: ModelOptions,
    output: OutputOptions,
) -> None:
    """Paint, and write a sheet of heat maps, and the raw maps beside it as .npz."""
    base = repeated(source, output)
    text = one_prompt(prompt, None if base is None else base.prompt)
    path = output.target(f"{text} explained" if output.output is None else text)
    if path == streams.STANDARD:
        raise UsageError("explain writes two files: -o names the sheet, the maps go beside it")
    maps_path = path.with_suffix(".npz")
    if maps_path.exists() and not output.force:
        raise OutputError(f"{maps_path} is there already: -o names another place, --force writes")
    own_size = {"upscale": 1, "refine": None}  # the maps are of the picture as it is painted
    request = options.request(base, text, count=1, attention="mean", **own_size)
    painted_by = fitting(request, painted_by)
    painter = painted_by.load()
    request = taken(request, base, options.given, painter, output)
    painted = paint(painter, request, stages, quiet=output.quiet)
    for line in painted.result.warnings:
        output.warn(line)
    shown = chosen_words(painted.result, words, side)
    only = None if layers is None else [name.strip() for name in layers.split(",")]
    made = files.save_picture(sheet(painted, shown, side, only), path, force=output.force)
    output.written([made, save_maps(painted.result, maps_path)])
    if not output.quiet:
        streams.say(summary(tuple(painted.result.seeds), painted.result.timings))


@dataclass(frozen=True, kw_only=True)
class Painted:
    """A result, and what the picture was at the end of each stage: (first, last step, picture)."""

    result: Result
    stages: tuple[tuple[int, int, Image], ...]


def paint(painter: Painter, request: Request, stages: int, *, quiet: bool = False) -> Painted:
    """Paint a request, keeping a preview at the end of each of so many stages."""
    run, previews = painter.steps(request), list[tuple[int, int, "Image"]]()
    steps = painter.complete(request).steps or 1
    ends = [round(steps * (n + 1) / stages) for n in range(min(stages, steps))]
    with progress_bar("painting", quiet=quiet) as report:

        def look(step: Step) -> None:
            report(step.index, step.total)
            done = round(steps * step.index / (step.total or steps))
            if len(previews) < len(ends) and done >= ends[len(previews)]:
                first = previews[-1][1] + 1 if previews else 1
                previews.append((first, ends[len(previews)], step.preview()[0]))

        return Painted(result=finish(run, look), stages=tuple(previews))


def chosen_words(result: Result, words: str | None, side: str) -> list[str]:
    """The words that were asked for, else the first ones of the text that have maps."""
    if words is not None:
        return [word.strip() for word in words.split(",") if word.strip()]
    request = result.request
    text = request.negative if side == "negative" else request.prompt
    known = []
    for word in dict.fromkeys(re.findall(r"[^\W_]+", text)):
        try:
            result.heatmap(word, side=side)
        except UsageError:
            continue
        known.append(word)
    if not known:
        raise UsageError(f"the {side} has no word that could be shown: --words names some")
    return known[:MOST_WORDS]


def sheet(painted: Painted, words: list[str], side: str, layers: list[str] | None) -> Image:
    """The picture and each word's map over all steps; below, the same for each stage.

    A word has one scale of colours on the whole sheet; under its maps is their mean.
    """
    from limner.evaluate.sheet import contact_sheet
    from limner.explain.overlay import overlay

    result = painted.result
    whole = (result.request.prompt, None, result.images[0])
    rows: list[tuple[str, tuple[int, int] | None, Image]] = [whole]
    rows += [(f"steps {a} to {b}", (a, b), picture) for a, b, picture in painted.stages]
    maps = [
        [heat(result, word, side, steps, layers) for _, steps, _ in rows] for word in words
    ]  # by words, then rows
    most = [max(float(m.max()) for m in of_word if m is not None) for of_word in maps]
    pictures, labels = [], []
    for row, (name, _, picture) in enumerate(rows):
        pictures.append(picture)
        labels.append(name)
        for word, of_word, brightest in zip(words, maps, most, strict=True):
            found = of_word[row]
            if found is None:
                pictures.append(picture)
                labels.append(f"{word}: not now")
            else:
                pictures.append(overlay(picture, found, brightest))
                labels.append(f"{word} {float(found.mean()):.1%}")
    scale = max(1, SHOWN // max(result.images[0].size))
    return contact_sheet(pictures, labels, columns=1 + len(words), scale=scale, checkerboard=False)


def heat(
    result: Result,
    word: str,
    side: str,
    steps: tuple[int, int] | None,
    layers: list[str] | None,
) -> Tensor | None:
    """A word's map; None where it does not hold at these steps, UsageError where at none."""
    try:
        return result.heatmap(word, side=side, steps=steps, layers=layers)
    except UsageError:
        if steps is None:
            raise
        return None


def save_maps(result: Result, path: Path) -> Path:
    """The raw maps, as their `arrays` has them, whole or not at all."""
    import numpy as np

    assert result.attention is not None
    arrays: dict[str, Any] = {k: v.numpy() for k, v in result.attention.arrays().items()}
    try:
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    return path
