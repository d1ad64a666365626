"""From file to folder and back, to another dtype, and from pickles to safetensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import reduce
from pathlib import Path

import torch

from limner.checkpoints.clip import clip_of, save_clip
from limner.checkpoints.detect import detect
from limner.checkpoints.families import SINGLE_FILES
from limner.checkpoints.folder import ModelFolder
from limner.checkpoints.folder_parts import KINDS
from limner.checkpoints.header import Entry, read_header
from limner.checkpoints.kinds import FileKind
from limner.checkpoints.parts import Parts
from limner.checkpoints.pickled_folder import without_pickles
from limner.checkpoints.pickles import open_any
from limner.checkpoints.reader import Weights
from limner.checkpoints.single_file import load_parts
from limner.checkpoints.single_file_saving import save_single_file
from limner.checkpoints.weights import weight_files
from limner.checkpoints.whole_folder import load_folder, save_folder
from limner.checkpoints.writer import write_weights
from limner.errors import CheckpointError, OutputError, UsageError
from limner.files import whole_folder

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
SUFFIX = ".safetensors"
PICKLE_SUFFIXES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")


def convert(
    source: Path,
    target: Path,
    *,
    dtype: torch.dtype | None = None,
    ema: bool = False,
    from_pickle: bool = False,
    prediction: str | None = None,
    force: bool = False,
    strict: bool = False,
) -> tuple[str, ...]:
    """Write what `source` holds as `target`: one file if it ends in .safetensors, else a folder.

    dtype: None keeps the widest that the source has. ema: the U-Net's averaged weights.
    from_pickle: a pickle may be opened, for its tensors. prediction: what the model predicts,
    where that is known better than the file tells. force: replace what stands there.
    A file that is no whole model is written as one file, under the names that it has.

    What the source says that the target does not is returned, a sentence each; strict: refuse a
    source that holds more than the model.
    """
    _check_target(source, target, force=force)
    if source.is_dir():
        if ema or prediction is not None:
            raise UsageError("--ema and --prediction are for single files: a folder has no choice")
        with without_pickles(source, target) if from_pickle else nullcontext(source) as folder:
            kept = dtype or widest(_entries_of_folder(folder))
            parts = load_folder(folder, dtype=kept, strict=strict)
            _save(parts, target, kept, force=force)
        return parts.notes
    weights = open_any(source, pickles=from_pickle)
    kind = detect(weights).kind
    if kind is FileKind.CLIP and target.suffix != SUFFIX:
        whole = clip_of(weights, strict=strict)
        kept = dtype or widest(weights.entries.values())
        with _written(target, force=force) as folder:
            save_clip(whole, folder, dtype=kept)
        return whole.notes
    if kind not in SINGLE_FILES:
        copy(weights, target, dtype, ema=ema)
        return ()
    kept = dtype or widest(weights.entries.values())
    parts = load_parts(weights, dtype=kept, ema=ema, prediction=prediction, strict=strict)
    _save(parts, target, kept, force=force)
    return parts.notes


def copy(weights: Weights, target: Path, dtype: torch.dtype | None, *, ema: bool) -> None:
    """Write the tensors of a file that is no whole model, under their own names."""
    if target.suffix != SUFFIX or ema:
        raise UsageError(
            f"{weights.path} is {detect(weights).description}: it converts to a {SUFFIX} file only"
        )
    entries = {
        name: replace(entry, dtype=dtype) if dtype and entry.dtype.is_floating_point else entry
        for name, entry in weights.entries.items()
    }
    metadata = {"format": "pt", **weights.metadata}
    write_weights(target, entries, lambda name: weights.get(name, entries[name].dtype), metadata)


def widest(entries: Iterable[Entry]) -> torch.dtype:
    """The dtype that holds every number of the floating-point tensors exactly."""
    dtypes = {entry.dtype for entry in entries if entry.dtype.is_floating_point}
    small = {_holding(dtype) for dtype in dtypes}
    return reduce(torch.promote_types, small) if small else torch.float32


def _holding(dtype: torch.dtype) -> torch.dtype:
    """The half precision that holds an 8-bit float; another dtype itself."""
    if dtype.itemsize > 1:
        return dtype
    return torch.bfloat16 if dtype == torch.float8_e8m0fnu else torch.float16  # powers of two


def _check_target(source: Path, target: Path, *, force: bool) -> None:
    if target.suffix in PICKLE_SUFFIXES:
        raise UsageError(f"{target} would be a pickle: a name that ends in {SUFFIX} is right")
    if not source.exists():
        raise CheckpointError(f"{source} is missing")
    if not target.parent.is_dir():
        raise OutputError(f"there is no folder {target.parent}: make it first")
    if not target.exists():
        return
    if not force:
        raise OutputError(f"{target} exists already: --force replaces it")
    if target.samefile(source):
        raise UsageError(f"{target} is the source itself: give another target")
    if target.is_dir() == (target.suffix == SUFFIX):
        raise OutputError(f"{target} is in the way: a file where a folder goes, or the reverse")
    if target.is_dir() and not (target / "model_index.json").is_file():
        raise OutputError(f"{target} is no model folder and is not replaced: give another target")


def _save(parts: Parts, target: Path, dtype: torch.dtype, *, force: bool) -> None:
    if target.suffix == SUFFIX:
        save_single_file(parts, target, dtype=dtype)
        return
    with _written(target, force=force) as folder:
        save_folder(parts, folder, dtype=dtype)


@contextmanager
def _written(target: Path, *, force: bool) -> Iterator[Path]:
    """A folder to be written, which stands at `target` once it is whole."""
    try:
        with whole_folder(target, replacing=force) as folder:
            yield folder
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from None


def _entries_of_folder(path: Path) -> list[Entry]:
    """Of all its parts, borrowed ones too."""
    folder = ModelFolder(path)
    files = [
        file
        for kind in KINDS
        if folder.has(kind.folder)
        for file in weight_files(folder.place(kind.folder), kind.stem)
    ]
    return [entry for file in files for entry in read_header(file).entries.values()]
