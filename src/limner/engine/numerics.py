"""What every stage of painting is held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from limner.errors import NumericsError


class Watch:
    """Looks at values as they come, and raises where one holds NaN or infinity.

    On the CPU at once. Elsewhere looking would wait for the device: what was seen is then asked for
    by `settle` alone, which names the first.
    """

    def __init__(self) -> None:
        self._seen: list[tuple[str, Tensor]] = []

    def __call__(self, value: Tensor, stage: str) -> Tensor:
        """The value itself."""
        if value.device.type == "cpu":
            return finite(value, stage)
        self._seen.append((stage, torch.isfinite(value).all()))
        return value

    def settle(self) -> None:
        """NumericsError where a value was not finite that was not looked at yet."""
        if self._seen:
            found = torch.stack([sound for _, sound in self._seen]).tolist()
            for (stage, _), sound in zip(self._seen, found, strict=True):
                if not sound:
                    raise NumericsError(_said(stage))
        self._seen.clear()


def finite(value: Tensor, stage: str) -> Tensor:
    """The value itself; NumericsError where it holds NaN or infinity."""
    if not torch.isfinite(value).all():
        raise NumericsError(_said(stage))
    return value


@contextmanager
def suspected(suspects: Sequence[str]) -> Iterator[None]:
    """Let a NumericsError of the block name what most likely makes such numbers, if anything."""
    try:
        yield
    except NumericsError as error:
        if not suspects:
            raise
        what = str(error).partition(": ")[0]
        raise NumericsError(
            f"{what}, with {' and '.join(suspects)}: try without, or with less of it"
        ) from error


def _said(stage: str) -> str:
    return f"the {stage} produced NaN or infinity: load the model in fp32, or use another one"
