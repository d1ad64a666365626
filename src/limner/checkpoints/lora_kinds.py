"""The kinds of adapters in LoRA files, by the pieces that a file has of a module, and what each is.

The letters of LyCORIS: `hada_` LoHa, `lokr_` LoKr, `lora_mid` a convolution in three, `diff` the
whole difference, `dora_scale` DoRA on top of any of them, `oft_blocks` OFT and BOFT, `a1`, `b1`
GLoRA, `on_input` IA3. peft's own: `oft_R`, `boft_R`, `lora_magnitude_vector`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from limner.checkpoints.lora_settings import Cayley
from limner.errors import CheckpointError
from limner.nn.differences import cp, decomposed, generalised, hadamard, kronecker, rotated, scaled
from limner.nn.offsets import Offset
from limner.nn.turns import cayley_turns, turned, turns

# How the key of a tensor ends: the piece's name is the group, or what stands beside it.
ENDINGS: tuple[tuple[re.Pattern[str], Mapping[str, str]], ...] = (
    (re.compile(r"(?:\.lora_|_lora\.|\.lora\.|\.lora_linear_layer\.)(down|up)(?:\.weight)?$"), {}),
    (re.compile(r"\.lora_(?:B|up)\.(?:[^.]+\.)?(bias)$"), {"bias": "up_bias"}),
    (
        re.compile(r"\.lora_(A|B)(?:\.(?!weight$|bias$)[^.]+)?(?:\.weight)?$"),
        {"A": "down", "B": "up"},
    ),
    (re.compile(r"\.lora_(mid)\.weight$"), {}),
    (re.compile(r"\.(alpha|scalar|diff|dora_scale|rescale|oft_blocks|ia3|on_input)$"), {}),
    (re.compile(r"\.([ab][12]|bm)\.weight$"), {}),
    (re.compile(r"\.(oft_R|boft_R|boft_s)(?:\.(?!weight$)[^.]+)?(?:\.weight)?$"), {}),
    (re.compile(r"\.(diff_b|w_norm|b_norm)$"), {"diff_b": "bias", "b_norm": "bias"}),
    (re.compile(r"\.(hada_[wt]\d(?:_[ab])?|lokr_[wt]\d(?:_[ab])?)$"), {}),
    (
        re.compile(r"\.(lora_magnitude_vector)(?:\.(?!weight$)[^.]+)?(?:\.weight)?$"),
        {"lora_magnitude_vector": "magnitude"},
    ),
)
BESIDE = frozenset(
    {"alpha", "scalar", "dora_scale", "magnitude", "rescale"}
)  # say more of a difference
VECTORS = frozenset({"bias", "w_norm"})  # of biases and norms
LOW_RANK = frozenset({"down", "up", "alpha"})
# Kinds that are not read, by what their keys hold.
UNSUPPORTED = {
    r"\.set_weight$": "weights in place of the model's",
    r"\.ia3_": "peft's IA3",
    r"\.lambda_layer$": "T-LoRA, of whose difference a part is not in its file",
    r"\.(vera_lambda|hra_|randlora_|fourierft_|c3a_|shira_|road_|miss_|waveft_|hira_|gralora_)": (
        "a kind of peft's"
    ),
}


def split(key: str) -> tuple[str, str | None]:
    """What a key says of: the module, as the file spells it, and which piece of its update."""
    for pattern, names in ENDINGS:
        if (found := pattern.search(key)) is not None:
            return key[: found.start()], names.get(found[1], found[1])
    return key, None


def given_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with those of LyCORIS's IA3 called so: its `weight` would be of anything."""
    ends = ".on_input"
    ours = {f"{key.removesuffix(ends)}.weight" for key in tensors if key.endswith(ends)}
    return {
        f"{key.removesuffix('.weight')}.ia3" if key in ours else key: tensor
        for key, tensor in tensors.items()
    }


def is_low_rank(pieces: Mapping[str, Tensor]) -> bool:
    """Whether an update is a plain low-rank one, which is kept as its two matrices."""
    return pieces.keys() <= LOW_RANK


def rank_of(pieces: Mapping[str, Tensor]) -> int | None:
    """The rank that alpha is divided by; None for kinds without one."""
    for piece in ("down", "hada_w1_b", "lokr_w1_b", "lokr_w2_b", "b2"):
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
    name: str,
    pieces: Mapping[str, Tensor],
    weight: Tensor,
    scale: float,
    constraint: float,
    cayley: Cayley,
) -> Tensor:
    """dW of a module with this weight in fp32, of any kind.

    scale: alpha / rank. constraint: alpha itself, which is of a rotation's. cayley: of peft's
    rotations. Raises CheckpointError where pieces are missing or of other shapes.
    """
    own = weight.detach().float().cpu()
    floats = {piece: tensor.float() for piece, tensor in pieces.items()}
    try:
        if "oft_blocks" in floats:
            limit = constraint * len(own)
            return rotated(own, floats["oft_blocks"], floats.get("rescale"), limit)
        if "oft_R" in floats:
            return turned(own, turns(floats["oft_R"], cayley.terms, cayley.most))
        if "boft_R" in floats:
            return _turned_once(own, floats["boft_R"], floats["boft_s"])
        if "ia3" in floats:
            return scaled(own, floats["ia3"], of_inputs=bool(floats["on_input"]))
        if "a1" in floats:
            return scale * generalised(own, floats["a1"], floats["a2"], _second(floats))
        product = scale * _product(floats).reshape(own.shape) * floats.get("scalar", 1.0)
        magnitude = floats.get("dora_scale")
        if "magnitude" in floats:  # peft's, which is of outputs in whatever shape it lies
            magnitude = floats["magnitude"].flatten()
        return product if magnitude is None else decomposed(own, product, magnitude)
    except KeyError as error:
        raise CheckpointError(f"{name} has no {error.args[0]}") from None
    except (RuntimeError, ValueError, IndexError):  # shapes that do not go together
        shapes = {piece: tuple(tensor.shape) for piece, tensor in pieces.items()}
        raise CheckpointError(
            f"a LoRA for another model: {name} has weights of {tuple(own.shape)} here, the file "
            f"has {shapes}"
        ) from None


def _turned_once(weight: Tensor, blocks: Tensor, lengths: Tensor) -> Tensor:
    """peft's BOFT of one stage, which is what it makes where it has no CUDA."""
    if len(blocks) != 1:
        raise CheckpointError(f"this is BOFT of {len(blocks)} stages in peft's order: 1 is right")
    stretched = lengths.reshape(-1, *[1] * (weight.ndim - 1))
    return (turned(weight, cayley_turns(blocks[0])) + weight) * stretched - weight


def _second(pieces: Mapping[str, Tensor]) -> Tensor:
    """GLoRA's part that does not go by the weight."""
    if "bm" in pieces:
        return cp(pieces["b1"], pieces["bm"], pieces["b2"])
    return pieces["b1"].flatten(1) @ pieces["b2"].flatten(1)


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
