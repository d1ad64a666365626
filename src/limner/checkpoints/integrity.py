"""Whether a model folder holds what it names, and what its kind needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from limner.checkpoints.families import family_of_config
from limner.checkpoints.folder import INDEX, ModelFolder, read_json
from limner.checkpoints.folder_parts import KIND_OF_FOLDER
from limner.checkpoints.header import read_header
from limner.checkpoints.weights import IMAGE_TOWER, weight_files
from limner.errors import CheckpointError
from limner.models.dit import DiTConfig
from limner.models.unet import UNetConfig

DENOISERS = ("unet", "transformer")
PICTURE_CHANNELS = 3
QUANTISED = ("vqvae", "movq", "vqgan")
NO_DECODER = '"vae": [null, null]'


def index_of(folder: ModelFolder) -> dict[str, Any]:
    """The folder's model_index.json; CheckpointError where there is none or it is broken."""
    file = folder.path / INDEX
    if not file.is_file():
        raise CheckpointError(f"{folder.path} is no model folder: one with a {INDEX} is right")
    index = read_json(file)
    for name, value in index.items():
        kinds = [isinstance(each, str | None) for each in value] if isinstance(value, list) else []
        if name in _named_parts() and (len(kinds) != 2 or not all(kinds)):
            raise CheckpointError(f"{file}: {name} is {value!r}; [library, class] is right")
    return index


def check(folder: ModelFolder, *, strict: bool = False) -> None:
    """Raise CheckpointError for the first thing that a whole model's folder lacks.

    strict: for what it has too much as well.
    """
    for problem in (*problems(folder), *(unused(folder) if strict else ())):
        raise CheckpointError(f"{folder.path}: {problem}")


def problems(folder: ModelFolder) -> Iterator[str]:
    """What the folder names and has not, and what a denoiser of its kind needs; a line each."""
    index = index_of(folder)
    missing = [name for name in _named_parts() if _names(index, name) and not folder.has(name)]
    yield from (f"{name} is missing: {INDEX} names it" for name in missing)
    denoisers = [name for name in DENOISERS if folder.has(name)]
    if len(denoisers) > 1:
        yield "it has a unet and a transformer: one of them is right"
    if len(denoisers) != 1:
        return
    try:
        config = folder.config(denoisers[0])
    except CheckpointError:
        return  # said where the part is read
    family = family_of_config(config)
    towers = family.towers if config.context_width is not None else ()
    for name in towers:
        if name not in missing and not folder.has(name):
            yield f"{name} is missing: {family.description} has {' and '.join(towers)}"
    told = _says_none(folder, index) or _shows_pixels(config, index)
    if not folder.has("vae") and "vae" not in missing and not told:
        yield f"vae is missing: a model that works on pixels says so by {NO_DECODER} in {INDEX}"


def notes(folder: ModelFolder) -> tuple[str, ...]:
    """What is named and missing that is made up for, a sentence each."""
    index = index_of(folder)
    missing = tuple(
        f"its {name} is missing: CLIP's own vocabulary is taken"
        for name in ("tokenizer", "tokenizer_2")
        if _names(index, name) and not folder.has(name)
    )
    return missing + unused(folder)


def unused(folder: ModelFolder) -> tuple[str, ...]:
    """What lies in a folder's files beside the model, a sentence for each part."""
    found = []
    for part in ("text_encoder", "text_encoder_2"):
        tower = [name for name in _tensors(folder, part) if re.match(IMAGE_TOWER, name)]
        if tower:
            found.append(f"{part}: {len(tower)} tensors of an image tower are not used")
    return tuple(found)


def _tensors(folder: ModelFolder, part: str) -> list[str]:
    """The names in a part's files; none where they are missing, which is said where it is read."""
    try:
        files = weight_files(folder.place(part), KIND_OF_FOLDER[part].stem)
        return [name for file in files for name in read_header(file).entries]
    except CheckpointError:
        return []


def _named_parts() -> tuple[str, ...]:
    return (*KIND_OF_FOLDER, "scheduler")


def _names(index: dict[str, Any], part: str) -> bool:
    return isinstance(value := index.get(part), list) and value[-1:] != [None]


def _shows_pixels(config: UNetConfig | DiTConfig, index: dict[str, Any]) -> bool:
    """Whether a denoiser without a vae can be of pictures alone: no autoencoder has RGB latents.

    But for the quantised ones, which a folder names otherwise.
    """
    return config.out_channels == PICTURE_CHANNELS and not any(map(index.get, QUANTISED))


def _says_none(folder: ModelFolder, index: dict[str, Any]) -> bool:
    """Whether the folder, or the one that lends it its parts, says that there is no vae."""
    lender = {} if folder.base is None else index_of(folder.base)
    return "vae" in index or "vae" in lender
