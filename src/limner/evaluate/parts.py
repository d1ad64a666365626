"""The things of a picture with transparency: connected parts of what is opaque."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

OPAQUE = 128  # alpha, of 255, from which pixels hang together
SPECK = 0.05  # of the largest part; what is smaller is no thing
EDGE = 2  # pixels round a part that are its own where they are of no other


def parts_of(picture: UInt8[Tensor, "4 H W"]) -> Bool[Tensor, "K H W"]:
    """Where each thing is, the largest first; none of a picture in which nothing is opaque.

    Pixels hang together by their sides and corners. A part has its soft edge.
    """
    numbers = connected(picture[3] >= OPAQUE)
    found, areas = numbers[numbers > 0].unique(return_counts=True)
    order = areas.argsort(descending=True, stable=True)
    large = found[order][areas[order] >= SPECK * areas.max()] if len(found) else found
    cores = numbers[None] == large[:, None, None]
    if not len(large):
        return cores
    reach = F.max_pool2d(cores.float(), 2 * EDGE + 1, stride=1, padding=EDGE) > 0
    others = cores.any(0)[None] & ~cores
    return reach & ~others


def connected(where: Bool[Tensor, "H W"]) -> Int[Tensor, "H W"]:
    """A number above 0 for each connected part, 0 elsewhere.

    Runs of pixels along the rows take the number of what they touch in the row above.
    """
    edges = F.pad(where.int(), (1, 1)).diff(dim=1)
    starts, ends = (edges == 1).nonzero().tolist(), (edges == -1).nonzero()[:, 1].tolist()
    runs = [(row, left, right) for (row, left), right in zip(starts, ends, strict=True)]
    parents = list(range(len(runs)))
    above: list[int] = []
    same: list[int] = []
    for index, (row, left, right) in enumerate(runs):
        if index and row != runs[index - 1][0]:
            above, same = (same if row == runs[index - 1][0] + 1 else []), []
        for other in above:
            if runs[other][1] <= right and left <= runs[other][2]:  # corners touch too
                parents[_first(parents, other)] = _first(parents, index)
        same.append(index)
    numbers = torch.zeros(where.shape, dtype=torch.long)
    for index, (row, left, right) in enumerate(runs):
        numbers[row, left:right] = _first(parents, index) + 1
    return numbers


def _first(parents: list[int], index: int) -> int:
    """The run that stands for all that hang together with this one; the way to it is shortened."""
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index
