"""Pictures in the space that a model's text encoder shares with an image tower."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.checkpoints.folder import read_json
from limner.data.folder import read_square
from limner.data.pixels import to_model_range
from limner.errors import CheckpointError, DataError, UsageError
from limner.models.clip import VisionTower

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
    tower: VisionTower = folder.load(PART, device=device)
    rows = [_read(path, tower) for path in pictures]
    like = next(tower.parameters())
    with torch.inference_mode():
        return tower(_normalised(torch.stack(rows), model).to(like)).projected


def _read(path: Path, tower: VisionTower) -> Float[Tensor, "C S S"]:
    """Model pixels, from -1 to 1."""
    try:
        square = read_square(path, tower.config.image_size, tower.config.channels)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is no readable picture: {reason}") from None
    return to_model_range(square)


def _normalised(pixels: Float[Tensor, "I C S S"], model: Path) -> Float[Tensor, "I C S S"]:
    """As the tower was trained: published ones say a mean and a spread of 0..1, Limner's none."""
    path = model / "feature_extractor" / "preprocessor_config.json"
    if not path.exists():
        return pixels
    said = read_json(path)
    try:
        mean, spread = (
            torch.tensor(said[key]).view(-1, 1, 1) for key in ("image_mean", "image_std")
        )
        return ((pixels + 1) / 2 - mean) / spread
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} does not describe {PART}'s pixels: {error}") from None
