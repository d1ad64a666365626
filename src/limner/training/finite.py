"""What went wrong when a step is not finite: which losses, items and weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from limner.errors import TrainingError
from limner.training.batches import Batch
from limner.training.distributed import Processes
from limner.training.objectives import Objective

SHOWN = 8


def not_finite(losses: Mapping[str, Tensor], norm: Tensor) -> Tensor:
    """1 where a loss or the gradient's norm is not finite, else 0, (); on the device, unread."""
    device = next(iter(losses.values())).device
    numbers = torch.stack([*losses.values(), norm.to(device)])
    return 1 - torch.isfinite(numbers).all().float()


class Answer:
    """A yes or no that a device works out: reading it does not wait for later work of the device.

    x: (), 1 for yes and 0 for no.
    """

    def __init__(self, x: Tensor) -> None:
        self._here = x.to("cpu", non_blocking=True)
        self._arrived = torch.cuda.Event() if x.is_cuda else None
        if self._arrived is not None:
            self._arrived.record()

    def __bool__(self) -> bool:
        if self._arrived is not None:
            self._arrived.synchronize()
        return bool(self._here)


def failure(
    losses: Mapping[str, float],
    *,
    parameters: Mapping[str, Tensor],
    objective: Objective,
    batch: Batch,
    step: int,
    processes: Processes,
) -> TrainingError:
    """What to say of a step whose losses, or whose gradient, are not finite, and where it began.

    The weights are still those before the step, with its gradient as it was, unclipped.
    """
    broken = [name for name, loss in losses.items() if not math.isfinite(loss)]
    what = f"loss {', '.join(broken)}" if broken else "the gradient"
    where = _weights(parameters)
    return TrainingError(
        f"{what} is not finite at step {step}; {where}; {_items(objective, batch, processes)}: "
        "lower the learning rate or leave these items out, and resume"
    )


def _weights(named: Mapping[str, Tensor]) -> str:
    """The weight that is broken, or else the last in the model's order whose gradient is.

    A gradient that is not finite spreads from where it arises towards the input.
    """
    weights = [name for name, p in named.items() if not _finite(p)]
    if weights:
        return f"weight {weights[0]} is not finite ({len(weights)} of {len(named)})"
    gradients = [name for name, p in named.items() if p.grad is not None and not _finite(p.grad)]
    if gradients:
        count = f"{len(gradients)} of {len(named)}"
        return f"weights are finite, the gradient is not from {gradients[-1]} on ({count})"
    return "each weight and gradient is finite by itself"


def _items(objective: Objective, batch: Batch, processes: Processes) -> str:
    """The items of the batch that are broken when each is computed alone."""

    def fine(item: Batch) -> bool:
        objective.modules.zero_grad()
        loss = processes.call(objective.loss, item.own, item.draws())["total"]
        loss.backward()
        gradients = [p.grad for p in objective.modules.parameters() if p.grad is not None]
        return all(map(_finite, [loss, *gradients]))

    alone = batch.split(len(batch.rows))
    broken = [int(item.own) for item in alone if not fine(item)]
    if 0 < len(broken) < len(alone):
        return f"it comes from items {_listed(broken)}"
    return f"no single item is to blame (items {_listed(batch.own.tolist())})"


def _listed(items: list[int]) -> str:
    return ", ".join(map(str, items[:SHOWN])) + (", ..." if len(items) > SHOWN else "")


def _finite(x: Tensor) -> bool:
    return bool(torch.isfinite(x.to_local() if isinstance(x, DTensor) else x).all())
