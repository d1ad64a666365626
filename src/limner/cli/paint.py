"""`limner "a red apple, 3d"`: paint a prompt and write the picture."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limner.cli import files, options
from limner.cli.progress import follow, progress_bar
from limner.errors import UsageError

if TYPE_CHECKING:
    from limner.pipeline import Painter, Request, Result


def command(
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="What to paint, in quotes; with --from its own is the default."),
    ] = None,
    negative: options.Negative = None,
    seed: options.Seed = None,
    count: options.Count = None,
    dialect: options.DialectName = None,
    weighting: options.WeightingName = None,
    lenient: options.Lenient = None,
    size: options.Size = None,
    steps: options.Steps = None,
    guidance: options.Guidance = None,
    guidance_rescale: options.GuidanceRescale = None,
    solver: options.Solver = None,
    schedule: options.Schedule = None,
    eta: options.Eta = None,
    clip_skip: options.ClipSkip = None,
    noise: options.Noise = None,
    variation_seed: options.VariationSeed = None,
    variation_strength: options.VariationStrength = None,
    source: options.Source = None,
    model: options.Model = None,
    vae: options.Vae = None,
    loras: options.Loras = None,
    embeddings: options.Embeddings = None,
    lora_folder: options.LoraFolder = None,
    embedding_folder: options.EmbeddingFolder = None,
    device: options.Device = None,
    output: options.Output = None,
    grid: options.Grid = False,
    force: options.Force = False,
) -> None:
    """Paint a prompt. Options that are left out are the model's own defaults."""
    base = None if source is None else repeated(source)
    text = one_prompt(prompt, None if base is None else base.prompt)
    pixels = parse_size(size)
    weighted = [parse_lora(text) for text in loras or ()]
    path = files.target_path(output, text)
    files.check_writable(path)
    from limner.pipeline import load

    request = asked(
        base,
        prompt=text,
        negative=negative,
        seed=seed,
        count=count,
        dialect=dialect,
        weighting=weighting,
        lenient=lenient,
        size=pixels,
        steps=steps,
        guidance=guidance,
        guidance_rescale=guidance_rescale,
        solver=solver,
        schedule=schedule,
        eta=eta,
        clip_skip=clip_skip,
        noise=noise,
        variation_seed=variation_seed,
        variation_strength=variation_strength,
    )
    painter = load(
        model, device=device, vae=vae, lora_folder=lora_folder, embedding_folder=embedding_folder
    )
    adapt(painter, weighted, embeddings or ())
    carry_out(painter, request, path, model, grid=grid, force=force)


def adapt(
    painter: Painter, loras: Sequence[tuple[Path, float]], embeddings: Sequence[Path]
) -> None:
    """Put LoRAs, each with its weight, and learned words on the model."""
    for file, weight in loras:
        painter.add_lora(file, weight)
    for file in embeddings:
        painter.add_embedding(file)


def carry_out(
    painter: Painter, request: Request, path: Path, model: Path | None, *, grid: bool, force: bool
) -> None:
    """Paint a request, write the pictures, and say where they are."""
    with progress_bar("painting") as report:
        result = follow(painter.steps(request), report)
    for warning in result.warnings:
        warn(warning)
    for written in write(result, path, model, grid=grid, force=force):
        typer.echo(written)
    if sys.stderr.isatty():
        typer.echo(summary(tuple(result.seeds), result.timings), err=True)


def one_prompt(words: list[str] | None, otherwise: str | None = None) -> str:
    """The prompt, which is one argument: loose words are more often a forgotten quote."""
    if not words:
        if otherwise is None:
            raise UsageError('a prompt is missing: limner "a red apple", or --from a picture')
        return otherwise
    if len(words) > 1:
        raise UsageError(f'a prompt goes in quotes: limner "{" ".join(words)}"')
    return words[0]


def asked(base: Request | None, **given: Any) -> Request:
    """A request of the options that were given, in place of what a repeated picture has."""
    from limner.pipeline import Request

    fields = {name: value for name, value in given.items() if value is not None}
    if base is None:
        return Request(**fields)
    if fields.get("variation_strength") == 0:  # then the picture's own seed for it means nothing
        fields.setdefault("variation_seed", None)
    return replace(base, **fields)


def repeated(source: Path) -> Request:
    """What a picture says of how it was painted; what it says in vain is warned of."""
    from limner.pipeline.metadata import read_record

    record = read_record(source)
    if record.others:
        unused = ", ".join(f"{key} {value[:40]!r}" for key, value in record.others.items())
        warn(f"of {source.name} not used: {unused[:400]}")
    return record.request


def warn(line: str) -> None:
    """Say in one line what the person may want to know, and go on."""
    typer.echo(f"limner: warning: {line}", err=True)


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


def write(result: Result, path: Path, model: Path | None, *, grid: bool, force: bool) -> list[Path]:
    """Write each picture of a result, or all of them as one sheet, and return the paths."""
    from limner.pipeline.loading import shipped_model
    from limner.pipeline.metadata import sheet_texts, texts

    origin = shipped_model() if model is None else model
    if grid:
        from limner.evaluate.sheet import contact_sheet

        labels = [f"seed {seed}" for seed in result.seeds]
        columns = math.ceil(math.sqrt(len(result.images)))
        sheet = contact_sheet(result.images, labels, columns=columns)
        return [files.save_picture(sheet, path, sheet_texts(result, origin), force=force)]
    return [
        files.save_picture(image, path, texts(result, index, origin), first=index + 1, force=force)
        for index, image in enumerate(result.images)
    ]


def summary(seeds: tuple[int, ...], timings: dict[str, float]) -> str:
    """One line for the person who waits: the seeds, to paint them again, and the time."""
    numbers = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"seed {numbers}, {sum(timings.values()):.1f} s"
