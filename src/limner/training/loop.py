"""The one training loop: it yields its progress, saves, and resumes to the bit.

Every random choice of step n comes from numbers that are a function of (seed, n, item), and the
order of the data from (seed, epoch); so the position in the data and the random state are functions
of the step, and a run that was stopped and resumed computes what an unbroken one computes.

A step that is not finite leaves weights, optimiser and averages as they were: the device itself
skips the update, the averages take in a step only once it was looked at (`settle`), and nothing is
saved before that. On a GPU it is looked at when the next step is on its way, so that the device
never waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from limner.errors import TrainingError
from limner.training.batches import Batch, Batches
from limner.training.distributed import Processes
from limner.training.draws import check_version
from limner.training.ema import PowerEMA
from limner.training.finite import Answer, failure, not_finite
from limner.training.gradients import add_gradients
from limner.training.objectives import Objective
from limner.training.optim import adamw, grouped, learning_rate_factor, optimiser_state, step_unless
from limner.training.precision import AUTO, PRECISIONS, runs_in_half
from limner.training.saving import STATE, load_state, save_state
from limner.training.sheet import Sheet
from limner.training.snapshots import FOLDER as SNAPSHOTS
from limner.training.snapshots import write_snapshot

# Precision too: a training goes on where the processor has no bf16, or now has it.
MAY_CHANGE = {
    "steps", "save_every", "save_minutes", "accumulate", "snapshot_every", "precision",
}  # fmt: skip
FIRST_SAVE = 100
"""The step at the latest at which there is a state."""

ASK_EVERY = 10
"""Steps between the times at which several processes agree whether it is time to save."""


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long and how fast to train.

    batch: items a step, over all processes. accumulate: parts that a process cuts its share into,
    one after another, where memory is short; the result is the same.
    warmup, decay: parts of `steps`. ema: gammas of `PowerEMA`, the first is the one that ships.
    precision: "bf16" runs the forward pass under autocast, weights stay fp32; "auto" does where the
    device has bf16 (`engine.devices.emulates_bf16`).
    save_every: steps between saves; save_minutes: minutes after which there is one all the same.
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
    precision: str = AUTO
    seed: int = 0
    save_every: int = 1000
    save_minutes: float = 10.0
    snapshot_every: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "save_every"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.precision not in PRECISIONS:
            raise TrainingError(
                f"precision {self.precision!r} is unknown: one of {', '.join(PRECISIONS)} is right"
            )


class Losses(Mapping[str, float]):
    """Losses by name, which stay on the device until they are read: that waits for their step."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    def __getitem__(self, name: str) -> float:
        return float(self.tensors[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What is told after each step; the losses are those of the whole batch.

    sheet: now and then, what the weights' average can do.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    learning_rate: float
    pictures_per_second: float
    saved: bool
    seconds_per_step: float = 0.0
    sheet: Sheet | None = None

    @property
    def seconds_left(self) -> float:
        return (self.steps - self.step) * self.seconds_per_step


@dataclass(frozen=True, kw_only=True, eq=False)
class Taken:
    """A step that was taken, unless it was broken: nobody has looked yet."""

    step: int
    batch: Batch
    losses: Losses
    broken: Answer


class Trainer:
    """The state of one training: weights, optimiser, averages and step.

    ahead: a step is looked at only when the next one is on its way.
    """

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
        half = runs_in_half(config.precision, self.processes.device)
        self.processes.wrap(objective.modules, half=half)
        self.step = 0
        self.batches = Batches(objective.count, config.batch, config.seed)
        self.ahead = self.processes.device.type == "cuda"
        self._taken: Taken | None = None
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
        self._saved_at = time.monotonic()
        while self.step < config.steps:
            began = time.perf_counter()
            losses, rate = self._update()
            self.step += 1
            saved = self._is_time_to_save()
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

    def _is_time_to_save(self) -> bool:
        """The same in every process."""
        config, step = self.config, self.step
        if step in (FIRST_SAVE, config.steps) or step % config.save_every == 0:
            return True
        if self.processes.count > 1 and step % ASK_EVERY:
            return False
        since = time.monotonic() - self._saved_at
        return self.processes.any(since > 60 * config.save_minutes)

    def _update(self) -> tuple[Losses, float]:
        """One step of the optimiser: the losses before it, and its learning rate."""
        config = self.config
        rate = config.learning_rate * learning_rate_factor(
            self.step, config.steps, warmup=config.warmup, decay=config.decay
        )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        batch = self.batches.of_step(self.step)
        losses = self._gradients(batch)
        norm = self.processes.norm(self.parameters)
        self.settle()  # the step before, while this one is computed
        broken = not_finite(losses, norm)
        torch.nn.utils.clip_grads_with_norm_(self.parameters, config.clip, norm)
        step_unless(self.optimiser, broken)
        self._taken = taken = Taken(
            step=self.step, batch=batch, losses=Losses(losses), broken=Answer(broken)
        )
        if not self.ahead:
            self.settle()
        return taken.losses, rate

    def _gradients(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of a batch; the gradient is then that of the weights as they are."""
        self.optimiser.zero_grad()
        with fastest_attention(self.processes.device.type):
            losses = add_gradients(
                self.objective, batch, self.processes, parts=self.config.accumulate
            )
        self.processes.collect_gradients()
        return losses

    def settle(self) -> None:
        """Look at the last step, and take it into the averages.

        Raises TrainingError if it was not finite: then all is as it was before that step.
        """
        taken, self._taken = self._taken, None
        if taken is None:
            return
        if not taken.broken:
            self.ema.update(taken.step + 1)
            return
        self.step = taken.step
        self._gradients(taken.batch)  # those at hand are clipped, or of the step after it
        raise failure(
            taken.losses,
            parameters=self.named(self.parameters),
            objective=self.objective,
            batch=taken.batch,
            step=taken.step,
            processes=self.processes,
        )

    def _check_batch(self) -> None:
        batch, count, parts = self.config.batch, self.processes.count, self.config.accumulate
        if batch % (count * parts):
            raise TrainingError(
                f"a batch of {batch} cannot be cut into {count} processes x {parts} parts: "
                f"use a multiple of {count * parts}"
            )

    def save(self) -> None:
        """Write the whole state; a crash while writing leaves the last save as it was."""
        self.settle()
        state = {
            "config": asdict(self.config),
            "draws": self.batches.draws,
            "step": self.step,
            "modules": self.processes.state_of(self.objective.modules),
            "optimiser": self._optimiser_state(self.optimiser.state_dict(), self.processes.whole),
            "ema": self._averages(),
        }
        if self.processes.rank == 0:
            save_state(self.folder, state)
        self._saved_at = time.monotonic()

    def _snapshot(self) -> None:
        self.settle()
        averages = {gamma: self.named(average) for gamma, average in self._averages().items()}
        if self.processes.rank == 0:
            write_snapshot(self.folder / SNAPSHOTS, self.step, averages)

    def _optimiser_state(
        self, state: dict[str, Any], convert: Callable[[Tensor, nn.Parameter], Tensor]
    ) -> dict[str, Any]:
        return optimiser_state(state, grouped(self.optimiser), convert)

    def _averages(self) -> dict[float, list[Tensor]]:
        return {
            gamma: list(map(self.processes.whole, average, self.parameters))
            for gamma, average in self.ema.averages.items()
        }

    def named(self, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """Tensors that belong to `parameters`, by the trained weights' names."""
        return dict(zip(self.names, tensors, strict=True))

    def resume(self) -> bool:
        """Take up the state saved in the folder, if there is one.

        Raises TrainingError where it is damaged, or the state of another training.
        """
        state = load_state(self.folder, mapped=self.processes.sharded)
        if state is None:
            return False
        path = self.folder / STATE
        try:
            self._same_config(state["config"], path)
            self._take_up(state)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TrainingError(
                f"{path} is the state of another model or data than are trained here: {reason}"
            ) from error
        return True

    def _take_up(self, state: dict[str, Any]) -> None:
        self.batches.draws = check_version(state.get("draws", 1))  # 1 of states that do not say
        self.processes.load(self.objective.modules, state["modules"])
        optimiser = self._optimiser_state(state["optimiser"], self.processes.part)
        self.optimiser.load_state_dict(optimiser)
        self.ema.restore(
            {
                gamma: list(map(self.processes.part, average, self.parameters))
                for gamma, average in state["ema"].items()
            }
        )
        self.step = state["step"]

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
