"""`limner edit cat.png "a fox, 3d"`: paint over a picture, a part of it, or room round it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from limner.cli import files, options
from limner.cli.paint import (
    adapt,
    asked,
    carry_out,
    one_prompt,
    parse_lora,
    parse_size,
    repeated,
)
from limner.errors import UsageError

SIDES = ("left", "top", "right", "bottom")


def command(
    picture: Annotated[Path, typer.Argument(help="The picture to paint over.")],
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="What to paint, in quotes; with --from its own is the default."),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(help="How much is new: 0 nothing, 1 all. Default: 0.8, with a mask 1."),
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(help="What to repaint: a picture, white there; box:x,y,w,h; or alpha."),
    ] = None,
    extend: Annotated[
        str | None, typer.Option(help="Paint round it: pixels, as left=64,top=32.")
    ] = None,
    feather: Annotated[
        int | None, typer.Option(help="Pixels inside the mask over which new fades into old.")
    ] = None,
    context: Annotated[
        float | None,
        typer.Option(help="What the model sees, in sizes of what is repainted. Default: 2."),
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
    force: options.Force = False,
) -> None:
    """Paint over a picture. What lies outside the mask keeps every byte."""
    base = None if source is None else repeated(source)
    text = one_prompt(prompt, None if base is None else base.prompt)
    pixels, room = parse_size(size), parse_sides(extend)
    weighted = [parse_lora(lora) for lora in loras or ()]
    path = files.target_path(output, text)
    files.check_writable(path)
    from limner.pipeline import load
    from limner.pipeline.masks import read_mask
    from limner.pipeline.pictures import read_picture

    request = asked(
        base,
        prompt=text,
        picture=read_picture(picture),
        strength=strength,
        mask=read_mask(mask),
        extend=room,
        feather=feather,
        context=context,
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
    carry_out(painter, request, path, model, grid=False, force=force)


def parse_sides(text: str | None) -> tuple[int, int, int, int] | None:
    """(left, top, right, bottom) of "left=64,top=32"; those that are not named are 0."""
    if text is None:
        return None
    found = dict.fromkeys(SIDES, 0)
    for part in text.split(","):
        side, _, pixels = part.strip().partition("=")
        if side not in found or not pixels.isdecimal():
            raise UsageError(
                f"--extend {text}: write pixels of {', '.join(SIDES)}, as left=64,top=32"
            )
        found[side] = int(pixels)
    left, top, right, bottom = found.values()
    return left, top, right, bottom
