"""Averages of any length, rebuilt after a training from snapshots of two (EDM2 section 3.2).

FOLDER/snapshots/000500.safetensors holds the averages of every gamma at step 500, in fp16.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from limner.errors import TrainingError
from limner.training.saving import write_whole

FOLDER = "snapshots"
Profile = tuple[float, float]
"""(gamma, step): p(t) = (gamma + 1) t^gamma / step^(gamma + 1) until the step (EDM2 sec. 3.1)."""

MOST = 24
"""Snapshots that are kept: what a training writes stays bounded, however long it is."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One average at one step: its file, and the gamma under which it lies there."""

    path: Path
    step: int
    gamma: float

    def weights(self) -> dict[str, Tensor]:
        """The averages by the parameters' names, fp32."""
        with safe_open(self.path, "pt") as file:
            ours = [key for key in file.keys() if key.startswith(f"{self.gamma}/")]  # noqa: SIM118
            return {key.partition("/")[2]: file.get_tensor(key).float() for key in ours}


def write_snapshot(
    folder: Path, step: int, averages: Mapping[float, Mapping[str, Tensor]], *, most: int = MOST
) -> None:
    """Write the averages of a step by gamma and name, and drop one if there are more than `most`.

    The one dropped is that whose neighbours are closest, never the newest: the rest stay even.
    """
    tensors = {
        f"{gamma}/{name}": weight.detach().to("cpu", torch.float16).contiguous()
        for gamma, average in averages.items()
        for name, weight in average.items()
    }
    gammas = ",".join(map(str, averages))
    data = save(tensors, {"step": str(step), "gammas": gammas})
    write_whole(folder / f"{step:06d}.safetensors", lambda file: file.write(data))
    paths = sorted(folder.glob("*.safetensors"), key=_step)
    if len(paths) > most:
        steps = [0, *map(_step, paths)]
        gaps = [after - before for before, after in zip(steps, steps[2:], strict=False)]
        paths[gaps.index(min(gaps))].unlink()


def read_snapshots(folder: Path) -> list[Snapshot]:
    """All averages in a folder, the oldest first; TrainingError where one is not readable."""
    found = []
    for path in sorted(folder.glob("*.safetensors"), key=_step):
        try:
            with safe_open(path, "pt") as file:
                gammas = file.metadata()["gammas"].split(",")
        except (SafetensorError, KeyError, TypeError) as error:
            raise TrainingError(f"{path} is not a snapshot of averages: {error}") from error
        found += [Snapshot(path=path, step=_step(path), gamma=float(gamma)) for gamma in gammas]
    return found


def rebuild(
    snapshots: Iterable[Snapshot],
    *,
    gamma: float | None = None,
    width: float | None = None,
    step: int | None = None,
) -> dict[str, Tensor]:
    """The average of a length that was not kept, by the parameters' names, fp32.

    gamma: its exponent; or width: its relative standard deviation, EDM2's sigma_rel, such as 0.05.
    step: where the training stood; by default at the last snapshot.
    The least-squares mixture of the snapshots up to `step` whose profile is closest to the asked.
    """
    known = [one for one in snapshots if step is None or one.step <= step]
    if not known:
        raise TrainingError("there are no snapshots to rebuild from: train with snapshot_every")
    if (gamma is None) == (width is None):
        raise TrainingError("name either a gamma or a width to rebuild")
    asked = gamma if gamma is not None else gamma_of_width(width or 0.0)
    end = float(step or max(one.step for one in known))
    parts = mixture([(one.gamma, float(one.step)) for one in known], (asked, end))
    total: dict[str, Tensor] = {}
    for part, one in zip(parts, known, strict=True):
        for name, weight in one.weights().items():
            total[name] = total.get(name, torch.zeros(())) + float(part) * weight
    return total


def gamma_of_width(width: float) -> float:
    """The gamma whose profile has this standard deviation, as a part of the training so far.

    width^2 = (gamma + 1) / ((gamma + 2)^2 (gamma + 3)), a cubic in gamma (EDM2 section 3.1).
    """
    widest = gamma_width(0.0)
    if not 0 < width <= widest:
        raise TrainingError(f"a width of {width} is outside 0 .. {widest:.3f}")
    t = width**-2
    return float(
        max(root.real for root in np.roots([1, 7, 16 - t, 12 - t]) if abs(root.imag) < 1e-6)
    )


def gamma_width(gamma: float) -> float:
    """The relative standard deviation of a gamma's profile (EDM2 section 3.1)."""
    return math.sqrt((gamma + 1) / (gamma + 3)) / (gamma + 2)


def mixture(known: list[Profile], asked: Profile) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How much of each known profile makes the asked one, in least squares."""
    between = np.array([[inner_product(a, b) for b in known] for a in known])
    towards = np.array([inner_product(a, asked) for a in known])
    return np.asarray(np.linalg.lstsq(between, towards, rcond=None)[0])


def inner_product(a: Profile, b: Profile) -> float:
    """The integral over time of two profiles' product.

    Each ends at its step: the product of the powers is integrated up to the earlier of the two.
    """
    (early_gamma, early), (late_gamma, late) = sorted([a, b], key=lambda profile: profile[1])
    scale = (early_gamma + 1) * (late_gamma + 1) / (early_gamma + late_gamma + 1)
    return scale * (early / late) ** late_gamma / late


def _step(path: Path) -> int:
    return int(path.stem)
