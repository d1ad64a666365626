"""The latent cache: every picture encoded once, so that a training need not do it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from limner.data.records import PictureSet, atomic_path
from limner.errors import DataError

Encode = Callable[[Float[Tensor, "B C S S"]], Float[Tensor, "B Z h w"]]


@torch.no_grad()
def encode_all(
    encode: Encode, pictures: PictureSet, batch: int = 64, device: torch.device | str = "cpu"
) -> Float[Tensor, "N Z h w"]:
    """The latent of every record, in the order of the records, on the CPU.

    encode: the autoencoder's encoder, pictures in [-1, 1] -> latents; it is called with at most
    `batch` pictures on `device`. DataError if there are no records.
    """
    if len(pictures) == 0:
        raise DataError("there are no pictures to encode")
    spans = (
        range(first, min(first + batch, len(pictures))) for first in range(0, len(pictures), batch)
    )
    return torch.cat([encode(pictures.to_float(span).to(device)).cpu() for span in spans])


def weights_fingerprint(module: nn.Module) -> str:
    """A hash of a module's weights: their names, shapes, kinds and values."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(_bytes(value))
    return digest.hexdigest()


def pictures_fingerprint(pictures: PictureSet) -> str:
    """A hash of a set's pictures, in the order of its records."""
    digest = hashlib.sha256(str(tuple(pictures.pictures.shape[1:])).encode())
    for record in pictures.records:
        digest.update(_bytes(pictures.pictures[record.picture]))
    return digest.hexdigest()


def save_latents(
    path: Path, latents: Float[Tensor, "N Z h w"], *, encoder: nn.Module, pictures: PictureSet
) -> None:
    """Write the latents and the hashes of what they were made from to a safetensors file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        save_file({"latents": latents.contiguous()}, temporary, _origin(encoder, pictures))


def load_latents(
    path: Path, *, encoder: nn.Module, pictures: PictureSet
) -> Float[Tensor, "N Z h w"]:
    """Read what `save_latents` wrote.

    DataError if there is no such file, or it was made by other weights or from other pictures.
    """
    try:
        with safe_open(path, framework="pt") as file:
            written = file.metadata() if file.metadata() is not None else {}
            latents = file.get_tensor("latents")
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} is not a readable latent cache: {error}") from error
    for what, right in _origin(encoder, pictures).items():
        if written.get(what) != right:
            raise DataError(
                f"{path} is stale: it was made with other {what}; delete it to encode anew"
            )
    return latents


def _origin(encoder: nn.Module, pictures: PictureSet) -> dict[str, str]:
    return {
        "encoder weights": weights_fingerprint(encoder),
        "pictures": pictures_fingerprint(pictures),
    }


def _bytes(value: Tensor) -> bytes:
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
