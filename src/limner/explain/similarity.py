"""How near texts and pictures lie to one another in an encoder's space: cosines, and neighbours.

>>> vectors = painter.encode(["a cat", "a dog", "a red apple"]).pooled  # (3, P)
>>> cosines(vectors, vectors)  # (3, 3), ones from corner to corner
>>> nearest(vectors[0], vectors, count=2)  # [(0, 1.0), (1, ...)]
"""

from __future__ import annotations

from collections.abc import Collection

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from limner.errors import UsageError


def cosines(first: Float[Tensor, "A P"], second: Float[Tensor, "B Q"]) -> Float[Tensor, "A B"]:
    """<u, v> / (|u| |v|) of every pair, from -1 to 1: CLIP's similarity without its temperature.

    Lecture eq. 60-61 with tau = 1. Raises UsageError where the two are not of one width.
    """
    if first.shape[-1] != second.shape[-1]:
        raise UsageError(
            f"vectors of {first.shape[-1]} and of {second.shape[-1]} numbers are of two spaces: "
            "towers that were trained together are right"
        )
    return F.normalize(first.float(), dim=-1) @ F.normalize(second.float(), dim=-1).T


def nearest(
    query: Float[Tensor, "P"],
    known: Float[Tensor, "K P"],
    *,
    count: int = 10,
    without: Collection[int] = (),
) -> list[tuple[int, float]]:
    """(row, cosine) of the `count` rows that are most like the query, the most alike first.

    without: rows that are left out. Raises UsageError for a count below 1.
    """
    if count < 1:
        raise UsageError(f"count is {count}: at least 1 is right")
    alike = cosines(query[None], known)[0]
    order = alike.argsort(descending=True, stable=True).tolist()
    return [(row, float(alike[row])) for row in order if row not in without][:count]


def analogy(
    a: Float[Tensor, "P"], b: Float[Tensor, "P"], c: Float[Tensor, "P"]
) -> Float[Tensor, "P"]:
    """What is to `c` as `a` is to `b`: king - man + woman, of unit vectors.

    Source: Mikolov et al. 2013, "Linguistic regularities in continuous space word representations".
    Look for its neighbours with the rows of a, b and c left out, as is usual: they lie nearest.
    """
    a, b, c = (F.normalize(vector.float(), dim=-1) for vector in (a, b, c))
    return a - b + c
