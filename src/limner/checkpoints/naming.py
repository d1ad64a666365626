"""What names a picture: CLIP's image tower, and the vectors of the names that a model knows.

Zero-shot classification (CLIP section 3.1.2): of some texts the one whose vector is nearest to the
picture's. The text tower that made the vectors is not needed any more and is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from limner.checkpoints.folder import ModelFolder
from limner.errors import CheckpointError
from limner.models.clip import ImageTower, TextTower
from limner.text.masks import PadMask, pad_mask
from limner.text.tokenizer import Tokenizer

PART, NAMES = "image_encoder", "names.safetensors"
READ = "a {}"  # what the text tower reads of a name


@dataclass(frozen=True, kw_only=True, eq=False)
class Naming:
    """Says what pictures show. vectors: (K, P) of norm 1, one a name."""

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
def naming_of(
    tower: ImageTower, text: TextTower, tokenizer: Tokenizer, names: Sequence[str]
) -> Naming:
    """What the two towers of a CLIP make of some names. They were trained under the PAD mask."""
    ids = tokenizer([READ.format(name) for name in names])
    mask = pad_mask(ids, PadMask.PAD, end=tokenizer.end, pad=tokenizer.pad)
    projected = text(ids, mask).projected
    if projected is None:
        raise CheckpointError("the text tower has no projection: one of a CLIP is right")
    return Naming(tower=tower, names=tuple(names), vectors=F.normalize(projected, dim=1))


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
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{path} holds no readable names: {error}") from None
    tower = folder.load(PART, dtype=torch.float32, device=device)
    if vectors.shape != (len(names), tower.config.projection_width):
        raise CheckpointError(
            f"{path} has vectors of {tuple(vectors.shape)}: "
            f"{(len(names), tower.config.projection_width)} are right for its names and tower"
        )
    return Naming(tower=tower, names=tuple(names), vectors=vectors)
