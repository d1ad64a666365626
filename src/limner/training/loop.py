"""The one training loop: it yields its progress, saves, and resumes to the bit.

Every random choice of step n comes from a generator seeded by (seed, n), and the order of the data
from (seed, epoch); so the position in the data and the random state are functions of the step, and
a run that was stopped and resumed computes what an unbroken one computes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from limner.errors import TrainingError
from limner.training.draws import Draws, mix
from limner.training.ema import PowerEMA
from limner.training.objectives import Objective
from limner.training.optim import adamw, learning_rate_factor

STATE = "state.pt"
MAY_CHANGE = {"steps", "save_every"}


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long and how fast to train.

    warmup, decay: parts of `steps`. ema: gammas of `PowerEMA`, the first is the one that ships.
    precision: "bf16" runs the forward pass under autocast, weights stay fp32.
    """

    steps: int
    batch: int = 64
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    warmup: float = 0.03
    decay: float = 0.25
    clip: float = 1.0
    ema: tuple[float, ...] = (16.97, 6.94)
    precision: str = "bf16"
    seed: int = 0
    save_every: int = 1000

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise TrainingError(f"steps {self.steps} and batch {self.batch} must be at least 1")
        if self.precision not in ("bf16", "fp32"):
            raise TrainingError(f"precision {self.precision!r} is unknown: use bf16 or fp32")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What the loop tells after each step."""

    step: int
    steps: int
    losses: dict[str, float]
    learning_rate: float
    pictures_per_second: float
    saved: bool

    @property
    def seconds_left(self) -> float:
        return (self.steps - self.step) * self.seconds_per_step

    seconds_per_step: float = 0.0


class Trainer:
    """The state of one training: weights, optimiser, averages and step."""

    def __init__(self, objective: Objective, config: LoopConfig, folder: Path) -> None:
        self.objective = objective
        self.config = config
        self.folder = folder
        self.step = 0
        self.optimiser = adamw(
            objective.modules,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.parameters = [p for p in objective.modules.parameters() if p.requires_grad]
        self.ema = PowerEMA(self.parameters, config.ema)

    def run(self) -> Iterator[Progress]:
        """Train up to `config.steps`; whoever iterates may stop at any step and `save()`."""
        self.objective.modules.train()
        seconds = 0.0
        while self.step < self.config.steps:
            began = time.perf_counter()
            losses, rate = self._update()
            self.step += 1
            self.ema.update(self.step)
            last = self.step == self.config.steps
            saved = last or self.step % self.config.save_every == 0
            spent = time.perf_counter() - began
            seconds = spent if seconds == 0.0 else 0.98 * seconds + 0.02 * spent
            if saved:
                self.save()
            yield Progress(
                step=self.step,
                steps=self.config.steps,
                losses=losses,
                learning_rate=rate,
                pictures_per_second=self.config.batch / seconds,
                seconds_per_step=seconds,
                saved=saved,
            )

    def _update(self) -> tuple[dict[str, float], float]:
        config = self.config
        rate = config.learning_rate * learning_rate_factor(
            self.step, config.steps, warmup=config.warmup, decay=config.decay
        )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        indices = batch_indices(self.objective.count, config.batch, self.step, config.seed)
        draws = Draws(mix(config.seed, self.step), range(config.batch))
        device = self.parameters[0].device.type
        self.optimiser.zero_grad(set_to_none=True)
        with fastest_attention(device):
            with torch.autocast(device, torch.bfloat16, enabled=config.precision == "bf16"):
                losses = self.objective.loss(indices, draws)
            self._check(losses, indices)
            losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, config.clip)
        self.optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}, rate

    def _check(self, losses: dict[str, Tensor], indices: Tensor) -> None:
        broken = [name for name, loss in losses.items() if not torch.isfinite(loss)]
        if broken:
            raise TrainingError(
                f"loss {', '.join(broken)} is not finite at step {self.step} "
                f"(items {indices[:8].tolist()}...): lower the learning rate and resume"
            )

    def save(self) -> None:
        """Write the whole state; a crash while writing leaves the last save as it was."""
        state = {
            "config": asdict(self.config),
            "step": self.step,
            "modules": self.objective.modules.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "ema": self.ema.state(),
            "random": torch.get_rng_state(),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / (STATE + ".partial")
        try:
            torch.save(state, partial)
        except (OSError, RuntimeError) as error:
            partial.unlink(missing_ok=True)
            raise TrainingError(
                f"{partial} cannot be written ({error}): free some space"
            ) from error
        partial.replace(self.folder / STATE)

    def resume(self) -> bool:
        """Take up the state saved in the folder, if there is one."""
        path = self.folder / STATE
        if not path.exists():
            return False
        state = load_state(path)
        self._same_config(state["config"], path)
        self.objective.modules.load_state_dict(state["modules"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema.restore(state["ema"])
        torch.set_rng_state(state["random"])
        self.step = state["step"]
        return True

    def _same_config(self, saved: dict[str, Any], path: Path) -> None:
        ours = asdict(self.config)
        for name in ours.keys() - MAY_CHANGE:
            if ours[name] != saved[name]:
                raise TrainingError(
                    f"{path} was trained with {name} {saved[name]}, not {ours[name]}: "
                    "resume with the same or start in another folder"
                )


def fastest_attention(device: str) -> AbstractContextManager[None]:
    """On a CPU the plain formula: for some tens of tokens its backward is many times faster."""
    return sdpa_kernel(SDPBackend.MATH) if device == "cpu" else nullcontext()


def load_state(path: Path) -> dict[str, Any]:
    """A saved training state, without running any code of the file."""
    try:
        return torch.load(path, weights_only=True)
    except Exception as error:
        raise TrainingError(f"{path} is not a readable training state: {error}") from error


def batch_indices(count: int, batch: int, step: int, seed: int) -> Tensor:
    """The items of step `step`, (B,): every item once an epoch, in an order of (seed, epoch)."""
    positions = torch.arange(step * batch, (step + 1) * batch)
    epochs = positions // count
    orders = {
        int(epoch): torch.randperm(
            count, generator=torch.Generator().manual_seed(mix(seed + 1, int(epoch)))
        )
        for epoch in epochs.unique()
    }
    pairs = zip(epochs.tolist(), (positions % count).tolist(), strict=True)
    return torch.stack([orders[epoch][position] for epoch, position in pairs])
