"""What the kinds of adapters beside low rank say of a weight W: the difference dW, dense.

LyCORIS's kinds (Yeh et al. 2024) and DoRA. Each file's pieces give dW once; what paints with it
adds `weight * dW`, whatever the kind, so that it comes off to the bit.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from limner.nn.adapter import LowRank

Weight = Float[Tensor, "out in ..."]


def as_low_rank(difference: Weight) -> LowRank:
    """A dense dW as `Adapter` takes it: dW and the unit matrix, whose product is dW to the bit."""
    unit = torch.eye(len(difference), dtype=difference.dtype, device=difference.device)
    return LowRank(down=difference, up=unit.reshape(*unit.shape, *[1] * (difference.ndim - 2)))


def cp(up: Tensor, mid: Tensor, down: Tensor) -> Tensor:
    """A convolution in three: 1 x 1 down, k x k between the ranks, 1 x 1 up (LoCon's Tucker form).

    up (out, r, 1, 1), mid (r, q, k, k), down (q, in, 1, 1) -> (out, in, k, k).
    """
    return torch.einsum("pq...,op,qi->oi...", mid, up.flatten(1), down.flatten(1))


def hadamard(
    first: tuple[Tensor, Tensor],
    second: tuple[Tensor, Tensor],
    cores: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """(A1 B1) * (A2 B2), elementwise (FedPara, Hyeon-Woo et al. 2022, eq. 2: LoHa).

    A (out, r), B (r, in). With cores (r, r, k, k) A is (r, out), and each product has a core's
    kernel.
    """
    if cores is None:
        return (first[0] @ first[1]) * (second[0] @ second[1])
    products = [
        torch.einsum("pq...,po,qi->oi...", core, a, b)
        for core, (a, b) in zip(cores, (first, second), strict=True)
    ]
    return products[0] * products[1]


def kronecker(first: Tensor, second: Tensor) -> Tensor:
    """first (a, b) (x) second (c, d, ...) -> (a c, b d, ...) (KronA, Edalati et al. 2022: LoKr)."""
    widened = first.reshape(*first.shape, *[1] * (second.ndim - first.ndim))
    return torch.kron(widened, second.contiguous())


def decomposed(weight: Weight, difference: Weight, magnitude: Tensor) -> Tensor:
    """DoRA (Liu et al. 2024, eq. 5): W + dW in its directions, with learned lengths; minus W.

    magnitude: (out, 1, ...) or (out,) of each output, (1, in, ...) of each input.
    """
    whole = weight + difference
    of_inputs = magnitude.ndim > 1 and len(magnitude) == 1 and magnitude.shape[1] == whole.shape[1]
    axes = [axis for axis in range(whole.ndim) if axis != (1 if of_inputs else 0)]
    lengths = torch.linalg.vector_norm(whole, dim=axes, keepdim=True)
    return whole * (magnitude.reshape(lengths.shape) / lengths.clamp(min=1e-12)) - weight


def scaled(weight: Weight, factors: Tensor, *, of_inputs: bool) -> Weight:
    """IA3 (Liu et al. 2022): each output, or each input, is scaled by 1 + its factor; minus W."""
    shape = [1] * weight.ndim
    shape[1 if of_inputs else 0] = -1
    return weight * factors.reshape(shape)


def generalised(weight: Weight, first: Tensor, second: Tensor, added: Tensor) -> Weight:
    """GLoRA (Chavan et al. 2023): W A1 A2 + B; first (in, r), second (r, in), added B, as W."""
    through = torch.einsum("oi...,ij,jk->ok...", weight, first.flatten(1), second.flatten(1))
    return through + added.reshape(weight.shape)


def rotated(
    weight: Weight, blocks: Tensor, rescale: Tensor | None = None, constraint: float = 0.0
) -> Tensor:
    """OFT and BOFT (Qiu et al. 2023, Liu et al. 2024): rotations of groups of outputs; minus W.

    blocks: (n, s, s), n groups of s outputs each; (m, n, s, s): m such stages, in a butterfly's
    order. Their differences from their transposes are skew, so that Cayley's map of them is a
    rotation. rescale: (out, 1, ...). constraint: the most that the blocks' norm may be, 0: any.
    """
    turns = _cayley(blocks, constraint)
    whole = weight
    if blocks.ndim == 3:
        groups = weight.reshape(*turns.shape[:2], *weight.shape[1:])
        whole = torch.einsum("gnm,gn...->gm...", turns, groups).reshape(weight.shape)
    else:
        for stage, turn in enumerate(turns):
            whole = _butterfly(whole, turn, 2**stage * (turn.shape[-1] // 2))
    return (whole if rescale is None else rescale * whole) - weight


def _cayley(blocks: Tensor, constraint: float) -> Tensor:
    """(I + Q)(I - Q)^-1 with Q = blocks - blocks^T."""
    unit = torch.eye(blocks.shape[-1], dtype=blocks.dtype, device=blocks.device)
    skew = blocks - blocks.transpose(-1, -2)
    norm = torch.linalg.vector_norm(skew) + 1e-8
    if 0 < constraint < norm:
        skew = skew * constraint / norm
    return (unit + skew) @ torch.linalg.inv(unit - skew)


def _butterfly(weight: Tensor, turn: Tensor, stride: int) -> Tensor:
    """One stage: outputs that are `stride` apart are turned together."""
    rest = weight.shape[1:]
    paired = weight.reshape(-1, 2, stride, *rest).transpose(1, 2)
    groups = paired.reshape(-1, turn.shape[-1], *rest)
    turned = torch.einsum("gij,gj...->gi...", turn, groups)
    return turned.reshape(-1, stride, 2, *rest).transpose(1, 2).reshape(weight.shape)
