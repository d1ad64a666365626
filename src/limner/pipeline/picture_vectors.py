"""Pictures in the space that a model's text encoder shares with an image tower."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.checkpoints.clip import Normalisation, normalisation_of
from limner.data.folder import read_square
from limner.data.pixels import to_model_range
from limner.errors import CheckpointError, DataError, UsageError
from limner.models.clip import ImageTower

PART = "image_encoder"


def picture_vectors(
    model: Path, pictures: Sequence[Path], *, device: torch.device | str = "cpu"
) -> Float[Tensor, "I P"]:
    """One projected vector a picture file, of the image tower in a model's folder.

    A picture is cropped to its middle square. Raises UsageError where the model has no image tower,
    DataError where a picture cannot be read.
    """
    folder = ModelFolder(model)
    if not folder.has(PART):
        raise UsageError(
            f"{model} has no {PART}, which pictures are read with: a folder whose text encoder was "
            "trained beside an image tower is right, or texts alone"
        )
    return vectors_of(folder.load(PART, device=device), pictures, normalisation_of(model))


def vectors_of(
    tower: ImageTower, pictures: Sequence[Path], normalisation: Normalisation | None
) -> Float[Tensor, "I P"]:
    """As `picture_vectors`, of a tower that is loaded already.

    normalisation: None: it takes model pixels as they are.
    """
    pixels = torch.stack([_read(path, tower) for path in pictures])
    if normalisation is not None:
        if len(normalisation.mean) != pixels.shape[1]:
            raise CheckpointError(
                f"pixels of {len(normalisation.mean)} channels are described, the image tower "
                f"takes {pixels.shape[1]}"
            )
        pixels = normalisation(pixels)
    with torch.inference_mode():
        return tower(pixels.to(next(tower.parameters()))).projected


def _read(path: Path, tower: ImageTower) -> Float[Tensor, "C S S"]:
    """Model pixels, from -1 to 1."""
    try:
        square = read_square(path, tower.config.image_size, tower.config.channels)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is no readable picture: {reason}") from None
    return to_model_range(square)
