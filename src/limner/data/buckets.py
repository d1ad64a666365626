"""Aspect-ratio buckets: pictures of any shape in batches of one shape, with little cropped.

A picture is made just large enough to cover its bucket, and what stands over is cropped. Which part
of the original was kept is in its `Fit`, with the six numbers that SDXL is conditioned on (Podell
et al. 2023, section 2.2).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import torch
from jaxtyping import Int
from torch import Tensor

from limner.errors import UsageError

Size = tuple[int, int]  # width, height


class Rest(Enum):
    """What becomes of the pictures of a bucket that do not fill a last batch."""

    SHORT = "short"  # a batch of fewer: every picture comes exactly once an epoch
    FILL = "fill"  # a full batch with some that came already: one shape for ever
    DROP = "drop"  # they are left out of this epoch; others are in the next


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a picture lies in its bucket; sizes are (width, height) in pixels.

    original: before anything. resized: after it was made to cover the bucket. corner: left and top
    of what was kept, in the resized picture.
    """

    original: Size
    bucket: Size
    resized: Size
    corner: Size

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of what was kept, in the resized picture."""
        (left, top), (width, height) = self.corner, self.bucket
        return left, top, left + width, top + height

    @property
    def cropped(self) -> float:
        """The share of the picture's area that is lost."""
        return 1.0 - math.prod(self.bucket) / math.prod(self.resized)

    @property
    def conditioning(self) -> tuple[int, int, int, int, int, int]:
        """SDXL's numbers: original height and width, crop's top and left, height and width."""
        return (*self.original[::-1], *self.corner[::-1], *self.bucket[::-1])


def bucket_sizes(size: int, *, multiple: int = 64, longest: int | None = None) -> tuple[Size, ...]:
    """Every (width, height) of multiples whose area is at most size * size, from tall to wide.

    Of each width the largest height, and the other way round. longest: of both sides; 2 * size if
    None, for shapes up to 4 to 1. UsageError where no such size exists.
    """
    longest = 2 * size if longest is None else longest
    if multiple < 1 or not multiple <= size <= longest:
        raise UsageError(
            f"multiple {multiple}, size {size}, longest side {longest}: 1 or more, and in rising "
            "order, is right"
        )
    sizes = set()
    for side in range(multiple, longest + 1, multiple):
        other = size * size // side // multiple * multiple
        if 0 < other <= longest:
            sizes |= {(side, other), (other, side)}
    return tuple(sorted(sizes, key=lambda wh: wh[0] / wh[1]))


def fit(original: Size, buckets: Sequence[Size], *, place: tuple[float, float] = (0.5, 0.5)) -> Fit:
    """The bucket in which the least of a picture is lost, and how the picture lies in it.

    place: which part to keep, 0 left or top to 1 right or bottom; the middle by default.
    """
    width, height = original
    if min(width, height) < 1:
        raise UsageError(f"a picture of {width}x{height} pixels has no shape")
    # The share kept is the ratio of the two shapes; where two are alike, the larger bucket.
    bucket = min(
        buckets, key=lambda wh: (abs(math.log(width * wh[1] / (height * wh[0]))), -math.prod(wh))
    )
    scale = max(bucket[0] / width, bucket[1] / height)
    resized = max(round(width * scale), bucket[0]), max(round(height * scale), bucket[1])
    left, top = (
        round(share * (whole - kept))
        for share, whole, kept in zip(place, resized, bucket, strict=True)
    )
    return Fit(original=original, bucket=bucket, resized=resized, corner=(left, top))


class BucketBatches:
    """Which pictures make up each step: of one bucket only, every picture once an epoch.

    All follows from (seed, epoch, step), so there is no state to save.
    """

    def __init__(
        self, counts: Mapping[Size, int], *, batch: int, seed: int = 0, rest: Rest = Rest.SHORT
    ) -> None:
        """counts: how many pictures there are in each bucket."""
        self.counts = {bucket: count for bucket, count in sorted(counts.items()) if count}
        self.batch, self.seed, self.rest = batch, seed, rest
        if batch < 1:
            raise UsageError(f"a batch of {batch}: 1 or more is right")
        self.steps_per_epoch = sum(map(self._batches_of, self.counts.values()))
        if not self.steps_per_epoch:
            raise UsageError(
                f"no bucket fills a batch of {batch}: a smaller batch, or another way with rests, "
                "is right"
            )
        self._epoch = lru_cache(maxsize=2)(self._plan)

    def at(self, step: int) -> tuple[Size, Int[Tensor, "B"]]:
        """The bucket of a step, and the positions of its pictures in the bucket."""
        epoch, number = divmod(step, self.steps_per_epoch)
        return self._epoch(epoch)[number]

    def _plan(self, epoch: int) -> list[tuple[Size, Tensor]]:
        generator = torch.Generator().manual_seed(
            random.Random(f"{self.seed} {epoch}").getrandbits(63)
        )
        batches: list[tuple[Size, Tensor]] = []
        for bucket, count in self.counts.items():
            order = torch.randperm(count, generator=generator)
            if self.rest is Rest.FILL:
                full = self._batches_of(count) * self.batch
                order = order.repeat(-(-full // count))[:full]
            parts = order.split(self.batch)[: self._batches_of(count)]
            batches += [(bucket, part) for part in parts]
        order = torch.randperm(len(batches), generator=generator)
        return [batches[index] for index in order.tolist()]

    def _batches_of(self, count: int) -> int:
        return count // self.batch if self.rest is Rest.DROP else -(-count // self.batch)
