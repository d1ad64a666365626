"""Rows of a batch that stand for several: a picture that is told more than one text."""

from __future__ import annotations

from torch import Tensor


def as_many(x: Tensor, like: Tensor) -> Tensor:
    """The rows of x over again, until they are as many as those of `like`, a multiple of them.

    Itself where there is nothing to repeat: rows that are many already stay as many.
    """
    times = like.shape[0] // x.shape[0]
    return x.repeat(times, *(1,) * (x.ndim - 1)) if times > 1 else x
