"""PAD masks: which tokens of a length-normalised prompt may be attended to."""

from __future__ import annotations

from enum import Enum

from jaxtyping import Bool, Int
from torch import Tensor


class PadMask(Enum):
    """Three policies for the padding of a prompt (lecture eq. 8-10).

    NONE: every token may be attended to. Stable Diffusion was trained so and runs so.
    PAD: all up to and with the first EOS. What transformers' tokenizer makes.
    STRICT: the lecture's a_i = [t_i != PAD] as written; where PAD is EOS, the EOS is masked too.
    """

    NONE = "none"
    PAD = "pad"
    STRICT = "strict"


def pad_mask(
    ids: Int[Tensor, "B L"], policy: PadMask, *, end: int, pad: int
) -> Bool[Tensor, "B L"] | None:
    """MaskPAD (lecture eq. 8-10): (B, L), True where a token may be attended to; None: all may.

    ids: token ids after length normalisation; end, pad: the ids of EOS and PAD.
    The text tower combines it with its causal mask (lecture eq. 55-57).
    """
    match policy:
        case PadMask.NONE:
            return None
        case PadMask.STRICT:
            return ids != pad
        case PadMask.PAD:
            ends = (ids == end).long()
            return ends.cumsum(dim=1) == ends  # no EOS strictly before this token, save itself
