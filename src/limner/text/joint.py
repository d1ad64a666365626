"""Two text encoders side by side, as SDXL has them (Podell et al. 2023, section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from limner.errors import UsageError
from limner.text.encode import TextEncoder
from limner.types import Conditioning


@dataclass(frozen=True)
class JointEncoder:
    """Prompts in, conditioning out, called as a `TextEncoder` is.

    The context of a token is that of both towers in a row, (B, L, D1 + D2); pooled is the second's.
    """

    first: TextEncoder
    second: TextEncoder

    def __post_init__(self) -> None:
        lengths = self.first.tokenizer.length, self.second.tokenizer.length
        if lengths[0] != lengths[1]:
            raise UsageError(f"two text encoders side by side take one length, not {lengths}")

    def __call__(self, prompts: Sequence[str]) -> Conditioning:
        """Context (B, L, D1 + D2) of each prompt, its PAD mask, one pooled vector (B, P) a prompt.

        The mask is the first's: padding begins at the same token for both.
        """
        return side_by_side(self.first(prompts), self.second(prompts))

    @property
    def encoders(self) -> tuple[TextEncoder, TextEncoder]:
        """Both, in the order of their widths in the context."""
        return self.first, self.second

    def with_clip_skip(self, clip_skip: int) -> JointEncoder:
        """The same with the context of another layer, in both towers."""
        return JointEncoder(
            self.first.with_clip_skip(clip_skip), self.second.with_clip_skip(clip_skip)
        )


def side_by_side(first: Conditioning, second: Conditioning) -> Conditioning:
    """What two text encoders make of one prompt, as one conditioning.

    Raises UsageError where their tokens do not lie side by side.
    """
    lengths = first.context.shape[1], second.context.shape[1]
    if lengths[0] != lengths[1]:
        raise UsageError(
            f"two text encoders side by side must make as many tokens each of a prompt, "
            f"not {lengths[0]} and {lengths[1]}"
        )
    context = torch.cat([first.context, second.context], dim=-1)
    return Conditioning(context=context, mask=first.mask, pooled=second.pooled)
