"""What is shipped of trained models: half precision, and nothing twice.

A folder that goes on from another names it as its base and holds only what is its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from limner.checkpoints.branches import CONTENT, STYLE, check_fit
from limner.checkpoints.folder import EXTRA, ModelFolder, write_json
from limner.checkpoints.whole_folder import load_folder, save_folder
from limner.diffusion.prediction import name_of
from limner.errors import CheckpointError


def ship(source: Path, target: Path) -> None:
    """Copy what painting needs of a trained model, its weights in half precision.

    The image tower stays behind. `target` must not exist yet.
    """
    save_folder(load_folder(source), target, dtype=torch.float16)


def ship_denoiser(source: Path, target: Path, base: str) -> None:
    """Copy a trained denoiser in half precision, all else of whose model is that of a base.

    base: the base's folder as seen from `target`, which must not exist yet.
    """
    trained, lender = ModelFolder(source), _lender(target, base)
    if trained.load_settings()[:3] != lender.load_settings()[:3]:
        raise CheckpointError(f"{source} is not painted with as {lender.path} is")
    part = "transformer" if trained.has("transformer") else "unet"
    _borrowing(target, base).save(trained.load(part), torch.float16)


def ship_upscaler(source: Path, target: Path, *, steps: int | None = None) -> None:
    """Copy a trained upscaler in half precision. steps: those of its solver, where they are others.

    `target` must not exist yet.
    """
    _check_new(target)
    trained = ModelFolder(source)
    process, prediction, sampling, _ = trained.load_settings()
    model = trained.load("upscaler")
    target.mkdir(parents=True)
    folder = ModelFolder(target)
    folder.save(model, torch.float16)
    sampling = sampling if steps is None else replace(sampling, steps=steps)
    folder.save_settings(process, name_of(prediction), sampling, None)


def ship_branches(source: Path, target: Path, base: str) -> None:
    """Copy what restyles of a trained model in half precision, its LoRAs too.

    base: the folder that lends all else, as seen from `target`, which must not exist yet.
    """
    trained, lender = ModelFolder(source), _lender(target, base)
    for part in (CONTENT, STYLE):
        check_fit(trained.config(part), lender)
    modules = [trained.load(part) for part in (CONTENT, STYLE)]
    folder = _borrowing(target, base)
    for module in modules:
        folder.save(module, torch.float16)
    _copy_loras(trained.loras, folder)


def ship_loras(source: Path, target: Path, base: str) -> None:
    """Copy the LoRAs of a trained model folder in half precision; the model is that of a base.

    base: the base's folder as seen from `target`, which must not exist yet.
    """
    _lender(target, base)
    files = ModelFolder(source).loras
    if not files:
        raise CheckpointError(f"{source} has no LoRA: a folder that was trained to have one")
    _copy_loras(files, _borrowing(target, base))


def _copy_loras(files: Sequence[Path], folder: ModelFolder) -> None:
    for file in files:
        halves = {name: tensor.half() for name, tensor in load_file(file).items()}
        save_file(halves, folder.path / file.name, metadata={"format": "pt"})
        folder.add_lora(file.name)


def _check_new(target: Path) -> None:
    if target.exists():
        raise CheckpointError(f"{target} exists already: move it away first")


def _lender(target: Path, base: str) -> ModelFolder:
    """The base of a folder that does not exist yet."""
    _check_new(target)
    lender = ModelFolder(Path(os.path.normpath(target / base)))
    if not lender.path.is_dir():
        raise CheckpointError(f"the base {lender.path} is missing: the folder of a model is right")
    return lender


def _borrowing(target: Path, base: str) -> ModelFolder:
    """A new folder that has all from its base."""
    target.mkdir(parents=True)
    write_json(target / EXTRA, {"base": base})
    write_json(target / "model_index.json", {"_class_name": "StableDiffusionPipeline"})
    return ModelFolder(target)
