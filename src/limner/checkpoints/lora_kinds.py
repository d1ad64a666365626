"""The kinds of adapters in LoRA files, by the pieces that a file has of a module, and what each is.

The letters of LyCORIS: `hada_` LoHa, `lokr_` LoKr, `lora_mid` a convolution in three, `diff` the
whole difference, `dora_scale` DoRA on top of any of them, `oft_blocks` OFT and BOFT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from limner.errors import CheckpointError
from limner.nn.differences import cp, decomposed, hadamard, kronecker, rotated
from limner.nn.offsets import Offset

# How the key of a tensor ends: the piece's name is the group, or what stands beside it.
ENDINGS: tuple[tuple[re.Pattern[str], Mapping[str, str]], ...] = (
    (re.compile(r"(?:\.lora_|_lora\.|\.lora\.|\.lora_linear_layer\.)(down|up)(?:\.weight)?$"), {}),
    (
        re.compile(r"\.lora_(A|B)(?:\.(?!weight$|bias$)[^.]+)?(?:\.weight)?$"),
        {"A": "down", "B": "up"},
    ),
    (re.compile(r"\.lora_(mid)\.weight$"), {}),
    (re.compile(r"\.(alpha|scalar|diff|dora_scale|rescale|oft_blocks)$"), {}),
    (re.compile(r"\.(diff_b|w_norm|b_norm)$"), {"diff_b": "bias", "b_norm": "bias"}),
    (re.compile(r"\.(hada_[wt]\d(?:_[ab])?|lokr_[wt]\d(?:_[ab])?)$"), {}),
    (
        re.compile(r"\.(lora_magnitude_vector)(?:\.(?!weight$)[^.]+)?(?:\.weight)?$"),
        {"lora_magnitude_vector": "dora_scale"},
    ),
)
BESIDE = frozenset({"alpha", "scalar", "dora_scale", "rescale"})  # say more of a difference
VECTORS = frozenset({"bias", "w_norm"})  # of biases and norms
LOW_RANK = frozenset({"down", "up", "alpha"})
# Kinds that are not read, by what their keys hold.
UNSUPPORTED = {
    r"(^|\.)oft_R\b": "peft's OFT",
    r"\.set_weight$": "weights in place of the model's",
    r"\.lora_(B|up)\.(.*\.)?bias$": "LoRA with biases",
    r"\.[ab][12]\.weight$": "GLoRA",
    r"\.on_input$|\.ia3_": "IA3",
}


def split(key: str) -> tuple[str, str | None]:
    """What a key says of: the module, as the file spells it, and which piece of its update."""
    for pattern, names in ENDINGS:
        if (found := pattern.search(key)) is not None:
            return key[: found.start()], names.get(found[1], found[1])
    return key, None


def is_low_rank(pieces: Mapping[str, Tensor]) -> bool:
    """Whether an update is a plain low-rank one, which is kept as its two matrices."""
    return pieces.keys() <= LOW_RANK


def rank_of(pieces: Mapping[str, Tensor]) -> int | None:
    """The rank that alpha is divided by; None for kinds without one."""
    for piece in ("down", "hada_w1_b", "lokr_w1_b", "lokr_w2_b"):
        if piece in pieces:
            return len(pieces[piece])
    return None


def offset_of(name: str, pieces: Mapping[str, Tensor], module: nn.Module) -> Offset | None:
    """What is added to the vectors of a module; None for nothing. A norm's `diff` is its scale's.

    Raises CheckpointError where it has no such vectors.
    """
    norm = isinstance(module, nn.LayerNorm | nn.GroupNorm)
    scale = pieces.get("w_norm", pieces.get("diff") if norm else None)
    if scale is None and "bias" not in pieces:
        return None
    found = Offset(weight=scale, bias=pieces.get("bias"))
    if (scale is not None and not norm) or not found.fits(module):
        shapes = {piece: tuple(tensor.shape) for piece, tensor in pieces.items()}
        raise CheckpointError(f"a LoRA for another model: {name} has no vectors of {shapes}")
    return found


def difference(
    name: str, pieces: Mapping[str, Tensor], weight: Tensor, scale: float, constraint: float
) -> Tensor:
    """dW of a module with this weight in fp32, of any kind.

    scale: alpha / rank. constraint: alpha itself, which is of a rotation's. Raises CheckpointError
    where pieces are missing or of other shapes.
    """
    own = weight.detach().float().cpu()
    floats = {piece: tensor.float() for piece, tensor in pieces.items()}
    try:
        if "oft_blocks" in floats:
            limit = constraint * len(own)
            return rotated(own, floats["oft_blocks"], floats.get("rescale"), limit)
        product = scale * _product(floats).reshape(own.shape) * floats.get("scalar", 1.0)
        magnitude = floats.get("dora_scale")
        return product if magnitude is None else decomposed(own, product, magnitude)
    except KeyError as error:
        raise CheckpointError(f"{name} has no {error.args[0]}") from None
    except (RuntimeError, ValueError, IndexError):  # shapes that do not go together
        shapes = {piece: tuple(tensor.shape) for piece, tensor in pieces.items()}
        raise CheckpointError(
            f"a LoRA for another model: {name} has weights of {tuple(own.shape)} here, the file "
            f"has {shapes}"
        ) from None


def _product(pieces: Mapping[str, Tensor]) -> Tensor:
    """dW before its scale, in any shape with the weight's numbers in order."""
    kinds = {piece.split("_")[0] for piece in pieces.keys() - BESIDE}
    if "diff" in kinds:
        return pieces["diff"]
    if "hada" in kinds:
        first = pieces["hada_w1_a"], pieces["hada_w1_b"]
        second = pieces["hada_w2_a"], pieces["hada_w2_b"]
        has_cores = "hada_t1" in pieces or "hada_t2" in pieces
        cores = (pieces["hada_t1"], pieces["hada_t2"]) if has_cores else None
        return hadamard(first, second, cores)
    if "lokr" in kinds:
        return kronecker(_factor(pieces, "lokr_w1"), _factor(pieces, "lokr_w2"))
    up, down = pieces["up"], pieces["down"]
    if "mid" in pieces:
        return cp(up, pieces["mid"], down)
    return up.flatten(1) @ down.flatten(1)


def _factor(pieces: Mapping[str, Tensor], factor: str) -> Tensor:
    """A factor of LoKr: whole, of two matrices, or of two and a core."""
    if factor in pieces:
        return pieces[factor]
    first, second = pieces[f"{factor}_a"], pieces[f"{factor}_b"]
    core = pieces.get(factor.replace("w", "t"))
    if core is None:
        return first @ second
    return torch.einsum("pq...,po,qi->oi...", core, first, second)
