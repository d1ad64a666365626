"""Numbers that compare pictures: accuracies, distances between sets, nearest neighbours.

All distances are taken in the features of whatever network the caller chose. They are not FID or
KID, which mean the features of one Inception network, and are not to be compared with those.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limner.errors import UsageError


class Nearest(NamedTuple):
    """distances: (N,) cosine distance, 0 (same direction) to 2. indices: (N,) into the bank."""

    distances: Float[Tensor, "N"]
    indices: Int[Tensor, "N"]


def top_k_hits(
    logits: Float[Tensor, "N K"], labels: Int[Tensor, "N"], k: int = 1
) -> Bool[Tensor, "N"]:
    """Whether the label is among the k highest logits; all of them if there are fewer than k."""
    best = logits.topk(min(k, logits.shape[1]), dim=1).indices
    return (best == labels[:, None]).any(dim=1)


def frechet_distance(a: Float[Tensor, "N D"], b: Float[Tensor, "M E"]) -> float:
    """|mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of the Gaussians fitted to two sets.

    Source: Dowson and Landau 1982; Heusel et al. 2017, eq. 6. Computed in fp64 in the symmetric
    form tr (S_a^(1/2) S_b S_a^(1/2))^(1/2), whose eigenvalues are real where S_a S_b's only should
    be. Its bias depends on the number of samples: compare equal counts only.
    """
    _same_width(a, b)
    a, b = a.double(), b.double()
    covariance_a, covariance_b = (torch.atleast_2d(torch.cov(x.mT)) for x in (a, b))
    root_a = _square_root(covariance_a)
    product = torch.linalg.eigvalsh(root_a @ covariance_b @ root_a)
    shared = product.clamp(min=0).sqrt().sum()
    means = (a.mean(0) - b.mean(0)).square().sum()
    return (means + covariance_a.trace() + covariance_b.trace() - 2 * shared).item()


def kernel_distance(a: Float[Tensor, "N D"], b: Float[Tensor, "M E"]) -> float:
    """The unbiased squared maximum mean discrepancy with k(x, y) = (x.y / D + 1)^3.

    Source: Binkowski et al. 2018, section 4; Gretton et al. 2012, eq. 3. Its expectation does not
    depend on the number of samples; it may fall below zero for sets that are alike.
    """
    _same_width(a, b)
    a, b = a.double(), b.double()
    within_a, within_b, across = (_kernel(x, y) for x, y in ((a, a), (b, b), (a, b)))
    return (_mean_off_diagonal(within_a) + _mean_off_diagonal(within_b) - 2 * across.mean()).item()


def psnr(a: Float[Tensor, "N C H W"], b: Float[Tensor, "N C H W"]) -> float:
    """Peak signal-to-noise ratio in dB, the mean over pictures in [-1, 1] (a range of 2)."""
    errors = (a - b).square().mean(dim=(1, 2, 3)).clamp_min(1e-12)
    return (10 * torch.log10(4 / errors)).mean().item()


def nearest(features: Float[Tensor, "N D"], bank: Float[Tensor, "M D"]) -> Nearest:
    """For each row the row of the bank in the most similar direction."""
    similarity = F.normalize(features, dim=1) @ F.normalize(bank, dim=1).mT
    best, indices = similarity.max(dim=1)
    return Nearest(distances=1 - best, indices=indices)


def _square_root(symmetric: Float[Tensor, "D D"]) -> Float[Tensor, "D D"]:
    values, vectors = torch.linalg.eigh(symmetric)
    return vectors * values.clamp(min=0).sqrt() @ vectors.mT


def _kernel(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> Float[Tensor, "N M"]:
    return (x @ y.mT / x.shape[1] + 1) ** 3


def _mean_off_diagonal(square: Float[Tensor, "N N"]) -> Float[Tensor, ""]:
    count = len(square)
    return (square.sum() - square.trace()) / (count * (count - 1))


def _same_width(a: Tensor, b: Tensor) -> None:
    if min(len(a), len(b)) < 2:
        raise UsageError(f"a distance between sets needs 2 of each, not {len(a)} and {len(b)}")
    if a.shape[1] != b.shape[1]:
        raise UsageError(f"features of width {a.shape[1]} and {b.shape[1]} cannot be compared")
