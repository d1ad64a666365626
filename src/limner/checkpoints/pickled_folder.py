"""A folder with pickles in place of safetensors, as the first ones were published, made safe.

Only for `limner convert --from-pickle`: a copy in which each such part has a safetensors file, and
all else is a link to what stands there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from limner.checkpoints.folder_parts import KINDS, Kind
from limner.checkpoints.header import Entry, shown
from limner.checkpoints.pickles import PickledWeights, open_pickle
from limner.checkpoints.weights import shards, weight_files
from limner.checkpoints.writer import write_weights
from limner.errors import CheckpointError

VARIANTS = ("", ".fp16", ".bf16")  # whole precision first
PICKLED_STEMS = {"model": "pytorch_model"}  # what transformers called it; diffusers' is the same


@contextmanager
def without_pickles(source: Path, beside: Path) -> Iterator[Path]:
    """The folder itself where no part needs a pickle, else a copy that lies beside a path.

    Raises CheckpointError where a pickle holds more than tensors.
    """
    pickled = {kind: files for kind in KINDS if (files := pickles_of(source, kind))}
    if not pickled:
        yield source
        return
    with TemporaryDirectory(prefix=".limner-", dir=beside.parent) as made:
        copy = Path(made)
        _link(source, copy)
        for kind, files in pickled.items():
            weights = _Joined([open_pickle(file) for file in files])
            target = copy / kind.folder / f"{kind.stem}.safetensors"
            write_weights(target, weights.entries, weights.get, {"format": "pt"})
        yield copy


def pickles_of(source: Path, kind: Kind) -> tuple[Path, ...]:
    """The .bin file or shards of a part that has no safetensors; none where it has, or is not."""
    folder = source / kind.folder
    try:
        weight_files(folder, kind.stem)
        return ()
    except CheckpointError:
        pass
    stem = PICKLED_STEMS.get(kind.stem, kind.stem)
    for variant in VARIANTS:
        if (file := folder / f"{stem}{variant}.bin").is_file():
            return (file,)
        if (index := folder / f"{stem}.bin.index{variant}.json").is_file():
            return shards(index)
    return ()


class _Joined:
    """The tensors of several pickles; CheckpointError where two hold one name."""

    def __init__(self, pickles: list[PickledWeights]) -> None:
        self._of: dict[str, PickledWeights] = {}
        for each in pickles:
            if twice := self._of.keys() & each.entries.keys():
                raise CheckpointError(f"{each.path}: another shard holds {shown(twice)} too")
            self._of |= dict.fromkeys(each.entries, each)

    @property
    def entries(self) -> Mapping[str, Entry]:
        return {name: each.entries[name] for name, each in self._of.items()}

    def get(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        return self._of[name].get(name, dtype)


def _link(source: Path, copy: Path) -> None:
    """Folders anew, and a link to each file; pickles stay behind."""
    for folder, _, names in os.walk(source):
        place = copy / Path(folder).relative_to(source)
        place.mkdir(exist_ok=True)
        for name in names:
            if not name.endswith(".bin"):
                (place / name).symlink_to((Path(folder) / name).resolve())
