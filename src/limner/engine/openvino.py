"""The denoiser by OpenVINO: converted once, kept on the disk, compiled for this processor.

Its fp32 gives the modules' numbers within rounding, bf16 what bf16 gives; int8 is approximate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from limner.checkpoints import Parts
from limner.engine.adapted import Places
from limner.engine.asks import Enlarge
from limner.engine.calibration import Calibration, samples
from limner.engine.converted import HINTS, Converted, Part, core
from limner.engine.graphs import Flat, Graph, GraphEngine, Shape, flat
from limner.errors import UsageError
from limner.files import cache_folder
from limner.nn.prepared import Prepared
from limner.types import Times

APART = 50_000_000
"""Parameters from which the memory that a conversion keeps costs more than a process of its own."""


class OpenVinoEngine(GraphEngine):
    """Answers asks with a model whose denoiser OpenVINO runs on the CPU.

    precision: what it computes in; None: what the weights are in, torch.float32 or, where the
    processor does so natively, torch.bfloat16. calibration: by which it is brought to int8, which
    is approximate; None: it is not. folder: where converted models are kept, by default in the
    cache. apart: the parameters from which a denoiser is converted by a child; to int8 all are.
    pays: see `GraphEngine`; to convert for nothing less.
    Raises UsageError where a package is not installed or the model is not on the CPU.
    """

    name = "openvino"

    def __init__(
        self,
        parts: Parts,
        places: Places | None = None,
        *,
        enlarge: Callable[[Enlarge], Image.Image] | None = None,
        precision: torch.dtype | None = None,
        calibration: Calibration | None = None,
        folder: Path | None = None,
        apart: int = APART,
        pays: int = 0,
    ) -> None:
        super().__init__(parts, places, enlarge=enlarge)
        device = next(parts.denoiser.parameters()).device
        if device.type != "cpu":
            raise UsageError(f"engine openvino runs on the CPU, the model is on {device}")
        self._converted = Converted(cache_folder() / "engines" if folder is None else folder, apart)
        weights = next(parts.denoiser.parameters()).dtype
        self._hint = usable(weights if precision is None else precision)
        if calibration is not None and find_spec("nncf") is None:
            raise UsageError("dtype int8 needs NNCF: pip install limner[int8]")
        self._calibration = calibration
        self.pays = pays

    @property
    def dtype(self) -> torch.dtype:
        return self._hint if self._calibration is None else torch.int8

    def begin(self, x: Tensor, t: Times, text: Prepared) -> Callable[[], Graph]:
        part = self._denoiser(Shape.of(x, text), (x, t, *flat(text)))
        return self._converted.begin(part, self._hint)

    def is_kept(self, shape: Shape) -> bool:
        return self._converted.has(self._denoiser(shape))

    def _denoiser(self, shape: Shape, given: tuple[Tensor, ...] = ()) -> Part:
        """given: arguments of the shape; none where it is but asked for."""
        denoiser, key = self.parts.denoiser, tuple[object, ...](shape)
        form = partial(Flat, readers=denoiser.readers, masked=shape.masked, pooled=shape.pooled)
        if self._calibration is not None:
            key = (*key, "int8", version("nncf"), self._calibration.key)
        return Part(
            module=denoiser, form=form, given=given, key=key, samples=partial(self._samples, shape)
        )

    def _samples(self, shape: Shape) -> tuple[tuple[Tensor, ...], ...]:
        """Painted by the modules, while whoever asks waits; none but for int8."""
        if self._calibration is None:
            return ()
        found = samples(self._calibration, self.parts, self._places, shape)
        return tuple((x, t, *flat(text)) for x, t, text in found)

    def changed(self) -> None:
        self._converted.forget(self.parts.denoiser)


def usable(precision: torch.dtype) -> torch.dtype:
    """The precision itself; UsageError where this processor cannot do it natively."""
    can = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision not in HINTS or (precision == torch.bfloat16 and "BF16" not in can):
        raise UsageError(
            f"engine openvino does not compute in {str(precision).removeprefix('torch.')} on "
            f"this processor, which has {', '.join(can)}: fp32 is right"
        )
    return precision
