"""Latents to pixels within the memory there is: all at once, one by one, or in tiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from limner.engine.asks import Decoded
from limner.engine.memory import RESERVE, free_memory
from limner.engine.numerics import finite
from limner.models.autoencoder import Autoencoder, AutoencoderConfig
from limner.models.tiny_decoder import TinyDecoder
from limner.types import Latent

TILE, OVERLAP = 64, 16  # latent positions a side
MAPS = 4.0  # of the decoder's largest maps, as many as it takes at once: 3.2 as measured, and some
SHORT = "decoded in tiles, as memory was short"


class LatentDecoder:
    """Normalised latents to pixels, by an autoencoder or, without one, as they are.

    tiles: True: decode in tiles; False: never; None: where a picture does not fit into the memory
        that is free. A tile does not see the whole picture, so its tones differ a little from
        those of the whole; the seams are blended.
    free: how many bytes are free, None where that is not known.
    tiny: what decodes in the autoencoder's place, roughly and at once; it may be set at any time.
    """

    def __init__(
        self,
        autoencoder: Autoencoder | None,
        *,
        tiles: bool | None = None,
        free: Callable[[torch.device], int | None] | None = None,
        tiny: TinyDecoder | None = None,
    ) -> None:
        self.autoencoder = autoencoder
        self.tiny = tiny
        self.tiles = tiles
        self._free = free_memory if free is None else free

    @torch.inference_mode()
    def __call__(self, latent: Latent) -> Decoded:
        """Raises NumericsError where the autoencoder gives NaN or infinity."""
        autoencoder = self.autoencoder
        if autoencoder is None:
            return Decoded(pixels=latent.float().cpu())
        if self.tiny is not None:
            return Decoded(pixels=_roughly(self.tiny, latent))
        raw = autoencoder.space.restore(latent).to(next(autoencoder.parameters()))
        raw = raw.contiguous(memory_format=torch.channels_last)  # less time and memory for SD's
        rows = len(raw) if self.tiles is False else self._rows(autoencoder.config, raw)
        tiled = self.tiles or rows == 0
        decode = in_tiles if tiled else Autoencoder.decode
        parts = raw.split(1 if tiled else rows)
        pixels = [finite(decode(autoencoder, part), "autoencoder").float().cpu() for part in parts]
        notes = (SHORT,) if tiled and self.tiles is None else ()
        return Decoded(pixels=torch.cat(pixels), notes=notes)

    def _rows(self, config: AutoencoderConfig, raw: Latent) -> int:
        """How many pictures of a batch fit into the free memory at once; 0: not even one."""
        free = self._free(raw.device)
        if free is None:
            return len(raw)
        height, width = raw.shape[2:]
        one = decoding_bytes(config, (height, width), raw.dtype.itemsize)
        return min(len(raw), int(RESERVE * free / one))


def _roughly(tiny: TinyDecoder, latent: Latent) -> Float[Tensor, "B P H W"]:
    """One by one: its maps are small, but those of many large pictures are not."""
    rows = latent.to(next(tiny.parameters())).split(1)
    return torch.cat([finite(tiny(row), "tiny decoder").float().cpu() for row in rows])


def in_tiles(autoencoder: Autoencoder, raw: Latent) -> Float[Tensor, "B P H W"]:
    """As `Autoencoder.decode`, tile by tile; where tiles overlap, one fades into the other."""
    stride = autoencoder.space.stride
    height, width = raw.shape[2:]
    pixels = raw.new_zeros(
        len(raw), autoencoder.config.in_channels, height * stride, width * stride
    )
    total = raw.new_zeros(pixels.shape[2:])
    for rows, columns in product(spans(height), spans(width)):
        tile = autoencoder.decode(raw[:, :, rows, columns])
        down, across = fade(rows, height, stride), fade(columns, width, stride)
        share = (down[:, None] * across).to(raw)
        place = (scaled(rows, stride), scaled(columns, stride))
        pixels[:, :, *place] += share * tile
        total[place] += share
    return pixels / total


def spans(length: int) -> Iterator[slice]:
    """Tiles over a side: as few as overlap by OVERLAP at least, evenly laid."""
    if length <= TILE:
        yield slice(0, length)
        return
    count = math.ceil((length - OVERLAP) / (TILE - OVERLAP))
    for index in range(count):
        start = round(index * (length - TILE) / (count - 1))
        yield slice(start, start + TILE)


def fade(span: slice, length: int, stride: int) -> Float[Tensor, "n"]:
    """The share of a tile at each pixel along a side: 1, falling at edges within the picture."""
    size, ramp = (span.stop - span.start) * stride, OVERLAP * stride
    place = torch.arange(size) + 0.5
    share = torch.ones(size)
    if span.start > 0:
        share = torch.minimum(share, place / ramp)
    if span.stop < length:
        share = torch.minimum(share, (size - place) / ramp)
    return share


def scaled(span: slice, stride: int) -> slice:
    return slice(span.start * stride, span.stop * stride)


def decoding_bytes(config: AutoencoderConfig, size: tuple[int, int], itemsize: int) -> float:
    """About how much memory the decoder takes beside its weights for one latent of (h, w)."""
    height, width = size
    stride = config.space.stride // config.shuffle  # down to what the finest level works on
    # The widest maps are those behind an upsampling, which have the width of the level below it.
    widths = (*config.channels[1:], config.channels[-1])
    largest = max(channels * (stride >> level) ** 2 for level, channels in enumerate(widths))
    return MAPS * largest * height * width * itemsize
