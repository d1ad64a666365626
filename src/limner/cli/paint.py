"""`limner "a red apple, 3d"`: paint a prompt and write the picture."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from PIL.PngImagePlugin import PngInfo

from limner.cli import files
from limner.cli.progress import follow, progress_bar
from limner.errors import UsageError

if TYPE_CHECKING:
    from limner.pipeline import Result


def command(
    prompt: Annotated[list[str], typer.Argument(help="What to paint, in quotes.")],
    negative: Annotated[str, typer.Option(help="What to keep out of the picture.")] = "",
    seed: Annotated[int | None, typer.Option(help="The picture's number. Default: drawn.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many: seed, seed + 1, ...")] = 1,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels, as 128x96 or 128.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the solver.")] = None,
    guidance: Annotated[float | None, typer.Option(help="How strictly to follow words.")] = None,
    solver: Annotated[str | None, typer.Option(help="How noise is taken away.")] = None,
    schedule: Annotated[str | None, typer.Option(help="The noise levels between steps.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="A model's folder or file. Default: the shipped one.")
    ] = None,
    loras: Annotated[
        list[str] | None,
        typer.Option("--lora", metavar="FILE[:WEIGHT]", help="Put a LoRA on the model."),
    ] = None,
    embeddings: Annotated[
        list[Path] | None,
        typer.Option("--embedding", metavar="FILE", help="Teach the model a word."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps. Default: the best.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A .png file, or a folder.")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Write one contact sheet.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what stands there.")] = False,
) -> None:
    """Paint a prompt. Options that are left out are the model's own defaults."""
    text = one_prompt(prompt)
    pixels = parse_size(size)
    weighted = [parse_lora(text) for text in loras or ()]
    path = files.target_path(output, text)
    files.check_writable(path)
    from limner.pipeline import Request, load

    request = Request(
        prompt=text,
        negative=negative,
        seed=seed,
        count=count,
        size=pixels,
        steps=steps,
        guidance=guidance,
        solver=solver,
        schedule=schedule,
    )
    painter = load(model, device=device)
    for file, weight in weighted:
        painter.add_lora(file, weight)
    for file in embeddings or ():
        painter.add_embedding(file)
    with progress_bar("painting") as report:
        result = follow(painter.steps(request), report)
    for warning in result.warnings:
        typer.echo(f"limner: warning: {warning}", err=True)
    for written in write(result, path, grid=grid, force=force):
        typer.echo(written)
    if sys.stderr.isatty():
        typer.echo(summary(tuple(result.seeds), result.timings), err=True)


def one_prompt(words: list[str]) -> str:
    """The prompt, which is one argument: loose words are more often a forgotten quote."""
    if len(words) > 1:
        raise UsageError(f'a prompt goes in quotes: limner "{" ".join(words)}"')
    return words[0]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """(width, height) of "128x96", or of "128" for a square."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(?:[xX](\d+))?", text.strip())
    if match is None:
        raise UsageError(f"--size {text}: write WIDTHxHEIGHT in pixels, as 128x96, or one number")
    width, height = match[1], match[2]
    return int(width), int(width if height is None else height)


def parse_lora(text: str) -> tuple[Path, float]:
    """(file, weight) of "style.safetensors:0.8", or of "style.safetensors" for 1."""
    file, colon, weight = text.rpartition(":")
    try:
        number = float(weight)
    except ValueError:
        return Path(text), 1.0
    if not colon or not file or not math.isfinite(number):
        raise UsageError(f"--lora {text}: write FILE or FILE:WEIGHT, as style.safetensors:0.8")
    return Path(file), number


def write(result: Result, path: Path, *, grid: bool, force: bool) -> list[Path]:
    """Write each picture of a result, or all of them as one sheet, and return the paths."""
    from limner.pipeline.metadata import KEY, png_info

    if grid:
        from limner.evaluate.sheet import contact_sheet

        info = PngInfo()
        info.add_itxt(KEY, result.request.to_json())
        labels = [f"seed {seed}" for seed in result.seeds]
        columns = math.ceil(math.sqrt(len(result.images)))
        sheet = contact_sheet(result.images, labels, columns=columns)
        return [files.save_picture(sheet, path, info, force=force)]
    return [
        files.save_picture(image, path, png_info(result, index), first=index + 1, force=force)
        for index, image in enumerate(result.images)
    ]


def summary(seeds: tuple[int, ...], timings: dict[str, float]) -> str:
    """One line for the person who waits: the seeds, to paint them again, and the time."""
    numbers = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"seed {numbers}, {sum(timings.values()):.1f} s"
