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


def check_finite(
    losses: dict[str, float],
    norm: float,
    *,
    parameters: Mapping[str, Tensor],
    objective: Objective,
    batch: Batch,
    step: int,
    processes: Processes,
) -> None:
    """Raises TrainingError if a loss or the gradient's norm is not finite, saying where it began.

    Called before the optimiser's step, so that the weights are still those that were good.
    """
    broken = [name for name, loss in losses.items() if not math.isfinite(loss)]
    if not broken and math.isfinite(norm):
        return
    what = f"loss {', '.join(broken)}" if broken else "the gradient"
    where = _weights(parameters)
    raise TrainingError(
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
