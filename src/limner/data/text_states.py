"""The text cache: every caption encoded once, for a training whose text encoder stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from limner.data.cache import (
    ALL,
    Cache,
    Chunk,
    batches,
    cached,
    raw_bytes,
    weights_fingerprint,
)
from limner.errors import DataError
from limner.text.encode import TextEncoder
from limner.text.joint import JointEncoder
from limner.types import Conditioning

Encoder = TextEncoder | JointEncoder


class TextStates:
    """Captions and their conditioning, on the disk; each different caption is there once."""

    def __init__(self, captions: Sequence[str], cache: Cache) -> None:
        self._row = {caption: row for row, caption in enumerate(captions)}
        self._states = cache.buckets[ALL]

    def __call__(self, captions: Sequence[str]) -> Conditioning:
        """What the encoder makes of these captions; DataError for one that was not encoded."""
        unknown = [caption for caption in captions if caption not in self._row]
        if unknown:
            raise DataError(f"{unknown[0]!r} is not among the {len(self._row)} captions encoded")
        rows = torch.tensor([self._row[caption] for caption in captions])
        return Conditioning(**{name: values[rows] for name, values in self._states.items()})


def cached_text_states(
    folder: Path,
    encoder: Encoder,
    captions: Sequence[str],
    *,
    batch: int = 64,
    dtype: torch.dtype | None = None,
) -> TextStates:
    """The states of all captions from the disk, encoded anew if anything that made them changed:

    the towers' weights, how their tokenizers read the captions, which layer is taken. dtype: what
    context and pooled vectors are kept in, such as torch.float16 for half the space. DataError if
    there are no captions.
    """
    different = sorted(set(captions))
    if not different:
        raise DataError("there are no captions to encode")

    def build() -> dict[str, Iterator[Chunk]]:
        return {ALL: _encoded(encoder, different, batch, dtype)}

    origin = _origin(encoder, different) | {"kind of number": str(dtype)}
    return TextStates(different, cached(folder, origin, build))


def _encoded(
    encoder: Encoder, captions: Sequence[str], batch: int, dtype: torch.dtype | None
) -> Iterator[Chunk]:
    for span in batches(len(captions), batch):
        with torch.no_grad():
            text = encoder([captions[index] for index in span])
        states = {"context": text.context, "mask": text.mask, "pooled": text.pooled}
        yield {
            name: value if dtype is None or name == "mask" else value.to(dtype)
            for name, value in states.items()
            if value is not None
        }


def _origin(encoder: Encoder, captions: Sequence[str]) -> dict[str, str]:
    origin = {"captions": _digest(*(caption.encode() for caption in captions))}
    for number, one in enumerate(encoder.encoders, start=1):
        if not isinstance(one.tower, nn.Module):
            raise DataError(f"text encoder {number} has no weights to tell it by")
        ids = (
            raw_bytes(one.tokenizer(captions[s.start : s.stop]))
            for s in batches(len(captions), 4096)
        )
        origin |= {
            f"text encoder {number} weights": weights_fingerprint(one.tower),
            f"text encoder {number} tokens": _digest(*ids),
            f"text encoder {number} settings": f"{one.pad_mask} {one.clip_skip} {one.final_norm}",
        }
    return origin


def _digest(*parts: bytes) -> str:
    """A hash of several texts that tells where each ends."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)} ".encode())
        digest.update(part)
    return digest.hexdigest()
