"""What is shipped of trained models: in few bits, and nothing twice.

A folder that goes on from another names it as its base and holds only what is its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor

from limner.checkpoints.branches import CONTENT, STYLE, check_fit
from limner.checkpoints.folder import EXTRA, ModelFolder, write_json
from limner.checkpoints.naming import PART as IMAGES
from limner.checkpoints.naming import naming_of, save_naming
from limner.checkpoints.whole_folder import load_folder, save_folder
from limner.diffusion.prediction import name_of
from limner.errors import CheckpointError

DOWN, UP = ".lora_A.weight", ".lora_B.weight"


def ship(source: Path, target: Path) -> None:
    """Copy what painting needs of a trained model, its weights in eight bits.

    The image tower stays behind. `target` must not exist yet.
    """
    save_folder(load_folder(source), target, dtype=torch.int8)


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


def ship_branches(source: Path, target: Path, base: str, rank: int | None = None) -> None:
    """Copy what restyles of a trained model in half precision, its LoRAs too.

    base: the folder that lends all else, as seen from `target`, which must not exist yet.
    rank: that the LoRAs are cut down to; None: as they were trained.
    """
    trained, lender = ModelFolder(source), _lender(target, base)
    check_fit(trained.config(CONTENT), lender)
    branch = trained.load(CONTENT)
    folder = _borrowing(target, base)
    folder.save(branch, torch.float16)
    _copy_loras(trained.loras, folder, rank)


def ship_naming(
    clip: Path, target: Path, shown: Iterable[tuple[str, Float[Tensor, "C S S"]]]
) -> None:
    """Let a shipped folder name pictures: a CLIP's image tower, and its vectors of some pictures.

    target: is there already. shown: names and pictures, in model pixels of the tower's size.
    """
    tower = ModelFolder(clip).load(IMAGES)
    save_naming(naming_of(tower, shown), ModelFolder(target), torch.float16)


def ship_style_namer(source: Path, target: Path) -> None:
    """Let a shipped folder, which is there already, name the styles of pictures."""
    ModelFolder(target).save(ModelFolder(source).load(STYLE), torch.float16)


def ship_loras(source: Path, target: Path, base: str) -> None:
    """Copy the LoRAs of a trained model folder in half precision; the model is that of a base.

    base: the base's folder as seen from `target`, which must not exist yet.
    """
    _lender(target, base)
    files = ModelFolder(source).loras
    if not files:
        raise CheckpointError(f"{source} has no LoRA: a folder that was trained to have one")
    _copy_loras(files, _borrowing(target, base))


def _copy_loras(files: Sequence[Path], folder: ModelFolder, rank: int | None = None) -> None:
    """rank: of what is written; None: as it was trained."""
    for file in files:
        tensors = load_file(file)
        if rank is not None:
            tensors = {name: t for pair in _pairs(tensors) for name, t in _cut(tensors, pair, rank)}
        halves = {name: tensor.half().contiguous() for name, tensor in tensors.items()}
        save_file(halves, folder.path / file.name, metadata={"format": "pt"})
        folder.add_lora(file.name)


def _pairs(tensors: Mapping[str, Tensor]) -> list[tuple[str, str]]:
    """The names of down and up of each update."""
    downs = [name for name in tensors if name.endswith(DOWN)]
    return [(name, name.removesuffix(DOWN) + UP) for name in downs]


def _cut(
    tensors: Mapping[str, Tensor], pair: tuple[str, str], rank: int
) -> Iterator[tuple[str, Tensor]]:
    """The nearest update of at most such a rank (Eckart and Young 1936), in the same shapes."""
    down, up = (tensors[name].float() for name in pair)
    left, right = torch.linalg.qr(up.flatten(1)), torch.linalg.qr(down.flatten(1).T)
    u, s, v = torch.linalg.svd(left.R @ right.R.T, full_matrices=False)
    root = s[:rank].sqrt()
    yield pair[0], (root[:, None] * (v[:rank] @ right.Q.T)).reshape(-1, *down.shape[1:])
    yield pair[1], ((left.Q @ u[:, :rank]) * root).reshape(len(up), -1, *up.shape[2:])


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
