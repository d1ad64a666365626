"""The options that several commands share, as types of their parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Negative = Annotated[str | None, typer.Option(help="What to keep out of the picture.")]
Seed = Annotated[int | None, typer.Option(help="The picture's number. Default: drawn.")]
Count = Annotated[
    int | None, typer.Option("--count", "-n", help="How many: seed, seed + 1, ... Default: 1.")
]
DialectName = Annotated[
    str | None, typer.Option(help="Whose prompts: a1111, compel, comfy, plain.")
]
WeightingName = Annotated[
    str | None, typer.Option(help="What a weight does: scale, lerp, compel, ...")
]
Lenient = Annotated[
    bool | None, typer.Option("--lenient", help="Read a prompt even where it goes wrong.")
]
Size = Annotated[str | None, typer.Option(metavar="WxH", help="Pixels, as 128x96 or 128.")]
Steps = Annotated[int | None, typer.Option(help="Steps of the solver.")]
Guidance = Annotated[float | None, typer.Option(help="How strictly to follow words.")]
GuidanceRescale = Annotated[
    float | None, typer.Option(help="Against glare of strong guidance: 0 none, 1 all.")
]
Solver = Annotated[str | None, typer.Option(help="How noise is taken away.")]
Schedule = Annotated[str | None, typer.Option(help="The noise levels between steps.")]
Eta = Annotated[
    float | None, typer.Option(help="Fresh noise of solvers that take it: 0 none, 1 all.")
]
ClipSkip = Annotated[
    int | None, typer.Option("--clip-skip", help="Words from which layer: 1 last, 2 before it.")
]
Noise = Annotated[
    str | None, typer.Option(help="A seed's random numbers: cpu, nv (as CUDA's), batch.")
]
VariationSeed = Annotated[
    int | None, typer.Option(help="Lead the start towards this seed's. Default: drawn.")
]
VariationStrength = Annotated[
    float | None, typer.Option(help="How far: 0 not at all, 1 all the way.")
]
Source = Annotated[
    Path | None, typer.Option("--from", help="Repeat a picture, but for options given here.")
]
Model = Annotated[
    Path | None, typer.Option(help="A model's folder or file. Default: the shipped one.")
]
Vae = Annotated[Path | None, typer.Option(help="A file with another autoencoder.")]
Loras = Annotated[
    list[str] | None,
    typer.Option("--lora", metavar="FILE[:WEIGHT]", help="Put a LoRA on the model."),
]
Embeddings = Annotated[
    list[Path] | None,
    typer.Option("--embedding", metavar="FILE", help="Teach the model a word."),
]
LoraFolder = Annotated[
    Path | None, typer.Option(help="Where a prompt's <lora:name:weight> finds its file.")
]
EmbeddingFolder = Annotated[
    Path | None, typer.Option(help="Files of words to learn where a prompt has their names.")
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, mps. Default: the best.")]
Output = Annotated[
    str | None, typer.Option("--output", "-o", help="A .png, .jpg or .webp file, or a folder.")
]
Grid = Annotated[bool, typer.Option("--grid", help="Write one contact sheet.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what stands there.")]
