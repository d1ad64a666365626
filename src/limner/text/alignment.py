"""Which token of an edited prompt stands where which of the original one stood."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Alignment:
    """How attention to the original's tokens becomes attention to the edited prompt's.

    shares: [i, j] is the part of what attends to the original's token i that goes to token j; each
    row sums to 1. fresh: the edited prompt's tokens that stand for none of the original's.
    """

    shares: Float[Tensor, "L M"]
    fresh: Bool[Tensor, "M"]


def filled(ids: Int[Tensor, "L"], length: int) -> Int[Tensor, "M"]:
    """The ids of a prompt that was drawn out to `length` tokens; a number of their own for those.

    Of a prompt that a weighting drew out, or that was put beside a longer one.
    """
    behind = torch.full((length - len(ids),), -1, dtype=ids.dtype)
    return torch.cat([ids, behind])


def aligned(original: Int[Tensor, "L"], edited: Int[Tensor, "M"]) -> Alignment:
    """The alignment of two prompts' token ids.

    Tokens that both have keep their attention. What replaces others shares theirs evenly (word swap
    in Hertz et al. 2022, "Prompt-to-Prompt", section 3.2). What attended to tokens that are gone
    goes to the token that took their place.
    """
    shares = torch.zeros(len(original), len(edited))
    fresh = torch.zeros(len(edited), dtype=torch.bool)
    matcher = SequenceMatcher(None, original.tolist(), edited.tolist(), autojunk=False)
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        if kind == "equal":
            shares[a:a_end, b:b_end] = torch.eye(a_end - a)
        elif kind == "replace":
            shares[a:a_end, b:b_end] = 1 / (b_end - b)
        elif kind == "delete":
            shares[a:a_end, min(b, len(edited) - 1)] = 1
        else:
            fresh[b:b_end] = True
    return Alignment(shares, fresh)
