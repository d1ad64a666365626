"""Prompts to conditioning: tokenizer, PAD mask and text tower in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from limner.errors import UsageError
from limner.text.masks import PadMask, pad_mask
from limner.text.tokenizer import Tokenizer
from limner.types import Conditioning


@runtime_checkable
class States(Protocol):
    """What a text tower returns: see `limner.models.clip_states.TextStates`."""

    @property
    def hidden(self) -> tuple[Tensor, ...]: ...
    @property
    def last(self) -> Tensor: ...
    @property
    def pooled(self) -> Tensor: ...
    @property
    def projected(self) -> Tensor | None: ...


@runtime_checkable
class TowerConfig(Protocol):
    @property
    def end(self) -> int: ...


@runtime_checkable
class Tower(Protocol):
    """A text tower: `TextTower`, `BagOfWords`, or any model called in the same way."""

    @property
    def config(self) -> TowerConfig: ...

    def __call__(
        self, ids: Int[Tensor, "B L"], mask: Bool[Tensor, "B L"] | None = None
    ) -> States: ...

    def final_norm(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B L D"]: ...

    def parameters(self) -> Iterator[nn.Parameter]: ...


@dataclass(frozen=True)
class TextEncoder:
    """TextEncoderNN after its tokenizer: prompts in, conditioning out. Gradients flow.

    pad_mask: which padding the tower may attend to.
    clip_skip: which layer's output is the context, counted from the last: 1 the last, 2 the one
    before it (Stable Diffusion 2 and SDXL).
    final_norm: whether the context has had the final LayerNorm; SDXL's has not.
    """

    tokenizer: Tokenizer
    tower: Tower
    pad_mask: PadMask = PadMask.NONE
    clip_skip: int = 1
    final_norm: bool = True

    def __post_init__(self) -> None:
        if self.tower.config.end != self.tokenizer.end:  # the pooled state would be the wrong one
            raise UsageError(
                f"the text tower's end must be the tokenizer's, {self.tokenizer.end}, "
                f"not {self.tower.config.end}"
            )
        if self.clip_skip < 1:
            raise UsageError(f"clip_skip must be at least 1 (the last layer), not {self.clip_skip}")

    def __call__(self, prompts: Sequence[str]) -> Conditioning:
        """Context (B, L, D) of each prompt, its PAD mask, and one pooled vector (B, P) a prompt."""
        return self.encode(self.tokenizer(prompts))

    def with_clip_skip(self, clip_skip: int) -> TextEncoder:
        """The same with the context of another layer."""
        return replace(self, clip_skip=clip_skip)

    @property
    def encoders(self) -> tuple[TextEncoder]:
        """Itself: what a `JointEncoder` has two of."""
        return (self,)

    def encode(
        self, ids: Int[Tensor, "B L"], hidden: Bool[Tensor, "B L"] | None = None
    ) -> Conditioning:
        """As a call, of token ids that are normalised already; moved to the tower's device.

        hidden: True where the tower shall not attend to a token beside its padding; the mask that
        comes out is that of the padding alone.
        pooled is the projected state of EOS where the tower has a projection, else the state.
        """
        ids = ids.to(next(self.tower.parameters()).device)
        mask = pad_mask(ids, self.pad_mask, end=self.tokenizer.end, pad=self.tokenizer.pad)
        hidden = None if hidden is None else hidden.to(ids.device)
        states = self.tower(ids, _without(mask, hidden))
        pooled = states.pooled if states.projected is None else states.projected
        return Conditioning(context=self._context(states), mask=mask, pooled=pooled)

    def _context(self, states: States) -> Float[Tensor, "B L D"]:
        if self.clip_skip > len(states.hidden):
            raise UsageError(
                f"clip_skip must be at most {len(states.hidden)} for this text tower, "
                f"not {self.clip_skip}"
            )
        if self.final_norm and self.clip_skip == 1:
            return states.last
        state = states.hidden[-self.clip_skip]
        return self.tower.final_norm(state) if self.final_norm else state


def _without(
    mask: Bool[Tensor, "B L"] | None, hidden: Bool[Tensor, "B L"] | None
) -> Bool[Tensor, "B L"] | None:
    """What may be attended to, less what is hidden."""
    if hidden is None:
        return mask
    return ~hidden if mask is None else mask & ~hidden
