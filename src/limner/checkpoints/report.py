"""What a file or a model folder is, and what in it does not match its kind: `limner inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from limner.checkpoints.detect import Found, detect, dtype_names
from limner.checkpoints.eight_bit import open_unpacked
from limner.checkpoints.families import (
    LIMNER,
    SD1,
    SINGLE_FILES,
    Family,
    family_of_config,
    family_of_model,
)
from limner.checkpoints.folder import INPAINTING_CHANNELS, ModelFolder
from limner.checkpoints.folder_parts import KINDS, Kind
from limner.checkpoints.header import Entry
from limner.checkpoints.integrity import DENOISERS, index_of, problems
from limner.checkpoints.integrity import notes as integrity_notes
from limner.checkpoints.reader import Weights, open_weights
from limner.checkpoints.single_file import leftovers, match, parted, unused_notes
from limner.checkpoints.weights import respell, weight_files
from limner.diffusion.prediction import name_of
from limner.diffusion.process import Process
from limner.errors import CheckpointError, UsageError
from limner.nn.skeleton import skeleton

IN_A_FILE = "denoiser"  # what the part is called that a folder has as one of DENOISERS


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a file or a folder is.

    parameters: numbers by part. notes: what of it Limner does not do as it says. problems: what
    is missing or cannot be told at all, and why; missing, unexpected and misshapen: tensors.
    """

    path: str
    kind: str
    description: str
    bytes: int
    tensors: int
    dtypes: tuple[str, ...]
    parameters: Mapping[str, int]
    layout: str
    ema: bool = False
    prediction: str | None = None
    prediction_found: str | None = None
    zero_snr: bool = False
    metadata: Mapping[str, str]
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshapen: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not (self.problems or self.missing or self.unexpected or self.misshapen)

    @property
    def denoiser_parameters(self) -> int:
        """How many the denoiser has; 0 where there is none."""
        return sum(self.parameters.get(part, 0) for part in (*DENOISERS, IN_A_FILE))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def inspect(path: Path) -> Report:
    """Reads headers, and a few small tensors. CheckpointError: what is no model at all."""
    if path.is_dir():
        return inspect_folder(path)
    return inspect_weights(open_weights(path))


def inspect_weights(weights: Weights) -> Report:
    found = detect(weights)
    matches, untold = [], []
    family = SINGLE_FILES.get(found.kind, SD1)
    for place in found.places:
        try:
            matches.append(match(weights, place, family))
        except CheckpointError as error:
            untold.append(str(error))
    left = leftovers(weights, found, matches) if matches and not untold else ()
    unexpected, unused = parted(weights, found, left)
    return Report(
        path=str(weights.path),
        kind=found.kind,
        description=found.description,
        bytes=weights.path.stat().st_size,
        tensors=len(weights.entries),
        dtypes=found.dtypes,
        parameters=found.parameters,
        layout=found.layout,
        ema=found.ema,
        prediction=found.prediction,
        prediction_found=found.prediction_found,
        zero_snr=found.zero_snr,
        metadata=dict(weights.metadata),
        problems=tuple(untold),
        missing=tuple(f"{part.place.prefix}: {name}" for part in matches for name in part.missing),
        notes=unused_notes(unused),
        unexpected=tuple(sorted(unexpected)),
        misshapen=tuple(line for part in matches for line in part.misshapen),
    )


@dataclass(frozen=True, kw_only=True)
class FolderPart:
    """One part of a folder as its files are; problem: why it cannot be told."""

    name: str
    bytes: int = 0
    entries: Mapping[str, Entry] = field(default_factory=dict)
    problem: str | None = None
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshapen: tuple[str, ...] = ()


def inspect_folder(path: Path) -> Report:
    """A model folder, its parts held against their config.json and its index against its parts."""
    folder = ModelFolder(path)
    index = index_of(folder)
    kinds = [kind for kind in KINDS if folder.has(kind.folder)]
    parts = [_part(folder, kind) for kind in kinds]
    entries = [entry for part in parts for entry in part.entries.values()]
    process, prediction, notes, settings_problems = _settings(folder)
    family, inpainting = _family(folder, process)
    return Report(
        path=str(path),
        kind=family.name,
        description=family.description + (", inpainting" if inpainting else ""),
        bytes=sum(part.bytes for part in parts),
        tensors=len(entries),
        dtypes=dtype_names(entries),
        parameters={
            part.name: sum(entry.count for entry in part.entries.values()) for part in parts
        },
        layout="folder",
        prediction=prediction,
        prediction_found=None if prediction is None else Found.SCHEDULER,
        zero_snr=bool(getattr(process, "zero_terminal_snr", False)),
        metadata={"class": str(index.get("_class_name"))},
        notes=notes,
        problems=(
            *problems(folder),
            *settings_problems,
            *(part.problem for part in parts if part.problem),
        ),
        missing=tuple(f"{part.name}: {name}" for part in parts for name in part.missing),
        unexpected=tuple(f"{part.name}: {name}" for part in parts for name in part.unexpected),
        misshapen=tuple(f"{part.name}: {name}" for part in parts for name in part.misshapen),
    )


def _settings(
    folder: ModelFolder,
) -> tuple[Process | None, str | None, tuple[str, ...], tuple[str, ...]]:
    """(process, prediction, notes, problems) of how a folder is painted with."""
    if not folder.has("scheduler"):
        return None, None, integrity_notes(folder), ()  # the index says whether it should be there
    try:
        process, prediction, *_ = folder.load_settings()
        notes = integrity_notes(folder) + folder.notes()
    except CheckpointError as error:
        return None, None, integrity_notes(folder), (str(error),)
    return process, name_of(prediction), notes, ()


def _part(folder: ModelFolder, kind: Kind) -> FolderPart:
    try:
        files = weight_files(folder.place(kind.folder), kind.stem)
        entries = {
            ours: entry
            for file in files
            for name, entry in open_unpacked(file).entries.items()
            if (ours := respell(name, kind.spelling))
        }
        config = folder.config(kind.folder)
        expected = skeleton(lambda: kind.module(config)).state_dict()
    except (CheckpointError, UsageError) as error:
        return FolderPart(name=kind.folder, problem=str(error))
    common = expected.keys() & entries.keys()
    return FolderPart(
        name=kind.folder,
        bytes=sum(file.stat().st_size for file in files),
        entries=entries,
        missing=tuple(sorted(expected.keys() - entries.keys())),
        unexpected=tuple(sorted(entries.keys() - expected.keys())),
        misshapen=tuple(
            f"{name} is {entries[name].shape}, config.json says {tuple(expected[name].shape)}"
            for name in sorted(common)
            if entries[name].shape != tuple(expected[name].shape)
        ),
    )


def _family(folder: ModelFolder, process: Process | None) -> tuple[Family, bool]:
    """(family, whether it is for inpainting) of a folder."""
    try:
        config = folder.config("unet")
    except CheckpointError:  # it has none, or one that is among the problems
        return LIMNER, False
    family = family_of_config(config) if process is None else family_of_model(config, process)
    return family, config.in_channels == INPAINTING_CHANNELS
