"""The gradient of a step's whole batch, computed in parts over one process or several.

The gradient that the optimiser sees is that of the mean loss over the whole batch, however it is
cut; only the memory differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from limner.training.batches import Batch
from limner.training.distributed import Processes
from limner.training.draws import mix
from limner.training.objectives import ComparingObjective, Objective

Losses = dict[str, Tensor]


def add_gradients(
    objective: Objective, batch: Batch, processes: Processes, *, parts: int = 1
) -> Losses:
    """Backward through this process's rows of the batch, `parts` runs of rows one after another.

    Returns the means of the losses over the whole batch, the same on every process.
    """
    runs = batch.split(processes.count)[processes.rank].split(parts)
    whole = len(runs) == 1 and processes.count == 1
    if isinstance(objective, ComparingObjective) and not whole:
        losses = _compared(objective, runs, processes)
    else:
        losses = _averaged(objective, runs, processes)
    names = list(losses)
    means = processes.mean(torch.stack([losses[name].detach().float() for name in names]))
    return dict(zip(names, means, strict=True))


def _averaged(objective: Objective, runs: Sequence[Batch], processes: Processes) -> Losses:
    """Losses that are means over items: those of the parts are averaged."""
    found: list[Losses] = []
    for run in runs:
        with processes.synchronised(run is runs[-1]):
            _repeatable(run)
            losses = processes.call(objective.loss, run.own, run.draws())
            (losses["total"] / len(runs)).backward()
        found.append({name: loss.detach() for name, loss in losses.items()})
    return {name: torch.stack([losses[name] for losses in found]).mean() for name in found[0]}


def _compared(objective: ComparingObjective, runs: Sequence[Batch], processes: Processes) -> Losses:
    """A loss between all items: its gradient at their features, then each part's own (GradCache).

    All parts' features are computed without a graph, the loss is differentiated up to them, and
    each part is computed again with its graph to take its share of that gradient. A process with
    one part needs no second time.
    """
    rows = range(runs[0].rows.start, runs[-1].rows.stop)
    mine = replace(runs[0], rows=rows)
    known: Losses = {}
    shares: Sequence[Tensor | None] = [None]
    if len(runs) > 1:
        with torch.no_grad():
            features = torch.cat([_features(objective, run, processes) for run in runs])
        known, gradient = _at_features(objective, features, mine, processes)
        shares = gradient.chunk(len(runs))

    def carrier(run: Batch, share: Tensor | None) -> tuple[Tensor, Losses]:
        """A number whose gradient is that of the loss through the features of this run."""
        own, losses = objective.features(run.own, run.draws()), known
        if share is None:
            losses, share = _at_features(objective, own.detach(), mine, processes)
        number = (own * share).sum()
        if run is runs[-1]:  # what the loss holds besides, such as a temperature, counts once
            number = number + losses["total"]
        return number, {name: loss.detach() for name, loss in losses.items()}

    for run, share in zip(runs, shares, strict=True):
        with processes.synchronised(run is runs[-1]):
            _repeatable(run)
            number, losses = processes.call(carrier, run, share)
            number.backward()
    return losses


def _features(objective: ComparingObjective, run: Batch, processes: Processes) -> Tensor:
    _repeatable(run)
    features: Tensor = processes.call(objective.features, run.own, run.draws())
    return features


def _at_features(
    objective: ComparingObjective, own: Tensor, mine: Batch, processes: Processes
) -> tuple[Losses, Tensor]:
    """The loss of this process's rows against all, and the loss's gradient at its own features.

    With `share_gradients` the gradient is that of all processes' losses; otherwise the others'
    features are constants to each process, which sends less and is not quite the whole batch.
    """
    features = processes.gather(own).requires_grad_()
    losses = objective.compare(features, mine.indices, mine.draws())
    (gradient,) = torch.autograd.grad(losses["total"], features, retain_graph=True)
    if objective.share_gradients:
        gradient = processes.sum(gradient)
    return losses, gradient[mine.rows.start : mine.rows.stop]


def _repeatable(run: Batch) -> None:
    """What a module draws by itself, such as dropout, is a function of the step and the rows."""
    torch.manual_seed(mix(run.seed, -1 - run.rows.start))
