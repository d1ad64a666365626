"""The weights of one part: which files hold them, and the way from there into a module.

A file is mapped and goes tensor by tensor to its dtype and device, so that loading needs little
more memory than the loaded weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import torch
from torch import nn

from limner.checkpoints.eight_bit import PACKED, open_unpacked
from limner.checkpoints.reader import Weights
from limner.errors import CheckpointError

VARIANTS = ("", ".fp16", ".bf16", PACKED)  # the whole precision is taken where there is a choice

Spelling = tuple[tuple[str, str], ...]
"""Patterns of foreign tensor names and what Limner's have there; an empty name is left out."""

# fmt: off
IMAGE_TOWER = r"^(vision_model\..*|visual_projection\..*|logit_scale)$"
PLAIN: Spelling = ()
TEXT: Spelling = (
    (r".*\bposition_ids$", ""),  # 0, 1, 2, ...: no weight
    (IMAGE_TOWER, ""),  # the rest of a whole CLIP
    (r"^(?=embeddings\.|encoder\.|final_layer_norm\.)", "text_model."),  # transformers 5
)
AUTOENCODER: Spelling = (  # diffusers before 0.18
    (r"(\.attentions\.0\.)query\.", r"\1to_q."),
    (r"(\.attentions\.0\.)key\.", r"\1to_k."),
    (r"(\.attentions\.0\.)value\.", r"\1to_v."),
    (r"(\.attentions\.0\.)proj_attn\.", r"\1to_out.0."),
)
# fmt: on


def respell(name: str, spelling: Spelling) -> str:
    """A tensor's name as Limner's modules have it; empty for one that they have no use for."""
    for pattern, replacement in spelling:
        name = re.sub(pattern, replacement, name)
    return name


def weight_files(folder: Path, stem: str) -> tuple[Path, ...]:
    """The safetensors file or shards of a part's folder, of whole precision if it has them.

    Raises CheckpointError where there are none.
    """
    for variant in VARIANTS:
        file = folder / f"{stem}{variant}.safetensors"
        if file.is_file():
            return (file,)
        index = folder / f"{stem}.safetensors.index{variant}.json"
        if index.is_file():
            return shards(index)
    if any(folder.glob("*.bin")):
        raise CheckpointError(
            f"{folder} holds pickles (.bin), which can run code and are not opened here: "
            "`limner convert FOLDER NEW --from-pickle` makes a safe folder of it"
        )
    raise CheckpointError(
        f"{folder / stem}.safetensors is missing: the model folder is not complete"
    )


def load_weights(
    module: nn.Module,
    files: Sequence[Path],
    *,
    spelling: Spelling = PLAIN,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> None:
    """Give a module on the `meta` device the weights of its files.

    Weights that have the dtype and device already stay mapped and are never copied. Raises
    CheckpointError where tensors are missing, left over or of another shape, before any is read.
    """
    expected = {name: tensor.shape for name, tensor in module.state_dict().items()}
    opened = [open_unpacked(path) for path in files]
    tables = [(file, _table(file, spelling)) for file in opened]
    _check_names(expected.keys(), [(file.path, table) for file, table in tables])
    for file, table in tables:
        for ours, theirs in table.items():
            _check_shape(file.path, theirs, file.entries[theirs].shape, expected[ours])
    state = {
        ours: file.get(theirs, dtype, device)
        for file, table in tables
        for ours, theirs in table.items()
    }
    module.load_state_dict(state, assign=True)


def _table(file: Weights, spelling: Spelling) -> dict[str, str]:
    """Limner's name of each tensor in a file -> its name there, in the order of the file."""
    table = {respell(name, spelling): name for name in file.entries}
    table.pop("", None)
    return table


def shards(index: Path) -> tuple[Path, ...]:
    """The files that an index names; CheckpointError where it is none, or one is missing."""
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        paths = tuple(index.parent / Path(name).name for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{index} is no index of shards: {error}") from None
    for path in paths:
        if not path.is_file():
            raise CheckpointError(f"{path} is missing: {index.name} names it")
    return paths


def _check_names(expected: Set[str], tables: Sequence[tuple[Path, Mapping[str, str]]]) -> None:
    found: set[str] = set()
    for path, table in tables:
        if twice := sorted(found & table.keys()):
            raise CheckpointError(f"{path} holds {twice[0]}, which another shard holds too")
        found |= table.keys()
    missing, unexpected = sorted(expected - found), sorted(found - expected)
    if missing or unexpected:
        raise CheckpointError(
            f"{tables[0][0]} does not match its config.json: {len(missing)} tensors missing "
            f"{missing[:2]}, {len(unexpected)} unexpected {unexpected[:2]}"
        )


def _check_shape(path: Path, name: str, shape: tuple[int, ...], expected: torch.Size) -> None:
    if shape != tuple(expected):
        raise CheckpointError(
            f"{path}: {name} has shape {shape}, config.json says {tuple(expected)}"
        )
