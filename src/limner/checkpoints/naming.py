"""What names a picture: CLIP's image tower, and the vectors of pictures whose names are known.

Of those pictures the one whose vector is nearest says the name. Beside zero-shot classification
by vectors of the names (CLIP section 3.1.2) that needs no text tower that knows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from limner.checkpoints.folder import ModelFolder
from limner.errors import CheckpointError
from limner.models.clip import ImageTower

PART, NAMES = "image_encoder", "names.safetensors"


@dataclass(frozen=True, kw_only=True, eq=False)
class Naming:
    """Says what pictures show. vectors: (K, P) of norm 1; a name has as many as there are of it."""

    tower: ImageTower
    names: tuple[str, ...]
    vectors: Float[Tensor, "K P"]

    @torch.inference_mode()
    def __call__(self, pixels: Float[Tensor, "B C S S"]) -> tuple[str, ...]:
        """One name a picture; model pixels at the size of the tower."""
        weights = next(self.tower.parameters())
        seen = F.normalize(self.tower(pixels.to(weights)).projected.float(), dim=1)
        best = (seen @ self.vectors.to(seen).T).argmax(dim=1)
        return tuple(self.names[number] for number in best.tolist())


@torch.inference_mode()
def naming_of(tower: ImageTower, shown: Iterable[tuple[str, Float[Tensor, "C S S"]]]) -> Naming:
    """What an image tower makes of pictures, model pixels of its size, each beside its name.

    CheckpointError where there are none.
    """
    names, vectors = [], []
    for name, pixels in shown:
        names.append(name)
        vectors.append(F.normalize(tower(pixels[None]).projected, dim=1))
    if not names:
        raise CheckpointError("no picture to name others by: one of each name at least is right")
    return Naming(tower=tower, names=tuple(names), vectors=torch.cat(vectors))


def save_naming(naming: Naming, folder: ModelFolder, dtype: torch.dtype) -> None:
    """Write the tower and the names' vectors into a model folder."""
    folder.save(naming.tower, dtype)
    described = {"names": json.dumps(naming.names, ensure_ascii=False)}
    vectors = naming.vectors.to(dtype).contiguous()
    save_file({"vectors": vectors}, folder.path / PART / NAMES, metadata=described)


def load_naming(folder: ModelFolder, *, device: torch.device | str = "cpu") -> Naming | None:
    """What names pictures in a folder, in fp32; None where it has no names.

    Raises CheckpointError where the file is broken.
    """
    path = folder.place(PART) / NAMES
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            names = json.loads((file.metadata() or {})["names"])
            vectors = file.get_tensor("vectors").float()
    except (OSError, KeyError, ValueError, RecursionError, SafetensorError) as error:
        raise CheckpointError(f"{path} holds no readable names: {error}") from None
    tower = folder.load(PART, dtype=torch.float32, device=device)
    if vectors.shape != (len(names), tower.config.projection_width):
        raise CheckpointError(
            f"{path} has vectors of {tuple(vectors.shape)}: "
            f"{(len(names), tower.config.projection_width)} are right for its names and tower"
        )
    return Naming(tower=tower, names=tuple(names), vectors=vectors)
