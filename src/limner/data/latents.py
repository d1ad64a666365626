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
    fingerprint,
    raw_bytes,
    weights_fingerprint,
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

    encoder: whose weights `encode` is made of. DataError where a file is in the folder's place.
    Neither the encoding nor the reading takes memory for more than a batch.
    """

    def build() -> dict[str, Iterator[Chunk]]:
        return {ALL: _encoded(encode, pictures, batch, device)}

    origin = {
        "encoder weights": weights_fingerprint(encoder),
        "pictures": pictures_fingerprint(pictures),
    }
    return cached(folder, origin, build)[LATENTS]


def pictures_fingerprint(pictures: PictureSet) -> str:
    """A hash of a set's pictures, in the order of its records."""
    digest = hashlib.sha256(str(tuple(pictures.pictures.shape[1:])).encode())
    for record in pictures.records:
        digest.update(raw_bytes(pictures.pictures[record.picture]))
    return digest.hexdigest()


def records_fingerprint(pictures: PictureSet) -> str:
    """A hash of what a set's records say that each picture shows, in their order.

    Scenes are drawn by it, so that the same pictures under other words make other scenes.
    """
    return fingerprint([(row.concept, row.style, row.group) for row in pictures.records])


def _encoded(
    encode: Encode, pictures: PictureSet, batch: int, device: torch.device | str
) -> Iterator[Chunk]:
    if len(pictures) == 0:
        raise DataError("there are no pictures to encode")
    for span in batches(len(pictures), batch):
        with torch.no_grad():
            latents = encode(pictures.to_float(span).to(device)).cpu()
        yield {LATENTS: latents}
