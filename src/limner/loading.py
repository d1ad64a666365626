"""From a folder or file to a painter, with the language that the model is spoken to in."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from limner import checkpoints
from limner.checkpoints import ModelFolder, Words
from limner.emoji import LANGUAGES
from limner.emoji.shipped import UPSCALER, layout_lora, shipped_model
from limner.engine.choosing import AUTO, own_dtype
from limner.engine.devices import computes_in_bf16, usable
from limner.errors import CheckpointError, UsageError
from limner.pipeline.language import Language
from limner.pipeline.painter import Painter

if TYPE_CHECKING:
    from limner.checkpoints import Parts
    from limner.models.tiny_decoder import TinyDecoder
    from limner.pipeline.upscaling import Enlarger


def load(
    path: str | Path | None = None,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    vae: str | Path | None = None,
    decoder: str | Path | None = None,
    lora_folder: str | Path | None = None,
    embedding_folder: str | Path | None = None,
    upscaler: str | Path | None = None,
    engine: str = AUTO,
    strict: bool = False,
) -> Painter:
    """A painter from a model folder or single file; the shipped model if no path is given.

    A path that is not there and has the name of a shipped model ("emoji-pairs") is that model.

    device: None takes a GPU where there is one. dtype: of the weights; None takes fp32 on the CPU,
    but bf16 for Stable Diffusion where the processor computes in it, and on a GPU fp16 but for an
    autoencoder that overflows in it; torch.int8: weights as for None, and a denoiser that computes
    in 8 bits, which is approximate, by the engine "openvino". vae: a file with another
    autoencoder, for a Stable Diffusion model. decoder: a file with a tiny decoder (TAESD), rough
    and fast, in the place of the autoencoder's. lora_folder, embedding_folder: where a prompt's
    `<lora:name:weight>` finds its file, and the words that it teaches. upscaler: a folder with the
    upscaler of requests that ask for one, in place of the one that comes with the package.
    engine: what runs the denoiser: "eager", "compiled", "openvino", "cuda-graphs"; "auto" takes
    what is installed and fastest with the same numbers (docs/speed.md).
    strict: refuse a model whose files hold more than the model, in place of a warning.
    Raises CheckpointError where the model is missing, incomplete or broken.
    """
    source = found(path)
    place = usable(device)
    int8 = dtype == torch.int8
    if dtype is None or int8:
        dtype = dtype_here(source, place)
    folder = source.is_dir()
    load_parts = checkpoints.load_folder if folder else checkpoints.load_single_file
    parts = load_parts(source, dtype=dtype, device=place, strict=strict)
    if vae is not None:
        parts = checkpoints.with_autoencoder(
            parts, Path(vae), dtype=dtype, device=place, strict=strict
        )
    enlarger = partial(load_upscaler, device=place)
    painter = Painter(
        parts,
        device=place,
        language=language_of(parts.words),
        engine=engine,
        int8=int8,
        load_enlarger=enlarger,
    )
    if decoder is not None:
        painter.engine.decoder.tiny = tiny_decoder(Path(decoder), parts, place, dtype)
    for file in parts.loras:
        painter.add_lora(file)
    painter.adapters.lora_folder = existing(lora_folder)
    painter.adapters.embedding_folder = existing(embedding_folder)
    painter.adapters.layout_lora = layout_lora(source)
    if upscaler is not None:
        painter.enlarger = load_upscaler(upscaler, device=place)
    return painter


def dtype_here(source: Path, device: torch.device) -> torch.dtype | None:
    """What a model is loaded in where nothing is asked; None: what its parts have by themselves."""
    if device.type != "cpu" or not computes_in_bf16():
        return None
    try:
        report = checkpoints.inspect(source)
    except CheckpointError:  # whoever loads it says what is wrong with it
        return None
    dtype, _ = own_dtype(report.kind, report.denoiser_parameters, device.type, native=True)
    return dtype


def tiny_decoder(
    path: Path, parts: Parts, device: torch.device, dtype: torch.dtype | None
) -> TinyDecoder:
    """The tiny decoder of a file, for a model; CheckpointError where it is none, or for another."""
    from limner.checkpoints.tiny_decoder import load_tiny_decoder

    if parts.autoencoder is None:
        raise CheckpointError(f"{path} decodes latents, and this model paints pixels")
    space, own = parts.autoencoder.space, next(parts.autoencoder.parameters()).dtype
    return load_tiny_decoder(
        path,
        latent_channels=space.channels,
        stride=space.stride,
        dtype=own if dtype is None else dtype,
        device=device,
    )


def load_upscaler(
    path: str | Path | None = None, *, device: str | torch.device | None = None
) -> Enlarger:
    """The upscaler of a model folder; the one that comes with the package if no path is given.

    device: None takes a GPU where there is one.
    Raises CheckpointError where it is missing, incomplete or broken.
    """
    from limner.pipeline.upscaling import Enlarger

    source = shipped_model(UPSCALER) if path is None else Path(path)
    folder = ModelFolder(source)
    if not folder.has("upscaler"):
        raise CheckpointError(
            f"{source} has no upscaler: a folder that `limner train {UPSCALER}` makes is right"
        )
    process, prediction, sampling, _ = folder.load_settings()
    model = folder.load("upscaler", dtype=torch.float32, device=usable(device))
    return Enlarger(model, process, prediction, sampling)


def language_of(words: Words | None) -> Language | None:
    """What reads the prompts of a model that says its language; None: they are taken as they are.

    Raises CheckpointError for a language that this version does not know.
    """
    if words is None or not words.language:
        return None
    if words.language not in LANGUAGES:
        raise CheckpointError(
            f"the model's language {words.language!r} is unknown: one of {', '.join(LANGUAGES)} "
            "is right, or a newer Limner knows it"
        )
    return LANGUAGES[words.language](words)


def existing(folder: str | Path | None) -> Path | None:
    """The folder itself, where there is one; UsageError where it is missing."""
    if folder is not None and not Path(folder).is_dir():
        raise UsageError(f"{folder} is missing: a folder is right")
    return None if folder is None else Path(folder)


def found(path: str | Path | None) -> Path:
    """Where the model of a path lies; that of a shipped model's name, and the shipped one of None.

    Raises CheckpointError where there is none.
    """
    if path is None:
        return shipped_model()
    shipped = shipped_model(str(path))
    if Path(path).exists():
        return Path(path)
    if Path(path).name == str(path) and (shipped / "model_index.json").is_file():
        return shipped
    raise CheckpointError(
        f"{path} is missing: give a model folder with a model_index.json, or a model file"
    )
