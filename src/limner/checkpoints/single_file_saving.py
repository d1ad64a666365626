"""Writes a whole model as one file, in the names of LDM, that other programs load too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limner.checkpoints import keymaps
from limner.checkpoints.families import Family
from limner.checkpoints.families.places import AUTOENCODER_PLACE, Place
from limner.checkpoints.file_noise import (
    LATENT_DEVIATION,
    LATENT_FACTOR,
    LATENT_MEAN,
    PLAYGROUND,
    V_LEAST,
    V_MOST,
)
from limner.checkpoints.folder import published_tokenizer
from limner.checkpoints.header import Entry
from limner.checkpoints.keymaps import Form
from limner.checkpoints.parts import Parts
from limner.checkpoints.single_file import match
from limner.checkpoints.writer import write_weights
from limner.diffusion.prediction import name_of
from limner.diffusion.process import EDM, DiscreteDiffusion
from limner.diffusion.scheduler_process import process_from_dict
from limner.errors import CheckpointError
from limner.models.unet import UNetConfig

Pieces = dict[str, list[tuple[Tensor, Form]]]
INSTEAD = "save it as a folder instead"


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A model's tensors under a file's names and in its forms, each made when it is asked for."""

    path: Path
    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]
    pieces: Pieces

    def get(
        self, name: str, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> Tensor:
        kept = self.entries[name].dtype if dtype is None else dtype
        return keymaps.to_theirs(self.pieces[name]).to(device=device, dtype=kept)


def save_single_file(parts: Parts, path: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Write a Stable Diffusion 1, 2 or XL model; `load_single_file` gives the same one back.

    Only one tensor at a time is in memory beside the model. An existing file is replaced. Raises
    CheckpointError for a model of which a single file cannot say all, OutputError where it cannot
    be written.
    """
    composed = compose(parts, path, dtype)
    write_weights(path, composed.entries, composed.get, composed.metadata)


def compose(parts: Parts, path: Path, dtype: torch.dtype) -> Composed:
    """The model as the file `path` will hold it, checked to be read back as it is."""
    family = _family(parts)
    pieces: Pieces = {}
    for place in family.places:
        pieces |= _pieces(_part(parts, place), place)
    prediction = name_of(parts.prediction)
    pieces |= {name: [(value, Form.SAME)] for name, value in markers(parts, prediction).items()}

    def kept(name: str) -> torch.dtype:
        return torch.float64 if name.startswith("edm_") else dtype  # numbers, not weights

    entries = {
        name: Entry(dtype=kept(name), shape=keymaps.possible_shapes(tuple(tensor.shape), form)[0])
        for name, ((tensor, form), *_) in pieces.items()
    }
    metadata = {"format": "pt", "modelspec.prediction_type": prediction}
    composed = Composed(path=path, entries=entries, metadata=metadata, pieces=pieces)
    for place in family.places:
        _check_read_back(composed, place, family, _part(parts, place).config)
    return composed


def _family(parts: Parts) -> Family:
    if parts.loras:
        names = ", ".join(file.name for file in parts.loras)
        raise CheckpointError(f"the model has a LoRA, {names}, beside its weights: {INSTEAD}")
    family = parts.family
    if not family.places:
        raise CheckpointError(f"{family.description} has no names in a single file: {INSTEAD}")
    if (parts.text_encoder_2 is None) == ("text_encoder_2" in family.towers):
        raise CheckpointError(f"its U-Net and its text encoders are of two families: {INSTEAD}")
    if parts.tokenizer.end != published_tokenizer(parts.text_encoder.config).end:
        raise CheckpointError(f"a vocabulary of its own has no place in a single file: {INSTEAD}")
    return family


def _part(parts: Parts, place: Place) -> Any:
    module = getattr(parts, place.part)
    if module is None:
        raise CheckpointError(f"a model without {place.part} is no single file: {INSTEAD}")
    return module


def _pieces(module: Any, place: Place) -> Pieces:
    table = place.naming.table(*place.naming.skeleton_of(module.config))
    pieces: Pieces = {}
    for name, tensor in module.state_dict().items():
        source = keymaps.find(name, table)
        if source is None:
            raise CheckpointError(f"{name} has no name in a single file: {INSTEAD}")
        pieces.setdefault(place.prefix + source.name, []).append((tensor, source.form))
    return pieces


def markers(parts: Parts, prediction: str) -> dict[str, Tensor]:
    """The tensors that say which noise a model is for; CheckpointError where none can."""
    process, told = parts.process, dict[str, Tensor]()
    if isinstance(process, EDM):
        return _edm_markers(parts, process, prediction)
    zero = DiscreteDiffusion(zero_terminal_snr=True)
    if prediction not in ("epsilon", "v") or process not in (DiscreteDiffusion(), zero):
        raise CheckpointError(f"a single file means Stable Diffusion's noise process: {INSTEAD}")
    if prediction == "v":
        told["v_pred"] = torch.empty(0)
    if process == zero:
        told["ztsnr"] = torch.empty(0)
    return told


def _edm_markers(parts: Parts, process: EDM, prediction: str) -> dict[str, Tensor]:
    """As CosXL and Playground 2.5 have them; each says one standard deviation of the data."""
    if prediction == "v" and process.sigma_data == 1:
        ends = {V_LEAST: process.lowest, V_MOST: process.highest}
        return {name: torch.tensor(end, dtype=torch.float64) for name, end in ends.items()}
    space = _part(parts, AUTOENCODER_PLACE).config
    per_channel = isinstance(space.scale, tuple) and isinstance(space.shift, tuple)
    if prediction == "edm" and process == process_from_dict(PLAYGROUND) and per_channel:
        deviation = [LATENT_FACTOR / scale for scale in space.scale]
        told = {LATENT_MEAN: space.shift, LATENT_DEVIATION: deviation}
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in told.items()}
    raise CheckpointError(f"a single file cannot say this EDM process: {INSTEAD}")


def _check_read_back(composed: Composed, place: Place, family: Family, config: Any) -> None:
    """What the shapes in the file do not tell must be as the family has it."""
    read = match(composed, place, family).module.config
    wrong = [
        f"{field} {ours} (a file means {theirs})"
        for (field, ours), theirs in zip(
            vars(_comparable(config)).items(), vars(_comparable(read)).values(), strict=True
        )
        if ours != theirs and not _close(ours, theirs)
    ]
    if wrong:
        raise CheckpointError(
            f"a single file cannot say {place.part} {', '.join(wrong)}: {INSTEAD}"
        )


def _close(ours: Any, theirs: Any) -> bool:
    """Whether they are the same scale of every channel, but for the rounding of 1 / (1 / x)."""
    tuples = isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs)
    return tuples and all(math.isclose(a, b) for a, b in zip(ours, theirs, strict=True))


def _comparable(config: Any) -> Any:
    """A configuration in the one spelling that files lead to."""
    if isinstance(config, UNetConfig):
        return replace(config, heads=config.level_heads)
    return replace(config, overflows_half=False) if hasattr(config, "overflows_half") else config
