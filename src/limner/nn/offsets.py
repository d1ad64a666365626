"""Adapters that change vectors too: biases, and the weights of norms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from limner.errors import UsageError
from limner.nn.adapter import Adaptable, Adapter, LowRank

Norm = nn.LayerNorm | nn.GroupNorm
KEPT = "_merged_offsets"  # the name under which a module keeps what is merged into its vectors


@dataclass(frozen=True, kw_only=True)
class Offset:
    """What is added to a module's vectors. weight: of a norm's scale; bias: of its bias."""

    weight: Float[Tensor, "D"] | None = None
    bias: Float[Tensor, "D"] | None = None

    @property
    def vectors(self) -> dict[str, Tensor]:
        found = {"weight": self.weight, "bias": self.bias}
        return {name: vector for name, vector in found.items() if vector is not None}

    def fits(self, module: nn.Module) -> bool:
        """Whether the module has such vectors."""
        own = {name: getattr(module, name) for name in self.vectors}
        return all(
            own[name] is not None and own[name].shape == vector.shape
            for name, vector in self.vectors.items()
        )

    def beside(self, module: nn.Module, x: Tensor, output: Tensor) -> Tensor:
        """What it changes in the module's output for x."""
        added = torch.zeros_like(output)
        if self.weight is not None:
            scale = self.weight.to(output)
            if isinstance(module, nn.GroupNorm):
                added = F.group_norm(x, module.num_groups, scale, None, module.eps)
            elif isinstance(module, nn.LayerNorm):
                added = F.layer_norm(x, module.normalized_shape, scale, None, module.eps)
        if self.bias is not None:
            of_channels = isinstance(module, nn.GroupNorm | nn.Conv2d)
            after = [1] * (output.ndim - 2) if of_channels else []
            added = added + self.bias.to(output).reshape(-1, *after)
        return added


class WholeAdapter(Adapter):
    """An adapter with offsets of vectors beside its updates; it comes and goes as one.

    Raises UsageError where an offset is not of its module's shapes.
    """

    def __init__(
        self,
        updates: Mapping[Adaptable, LowRank],
        weight: float = 1.0,
        offsets: Mapping[nn.Module, Offset] | None = None,
    ) -> None:
        super().__init__(updates, weight)
        self.offsets = dict(offsets or {})
        for module, offset in self.offsets.items():
            if not offset.fits(module):
                shapes = {name: tuple(v.shape) for name, v in offset.vectors.items()}
                raise UsageError(f"an offset of {shapes} does not fit {type(module).__name__}")
        self._beside: list[RemovableHandle] = []

    @property
    def weight(self) -> float:
        """What the updates and offsets are multiplied by."""
        return self._weight

    @weight.setter
    def weight(self, weight: float) -> None:
        Adapter.weight.fset(self, weight)  # type: ignore[attr-defined]
        for module in self.offsets:
            if self in _kept(module).adapters:
                _write(module)

    @property
    def attached(self) -> bool:
        return bool(self._beside) or super().attached

    def attach(self) -> None:
        """As `Adapter.attach`, the offsets beside the modules too."""
        super().attach()
        for module in self.offsets:
            self._beside.append(module.register_forward_hook(self._shift))

    def merge(self) -> None:
        """As `Adapter.merge`, the offsets into the vectors."""
        super().merge()
        for module, offset in self.offsets.items():
            kept = vars(module).setdefault(KEPT, _Kept())
            for name in offset.vectors:
                kept.originals.setdefault(name, getattr(module, name).data)
            kept.adapters.append(self)
            _write(module)

    def detach(self) -> None:
        """As `Adapter.detach`; every vector is as it was, to the bit."""
        super().detach()
        for hook in self._beside:
            hook.remove()
        self._beside.clear()
        for module in self.offsets:
            if self in (kept := _kept(module)).adapters:
                kept.adapters.remove(self)
                _write(module)

    def _shift(self, module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        added = self.offsets[module].beside(module, inputs[0], output)
        return torch.add(output, added, alpha=self._weight)


@dataclass
class _Kept:
    """The vectors of a module as they were, and the adapters whose offsets are in them."""

    originals: dict[str, Tensor] = field(default_factory=dict)
    adapters: list[WholeAdapter] = field(default_factory=list)


def _kept(module: nn.Module) -> _Kept:
    return vars(module).get(KEPT) or _Kept()


@torch.no_grad()
def _write(module: nn.Module) -> None:
    """The vectors: as they were, and every merged offset in fp32, rounded once."""
    kept: _Kept = vars(module)[KEPT]
    for name, original in kept.originals.items():
        parameter = getattr(module, name)
        offsets = [(each, each.offsets[module].vectors.get(name)) for each in kept.adapters]
        total = original.to(parameter.device)
        if any(vector is not None for _, vector in offsets):
            total = total.float()
            for adapter, vector in offsets:
                if vector is not None:
                    total = torch.add(total, vector.float().to(total), alpha=adapter.weight)
            total = total.to(parameter.dtype)
        parameter.data = total
    if not kept.adapters:
        del vars(module)[KEPT]
