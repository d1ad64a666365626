"""`limner convert SOURCE TARGET`: file to folder and back, another dtype, pickles made safe."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from limner.cli import streams
from limner.cli.options import Strict


class Dtype(StrEnum):
    FP16 = "fp16"
    BF16 = "bf16"
    FP32 = "fp32"


class Predicts(StrEnum):
    EPSILON = "epsilon"
    V = "v"


def command(
    source: Annotated[Path, typer.Argument(help="A model's file or folder.")],
    target: Annotated[Path, typer.Argument(help="NAME.safetensors, or a folder.")],
    dtype: Annotated[Dtype | None, typer.Option(help="Default: the source's widest.")] = None,
    ema: Annotated[bool, typer.Option("--ema", help="Take the averaged weights.")] = False,
    from_pickle: Annotated[
        bool,
        typer.Option("--from-pickle", help="Open a .ckpt, .pt, .bin or a folder of them."),
    ] = False,
    prediction: Annotated[
        Predicts | None, typer.Option(help="What the model predicts. Default: as inspect says.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what stands there.")] = False,
    strict: Strict = False,
) -> None:
    """Turn a model file into a folder or back; every number is kept unless --dtype changes it."""
    from limner.checkpoints import convert
    from limner.checkpoints.conversion import DTYPES

    notes = convert(
        source,
        target,
        dtype=None if dtype is None else DTYPES[dtype],
        ema=ema,
        from_pickle=from_pickle,
        prediction=None if prediction is None else str(prediction),
        force=force,
        strict=strict,
    )
    for note in notes:
        streams.warn(note)
    streams.tell(target)
