"""A whole model as one folder: loading, saving, and the forms that are shipped."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import torch

from limner.checkpoints import integrity
from limner.checkpoints.branches import load_branches
from limner.checkpoints.folder import ModelFolder
from limner.checkpoints.naming import load_naming, save_naming
from limner.checkpoints.parts import Parts
from limner.diffusion.prediction import name_of
from limner.errors import CheckpointError


def load_folder(
    path: Path,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    strict: bool = False,
) -> Parts:
    """Every part of the model in a folder, on a device; dtype as in `ModelFolder.load`.

    strict: refuse tensors that no part takes, in place of a note in `Parts.notes`. Raises
    CheckpointError for a folder that is not whole, or broken.
    """
    folder = ModelFolder(path)
    integrity.index_of(folder)
    if folder.has("text_encoder_2") and not folder.has("text_encoder"):
        raise CheckpointError(f"{path} is SDXL's refiner: the base model is right")
    integrity.check(folder, strict=strict)
    process, prediction, sampling, words = folder.load_settings()
    load = partial(folder.load, dtype=dtype, device=device)
    tower = load("text_encoder")
    second = load("text_encoder_2") if folder.has("text_encoder_2") else None
    return Parts(
        tokenizer=folder.load_tokenizer(tower=tower.config),
        text_encoder=tower,
        tokenizer_2=None
        if second is None
        else folder.load_tokenizer("tokenizer_2", tower=second.config),
        text_encoder_2=second,
        denoiser=load("transformer" if folder.has("transformer") else "unet"),
        autoencoder=load("vae") if folder.has("vae") else None,
        process=process,
        prediction=prediction,
        sampling=sampling,
        words=words,
        naming=load_naming(folder, device=device),
        loras=folder.loras,
        scheduler=folder.scheduler,
        notes=integrity.notes(folder) + folder.notes(),
        **load_branches(folder, dtype=dtype, device=device),
    )


def save_folder(parts: Parts, path: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Write a whole model as a new folder; one of Stable Diffusion opens in diffusers too.

    Raises CheckpointError where the path exists already.
    """
    if path.exists():
        raise CheckpointError(f"{path} exists already: move it away first")
    path.mkdir(parents=True)
    folder = ModelFolder(path)
    folder.save_tokenizer(parts.tokenizer)
    folder.save(parts.text_encoder, dtype)
    if parts.tokenizer_2 is not None and parts.text_encoder_2 is not None:
        folder.save_tokenizer(parts.tokenizer_2, "tokenizer_2")
        folder.save(parts.text_encoder_2, dtype, part="text_encoder_2")
    stride = 1
    if parts.autoencoder is not None:
        folder.save(parts.autoencoder, dtype)
        stride = parts.autoencoder.config.space.stride
    else:
        folder.remove("vae")  # which says that the model works on pixels
    # one number, which diffusers' inpainting reckons with: a square of the shorter side
    folder.save(parts.denoiser, dtype, sample_size=min(parts.sampling.size) // stride)
    folder.describe(parts.family, parts.denoiser.config.in_channels, parts.sampling)
    for part in (parts.content_encoder, parts.style_namer):
        if part is not None:
            folder.save(part, dtype)
    if parts.naming is not None:
        save_naming(parts.naming, folder, dtype)
    folder.save_settings(
        parts.process, name_of(parts.prediction), parts.sampling, parts.words, parts.scheduler
    )
    for file in parts.loras:
        if (path / file.name).exists():
            raise CheckpointError(f"two of the model's LoRAs are called {file.name}: rename one")
        shutil.copyfile(file, path / file.name)
        folder.add_lora(file.name)
