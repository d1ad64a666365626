"""What stays the same from step to step is computed once: keys and values of the text, times.

Exact: what is given again is what was computed, to the bit.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Kept(NamedTuple):
    """An output, the input that it belongs to, and the weights that it was computed with.

    Keeping the weights' memory keeps its address from being given to others.
    """

    source: weakref.ref[Tensor]
    weights: tuple[Tensor, ...]
    stamp: tuple[object, ...]
    output: Tensor


class Memory:
    """The last outputs of a module, by the identity of its input.

    An output is kept as long as its input lives and the module's weights are as they were. Nothing
    is kept where gradients are taken, or where the module or a part of it has forward hooks. The
    input must not be changed in place. A copy of a memory is empty.
    """

    def __init__(self, most: int = 4) -> None:
        self.most = most
        self._kept: dict[int, Kept] = {}

    def __call__(
        self, module: nn.Module, source: Tensor, compute: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """compute(source), of which `module` holds the weights."""
        if torch.is_grad_enabled() or any(part._forward_hooks for part in module.modules()):
            return compute(source)
        now = stamp(module)
        kept = self._kept.get(id(source))
        if kept is not None and kept.source() is source and kept.stamp == now:
            return kept.output
        output = compute(source)
        weights = tuple(weight.detach() for weight in module.parameters())
        self._keep(id(source), Kept(weakref.ref(source), weights, now, output))
        return output

    def _keep(self, key: int, kept: Kept) -> None:
        alive = {k: v for k, v in self._kept.items() if v.source() is not None and k != key}
        oldest = list(alive)[: max(0, len(alive) + 1 - self.most)]
        self._kept = {k: v for k, v in alive.items() if k not in oldest} | {key: kept}

    def __reduce__(self) -> tuple[type[Memory], tuple[int]]:
        return Memory, (self.most,)


class ContextLinear(nn.Linear):
    """A linear layer of the text, which is the same at every step of a picture."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.memory = Memory()

    def forward(self, input: Tensor) -> Tensor:
        return self.memory(self, input, super().forward)


def stamp(module: nn.Module) -> tuple[object, ...]:
    """Equal as long as a module's weights have not been replaced or written to.

    Tensors made in inference mode do not count what is written to them: of these it equals nothing.
    """
    return tuple(
        object()
        if weight.is_inference()
        else (weight.data_ptr(), weight.dtype, weight.device, weight._version)
        for weight in module.parameters()
    )
