"""The one training loop: it yields its progress, saves, and resumes to the bit.

Every random choice of step n comes from numbers that are a function of (seed, n, item), and the
order of the data from (seed, epoch); so the position in the data and the random state are functions
of the step, and a run that was stopped and resumed computes what an unbroken one computes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from limner.errors import TrainingError
from limner.training.batches import batch_of_step
from limner.training.distributed import Processes
from limner.training.ema import PowerEMA
from limner.training.finite import check_finite
from limner.training.gradients import add_gradients
from limner.training.objectives import Objective
from limner.training.optim import adamw, learning_rate_factor, optimiser_state
from limner.training.saving import load_state, write_whole
from limner.training.sheet import Sheet
from limner.training.snapshots import FOLDER as SNAPSHOTS
from limner.training.snapshots import write_snapshot

STATE = "state.pt"
# Precision too: a training goes on where the processor has no bf16, or now has it.
MAY_CHANGE = {"steps", "save_every", "accumulate", "snapshot_every", "precision"}


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long and how fast to train.

    batch: items a step, over all processes. accumulate: parts that a process cuts its share into,
    one after another, where memory is short; the result is the same.
    warmup, decay: parts of `steps`. ema: gammas of `PowerEMA`, the first is the one that ships.
    precision: "bf16" runs the forward pass under autocast, weights stay fp32.
    snapshot_every: steps between snapshots of the averages, from which one of any length can be
    rebuilt (`snapshots.rebuild`); 0: none.
    """

    steps: int
    batch: int = 64
    accumulate: int = 1
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    warmup: float = 0.03
    decay: float = 0.25
    clip: float = 1.0
    ema: tuple[float, ...] = (16.97, 6.94)
    precision: str = "bf16"
    seed: int = 0
    save_every: int = 1000
    snapshot_every: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "save_every"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.precision not in ("bf16", "fp32"):
            raise TrainingError(f"precision {self.precision!r} is unknown: use bf16 or fp32")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What is told after each step; the losses are those of the whole batch.

    sheet: now and then, what the weights' average can do.
    """

    step: int
    steps: int
    losses: dict[str, float]
    learning_rate: float
    pictures_per_second: float
    saved: bool
    seconds_per_step: float = 0.0
    sheet: Sheet | None = None

    @property
    def seconds_left(self) -> float:
        return (self.steps - self.step) * self.seconds_per_step


class Trainer:
    """The state of one training: weights, optimiser, averages and step."""

    def __init__(
        self,
        objective: Objective,
        config: LoopConfig,
        folder: Path,
        processes: Processes | None = None,
    ) -> None:
        self.objective = objective
        self.config = config
        self.folder = folder
        self.processes = Processes(device_of(objective)) if processes is None else processes
        self._check_batch()
        self.processes.wrap(objective.modules, half=config.precision == "bf16")
        self.step = 0
        self.parameters = self.processes.parameters(objective.modules)
        self.names = [n for n, p in objective.modules.named_parameters() if p.requires_grad]
        self.optimiser = adamw(
            self.parameters,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.ema = PowerEMA(self.parameters, config.ema)

    def run(self) -> Iterator[Progress]:
        """Train up to `config.steps`; whoever iterates may stop at any step and `save()`."""
        config = self.config
        self.objective.modules.train()
        seconds = 0.0
        while self.step < config.steps:
            began = time.perf_counter()
            losses, rate = self._update()
            self.step += 1
            self.ema.update(self.step)
            saved = self.step == config.steps or self.step % config.save_every == 0
            spent = time.perf_counter() - began
            seconds = spent if seconds == 0.0 else 0.98 * seconds + 0.02 * spent
            if saved:
                self.save()
            if config.snapshot_every and self.step % config.snapshot_every == 0:
                self._snapshot()
            yield Progress(
                step=self.step,
                steps=config.steps,
                losses=losses,
                learning_rate=rate,
                pictures_per_second=config.batch / seconds,
                seconds_per_step=seconds,
                saved=saved,
            )

    def _update(self) -> tuple[dict[str, float], float]:
        """One step of the optimiser: the losses before it, and its learning rate."""
        config = self.config
        rate = config.learning_rate * learning_rate_factor(
            self.step, config.steps, warmup=config.warmup, decay=config.decay
        )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        batch = batch_of_step(self.objective.count, config.batch, self.step, config.seed)
        self.optimiser.zero_grad()
        with fastest_attention(self.processes.device.type):
            losses = add_gradients(self.objective, batch, self.processes, parts=config.accumulate)
        self.processes.collect_gradients()
        norm = self.processes.norm(self.parameters)
        numbers = {name: float(loss) for name, loss in losses.items()}
        check_finite(
            numbers,
            float(norm),
            parameters=self.named(self.parameters),
            objective=self.objective,
            batch=batch,
            step=self.step,
            processes=self.processes,
        )
        torch.nn.utils.clip_grads_with_norm_(self.parameters, config.clip, norm)
        self.optimiser.step()
        return numbers, rate

    def _check_batch(self) -> None:
        batch, count, parts = self.config.batch, self.processes.count, self.config.accumulate
        if batch % (count * parts):
            raise TrainingError(
                f"a batch of {batch} cannot be cut into {count} processes x {parts} parts: "
                f"use a multiple of {count * parts}"
            )

    def save(self) -> None:
        """Write the whole state; a crash while writing leaves the last save as it was."""
        state = {
            "config": asdict(self.config),
            "step": self.step,
            "modules": self.processes.state_of(self.objective.modules),
            "optimiser": optimiser_state(self.optimiser, self.processes.whole),
            "ema": self._averages(),
        }
        if self.processes.rank == 0:
            write_whole(self.folder / STATE, lambda file: torch.save(state, file))

    def _snapshot(self) -> None:
        averages = {gamma: self.named(average) for gamma, average in self._averages().items()}
        if self.processes.rank == 0:
            write_snapshot(self.folder / SNAPSHOTS, self.step, averages)

    def _averages(self) -> dict[float, list[Tensor]]:
        return {
            gamma: list(map(self.processes.whole, average, self.parameters))
            for gamma, average in self.ema.averages.items()
        }

    def named(self, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """Tensors that belong to `parameters`, by the trained weights' names."""
        return dict(zip(self.names, tensors, strict=True))

    def resume(self) -> bool:
        """Take up the state saved in the folder, if there is one."""
        path = self.folder / STATE
        if not path.exists():
            return False
        state = load_state(path)
        self._same_config(state["config"], path)
        self.processes.load(self.objective.modules, state["modules"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.optimiser.load_state_dict(optimiser_state(self.optimiser, self.processes.part))
        self.ema.restore(
            {
                gamma: list(map(self.processes.part, average, self.parameters))
                for gamma, average in state["ema"].items()
            }
        )
        self.step = state["step"]
        return True

    def _same_config(self, saved: dict[str, Any], path: Path) -> None:
        ours = asdict(self.config)
        for name in ours.keys() - MAY_CHANGE:
            if ours[name] != saved.get(name, ours[name]):
                raise TrainingError(
                    f"{path} was trained with {name} {saved[name]}, not {ours[name]}: "
                    "resume with the same or start in another folder"
                )


def device_of(objective: Objective) -> torch.device:
    return next(objective.modules.parameters()).device


def fastest_attention(device: str) -> AbstractContextManager[None]:
    """On a CPU the plain formula: for some tens of tokens its backward is many times faster."""
    return sdpa_kernel(SDPBackend.MATH) if device == "cpu" else nullcontext()
