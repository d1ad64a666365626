"""The latent cache: every picture encoded once, so that a training need not do it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.data.cache import (
    ALL,
    Chunk,
    batches,
    cached,
    open_cache,
    raw_bytes,
    weights_fingerprint,
    write_cache,
)
from limner.data.records import PictureSet
from limner.errors import DataError

Encode = Callable[[Float[Tensor, "B C H W"]], Float[Tensor, "B Z h w"]]
LATENTS = "latents"


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
    return torch.cat([chunk[LATENTS] for chunk in _encoded(encode, pictures, batch, device)])


def cached_latents(
    folder: Path,
    encode: Encode,
    pictures: PictureSet,
    *,
    encoder: nn.Module,
    batch: int = 64,
    device: torch.device | str = "cpu",
) -> Float[Tensor, "N Z h w"]:
    """As `encode_all`, from the disk; encoded anew if other weights or pictures made what is there.

    Neither the encoding nor the reading takes memory for more than a batch.
    """

    def build() -> dict[str, Iterator[Chunk]]:
        return {ALL: _encoded(encode, pictures, batch, device)}

    return cached(folder, _origin(encoder, pictures), build)[LATENTS]


def pictures_fingerprint(pictures: PictureSet) -> str:
    """A hash of a set's pictures, in the order of its records."""
    digest = hashlib.sha256(str(tuple(pictures.pictures.shape[1:])).encode())
    for record in pictures.records:
        digest.update(raw_bytes(pictures.pictures[record.picture]))
    return digest.hexdigest()


def save_latents(
    path: Path, latents: Float[Tensor, "N Z h w"], *, encoder: nn.Module, pictures: PictureSet
) -> None:
    """Write the latents and the hashes of what they were made from to a folder."""
    write_cache(path, _origin(encoder, pictures), {ALL: [{LATENTS: latents}]})


def load_latents(
    path: Path, *, encoder: nn.Module, pictures: PictureSet
) -> Float[Tensor, "N Z h w"]:
    """Read what `save_latents` wrote.

    DataError if there is no such cache, or it was made by other weights or from other pictures.
    """
    return open_cache(path, _origin(encoder, pictures))[LATENTS]


def _encoded(
    encode: Encode, pictures: PictureSet, batch: int, device: torch.device | str
) -> Iterator[Chunk]:
    for span in batches(len(pictures), batch):
        with torch.no_grad():
            latents = encode(pictures.to_float(span).to(device)).cpu()
        yield {LATENTS: latents}


def _origin(encoder: nn.Module, pictures: PictureSet) -> dict[str, str]:
    return {
        "encoder weights": weights_fingerprint(encoder),
        "pictures": pictures_fingerprint(pictures),
    }
