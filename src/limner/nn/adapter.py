"""What is put on a model and taken off again: low-rank updates (LoRA), and rows of an embedding.

The forward of the models gains nothing, the names of their state dicts stay as they are, and what
is taken off leaves every parameter as it was, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from limner.errors import UsageError

Adaptable = nn.Linear | nn.Conv2d
KEPT = "_merged_adapters"  # the name under which a module keeps what is merged into it


@dataclass(frozen=True, kw_only=True)
class LowRank:
    """dW = scale * up @ down, an update of rank r for one weight (LoRA section 4.1).

    down: (r, in) of a linear layer, (r, in, k, k) of a k x k convolution.
    up: (out, r), or (out, r, 1, 1). scale: alpha / r.
    """

    down: Float[Tensor, "r ..."]
    up: Float[Tensor, "out r ..."]
    scale: float = 1.0

    def delta(self) -> Float[Tensor, "out ..."]:
        """dW in fp32, in the shape of the weight."""
        product = self.up.float().flatten(1) @ self.down.float().flatten(1)
        return self.scale * product.reshape(len(self.up), *self.down.shape[1:])

    def fits(self, weight: Tensor) -> bool:
        """Whether the shapes are those of an update of this weight."""
        after = (1,) * (weight.ndim - 2)  # an up of a convolution is 1 x 1
        up = (len(weight), len(self.down), *after)
        return self.down.shape[1:] == weight.shape[1:] and self.up.shape == up


class Adapter:
    """Low-rank updates of some modules of a model, under one weight.

    It is off, attached (computed beside the modules: W x + weight * dW x, any weight at any time)
    or merged (added into their weights: no cost at each call). Any number of adapters may be on a
    model, in either way and in any order of coming and going. Modules that it has no update for
    are not touched.

    Raises UsageError where the shapes of an update are not those of its module.
    """

    def __init__(self, updates: Mapping[Adaptable, LowRank], weight: float = 1.0) -> None:
        for module, update in updates.items():
            if not update.fits(module.weight):
                raise UsageError(
                    f"an update of {tuple(update.up.shape)} x {tuple(update.down.shape)} "
                    f"does not fit a weight of {tuple(module.weight.shape)}"
                )
        self.updates = dict(updates)
        self._weight = _checked(weight)
        self._hooks: list[RemovableHandle] = []
        self._placed: dict[Adaptable, tuple[Tensor, Tensor]] = {}

    @property
    def weight(self) -> float:
        """What the updates are multiplied by; 0 is as if off, a negative one subtracts."""
        return self._weight

    @weight.setter
    def weight(self, weight: float) -> None:
        self._weight = _checked(weight)
        for module in self._merged_into():
            _write(module)

    @property
    def attached(self) -> bool:
        return bool(self._hooks)

    @property
    def merged(self) -> bool:
        return bool(self._merged_into())

    def attach(self) -> None:
        """Put it beside the modules; nothing is written into a weight.

        Cheap, as `detach` is then: the matrices are copied to where the modules are when these are
        first computed, and again where they have moved. Those that are trained stay where they are:
        an optimiser knows them.
        """
        self.detach()
        for module in self.updates:
            self._hooks.append(module.register_forward_hook(self._add))

    def merge(self) -> None:
        """Add it into the weights. The weights as they were are kept until the last one leaves.

        The sum with all adapters merged is made in fp32 and rounded once. It takes a place of its
        own in memory: what a weight is mapped from, or shared with, is not written to.
        """
        self.detach()
        for module in self.updates:
            if KEPT not in vars(module):
                vars(module)[KEPT] = Merged(original=module.weight.data)
            _merged(module).append(self)
            _write(module)

    def detach(self) -> None:
        """Take it off, attached or merged; without effect if it is off."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        for module in self._merged_into():
            _merged(module).remove(self)
            _write(module)

    def _merged_into(self) -> list[Adaptable]:
        return [module for module in self.updates if self in _merged(module)]

    def _add(self, module: Adaptable, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        """The hook: what the module gave, and the update's part."""
        # Matrices in training are fp32.
        down, up = (matrix.to(inputs[0].dtype) for matrix in self._matrices(module))
        if isinstance(module, nn.Conv2d):
            stride, padding, dilation = module.stride, module.padding, module.dilation
            added = F.conv2d(F.conv2d(inputs[0], down, None, stride, padding, dilation), up)
        else:
            added = F.linear(F.linear(inputs[0], down), up)
        return torch.add(output, added, alpha=self._weight * self.updates[module].scale)

    def _matrices(self, module: Adaptable) -> tuple[Tensor, Tensor]:
        """down and up of a module where its weight is, and of its kind."""
        placed, weight = self._placed.get(module), module.weight
        if placed is None or (placed[0].device, placed[0].dtype) != (weight.device, weight.dtype):
            update = self.updates[module]
            placed = _placed(update.down, weight), _placed(update.up, weight)
            self._placed[module] = placed
        return placed


def _placed(matrix: Tensor, weight: Tensor) -> Tensor:
    return matrix if matrix.requires_grad else matrix.to(weight)


@dataclass(frozen=True)
class Merged:
    """The adapters that are in a weight, and the weight as it was before the first of them.

    Several share one original, so that they can leave in any order.
    """

    original: Tensor
    adapters: list[Adapter] = field(default_factory=list)


def _merged(module: nn.Module) -> list[Adapter]:
    """The adapters in a module's weight, as the module itself keeps them beside its state dict."""
    kept: Merged | None = vars(module).get(KEPT)
    return [] if kept is None else kept.adapters


def original(module: Adaptable) -> Tensor:
    """A module's weight without what is merged into it."""
    kept: Merged | None = vars(module).get(KEPT)
    return module.weight if kept is None else kept.original


@torch.no_grad()
def _write(module: Adaptable) -> None:
    """The weight: the original and every merged update; the original alone where none is left."""
    kept: Merged = vars(module)[KEPT]
    original = kept.original.to(module.weight)
    if not kept.adapters:
        module.weight.data = original
        del vars(module)[KEPT]
        return
    total = original.float()
    for adapter in kept.adapters:
        delta = adapter.updates[module].delta().to(total.device)
        total = torch.add(total, delta, alpha=adapter.weight)
    module.weight.data = total.to(original.dtype)


def _checked(weight: float) -> float:
    if not math.isfinite(weight):
        raise UsageError(f"an adapter's weight is {weight}: a finite number is right, such as 0.8")
    return weight


class ExtendedEmbedding(nn.Embedding):
    """An embedding whose table goes on: row `num_embeddings + i` is `rows[i]`.

    Made of an embedding to stand in its place; the table is the same parameter. `rows` moves with
    the model and is not in its state dict. Rows within the table are the same bits as before.
    """

    rows: Float[Tensor, "n D"]

    def __init__(self, embedding: nn.Embedding, rows: Float[Tensor, "n D"]) -> None:
        weight = embedding.weight
        super().__init__(weight.shape[0], weight.shape[1], device="meta")
        self.weight = weight
        self.register_buffer("rows", rows.to(weight), persistent=False)

    def forward(self, ids: Int[Tensor, "..."]) -> Float[Tensor, "... D"]:
        """As `nn.Embedding`, for ids below num_embeddings + n."""
        known = super().forward(ids.clamp(max=self.num_embeddings - 1))
        beyond = ids - self.num_embeddings
        return torch.where((beyond >= 0)[..., None], self.rows[beyond.clamp(min=0)], known)
