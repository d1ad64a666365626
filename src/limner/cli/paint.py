"""`limner "a red apple, 3d"`: paint a prompt and write the picture."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limner.cli import files
from limner.cli.progress import follow, progress_bar
from limner.errors import UsageError

if TYPE_CHECKING:
    from limner.pipeline import Request, Result


def command(
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="What to paint, in quotes; with --from its own is the default."),
    ] = None,
    negative: Annotated[str | None, typer.Option(help="What to keep out of the picture.")] = None,
    seed: Annotated[int | None, typer.Option(help="The picture's number. Default: drawn.")] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", help="How many: seed, seed + 1, ... Default: 1.")
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="Whose prompts: a1111, compel, comfy, plain.")
    ] = None,
    weighting: Annotated[
        str | None, typer.Option(help="What a weight does: scale, lerp, compel, ...")
    ] = None,
    lenient: Annotated[
        bool | None, typer.Option("--lenient", help="Read a prompt even where it goes wrong.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels, as 128x96 or 128.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the solver.")] = None,
    guidance: Annotated[float | None, typer.Option(help="How strictly to follow words.")] = None,
    guidance_rescale: Annotated[
        float | None, typer.Option(help="Against glare of strong guidance: 0 none, 1 all.")
    ] = None,
    solver: Annotated[str | None, typer.Option(help="How noise is taken away.")] = None,
    schedule: Annotated[str | None, typer.Option(help="The noise levels between steps.")] = None,
    eta: Annotated[
        float | None, typer.Option(help="Fresh noise of solvers that take it: 0 none, 1 all.")
    ] = None,
    clip_skip: Annotated[
        int | None, typer.Option("--clip-skip", help="Words from which layer: 1 last, 2 before it.")
    ] = None,
    noise: Annotated[
        str | None, typer.Option(help="A seed's random numbers: cpu, nv (as CUDA's), batch.")
    ] = None,
    variation_seed: Annotated[
        int | None, typer.Option(help="Lead the start towards this seed's. Default: drawn.")
    ] = None,
    variation_strength: Annotated[
        float | None, typer.Option(help="How far: 0 not at all, 1 all the way.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Repeat a picture, but for options given here.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A model's folder or file. Default: the shipped one.")
    ] = None,
    vae: Annotated[Path | None, typer.Option(help="A file with another autoencoder.")] = None,
    loras: Annotated[
        list[str] | None,
        typer.Option("--lora", metavar="FILE[:WEIGHT]", help="Put a LoRA on the model."),
    ] = None,
    embeddings: Annotated[
        list[Path] | None,
        typer.Option("--embedding", metavar="FILE", help="Teach the model a word."),
    ] = None,
    lora_folder: Annotated[
        Path | None, typer.Option(help="Where a prompt's <lora:name:weight> finds its file.")
    ] = None,
    embedding_folder: Annotated[
        Path | None, typer.Option(help="Files of words to learn where a prompt has their names.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps. Default: the best.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A .png, .jpg or .webp file, or a folder.")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Write one contact sheet.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what stands there.")] = False,
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
        model,
        device=device,
        vae=vae,
        lora_folder=lora_folder,
        embedding_folder=embedding_folder,
    )
    for file, weight in weighted:
        painter.add_lora(file, weight)
    for file in embeddings or ():
        painter.add_embedding(file)
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


def asked(base: Request | None, **options: Any) -> Request:
    """A request of the options that were given, in place of what a repeated picture has."""
    from limner.pipeline import Request

    fields = {name: value for name, value in options.items() if value is not None}
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
