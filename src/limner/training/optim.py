"""The optimiser of every recipe, and its learning rate over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def adamw(
    parameters: Sequence[nn.Parameter], *, learning_rate: float, weight_decay: float
) -> torch.optim.AdamW:
    """AdamW with betas (0.9, 0.95); matrices and kernels decay, gains and biases do not."""
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95), fused=True)


def step_unless(optimiser: torch.optim.Optimizer, broken: Tensor) -> None:
    """A step of a fused optimiser that leaves all as it was where `broken`, (), is 1 and not 0.

    The device decides it: nobody waits to know.
    """
    optimiser.found_inf = broken  # type: ignore[attr-defined]  # as torch's GradScaler tells it
    optimiser.step()


def learning_rate_factor(step: int, steps: int, *, warmup: float, decay: float) -> float:
    """Rises over the first `warmup` part, stays 1, falls linearly to 0 over the last `decay`."""
    rise = (step + 1) / max(1.0, warmup * steps)
    fall = (steps - step) / max(1.0, decay * steps)
    return min(1.0, rise, fall)


def optimiser_state(
    state: dict[str, Any],
    parameters: Sequence[nn.Parameter],
    convert: Callable[[Tensor, nn.Parameter], Tensor],
) -> dict[str, Any]:
    """The state_dict of an optimiser, each tensor converted along with its parameter.

    parameters: those of the optimiser, in the order of its groups.
    """
    entries = {
        index: {name: convert(value, parameters[index]) for name, value in entry.items()}
        for index, entry in state["state"].items()
    }
    return {**state, "state": entries}


def grouped(optimiser: torch.optim.Optimizer) -> list[nn.Parameter]:
    """The parameters in the order in which the optimiser's state counts them."""
    return [p for group in optimiser.param_groups for p in group["params"]]
