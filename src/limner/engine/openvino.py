"""The denoiser by OpenVINO: converted once, kept on the disk, compiled for this processor.

Its fp32 gives the modules' numbers within rounding, bf16 what bf16 gives; int8 is approximate.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache, cached_property, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from limner.checkpoints import Parts
from limner.engine.adapted import Places
from limner.engine.asks import Enlarge
from limner.engine.calibration import Calibration, Inputs, samples
from limner.engine.conversion import MODEL, Child, Order, arrays, openvino, write
from limner.engine.graphs import Graph, GraphEngine, Shape
from limner.errors import UsageError
from limner.files import PARTIAL, cache_folder, whole_folder
from limner.nn.prepared import Prepared
from limner.types import Times
from limner.version import __version__

MOST_BYTES = 20 << 30  # of converted models on the disk
DAY = 24 * 60 * 60.0
APART = 50_000_000
"""Parameters from which the memory that a conversion keeps costs more than a process of its own."""

HINTS = {torch.float32: "f32", torch.bfloat16: "bf16"}


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
        self._openvino = openvino()
        self._core = core()
        weights = next(parts.denoiser.parameters()).dtype
        self._hint = self._usable(weights if precision is None else precision)
        if calibration is not None and find_spec("nncf") is None:
            raise UsageError("dtype int8 needs NNCF: pip install limner[int8]")
        self._calibration = calibration
        self._folder = cache_folder() / "engines" if folder is None else folder
        self._apart = apart
        self.pays = pays

    def begin(self, x: Tensor, t: Times, text: Prepared) -> Callable[[], Graph]:
        """A large model is converted by a child, so that its memory is given back."""
        kept = self._kept(Shape.of(x, text))
        if (model := self._read(kept)) is not None:
            return partial(self._compiled, model)
        denoiser = self.parts.denoiser
        with ExitStack() as stack:
            target = stack.enter_context(whole_folder(kept, replacing=True))
            target.mkdir(parents=True)
            order = Order(
                kind=type(denoiser), config=denoiser.config, x=x, t=t, text=text, target=target,
                samples=self._samples(Shape.of(x, text)), threads=torch.get_num_threads(),
            )  # fmt: skip
            size, child = sum(weight.numel() for weight in denoiser.parameters()), None
            if size < self._apart and not order.samples:
                write(order, denoiser)
            else:
                child = Child(order, denoiser)
            return partial(self._finished, kept, child, stack.pop_all())

    def is_kept(self, shape: Shape) -> bool:
        some = any(self._folder.glob(f"[!.]*/{MODEL}"))  # else the weights need not be read
        return some and (self._kept(shape) / MODEL).is_file()

    def _samples(self, shape: Shape) -> tuple[Inputs, ...]:
        """Painted by the modules, while whoever asks waits; none but for int8."""
        if self._calibration is None:
            return ()
        return samples(self._calibration, self.parts, self._places, shape)

    def _finished(self, kept: Path, child: Child | None, unfinished: ExitStack) -> Graph:
        with unfinished:
            if child is not None:
                child.wait()
        trim(self._folder, MOST_BYTES, keep=kept)
        return self._compiled(self._core.read_model(kept / MODEL))

    @property
    def dtype(self) -> torch.dtype:
        return self._hint if self._calibration is None else torch.int8

    def changed(self) -> None:
        self.__dict__.pop("_digest", None)

    def _compiled(self, model: Any) -> Graph:
        compiled = self._core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": HINTS[self._hint],
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
        asked = compiled.create_infer_request()

        def graph(x: Tensor, t: Times, text: Prepared) -> Tensor:
            asked.infer(arrays(x, t, text))
            return torch.from_numpy(asked.get_output_tensor(0).data.copy())

        return graph

    def _read(self, kept: Path) -> Any | None:
        """A converted model of before; None where there is none, or a broken one."""
        if not (kept / MODEL).is_file():
            return None
        try:
            model = self._core.read_model(kept / MODEL)
        except RuntimeError:
            return None
        (kept / MODEL).touch()  # what is used last goes last
        return model

    def _kept(self, shape: Shape) -> Path:
        """The folder of a converted model: named by all that is in it."""
        versions: tuple[str, ...] = (self._openvino.__version__, torch.__version__, __version__)
        if self._calibration is not None:
            versions += ("int8", version("nncf"), self._calibration.key)
        config = asdict(self.parts.denoiser.config)
        said = repr((versions, type(self.parts.denoiser).__name__, config, shape, self._digest))
        return self._folder / hashlib.sha256(said.encode()).hexdigest()[:32]

    @cached_property
    def _digest(self) -> str:
        """Of all the weights."""
        found = hashlib.blake2b(digest_size=16)
        for name, weight in self.parts.denoiser.state_dict().items():
            found.update(name.encode())
            found.update(weight.contiguous().view(-1).view(torch.uint8).numpy())
        return found.hexdigest()

    def _usable(self, precision: torch.dtype) -> torch.dtype:
        """The precision itself; UsageError where this processor cannot do it natively."""
        can = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision not in HINTS or (precision == torch.bfloat16 and "BF16" not in can):
            raise UsageError(
                f"engine openvino does not compute in {str(precision).removeprefix('torch.')} on "
                f"this processor, which has {', '.join(can)}: fp32 is right"
            )
        return precision


@cache
def core() -> Any:
    """OpenVINO's runtime, one for all of the process.

    Each brings the thread that makes it a stack for signals, in place of the one before; of two
    that end, the first takes away what the second then gives back, and the next signal that is
    handled (Ctrl-C, a child's end) ends the process.
    """
    return openvino().Core()


def trim(folder: Path, most: int, *, keep: Path) -> None:
    """Remove converted models, the longest unused first, until they have `most` bytes at most.

    What a process that was killed has left half-written goes too, a day later.
    """
    for left in folder.glob(f".*{PARTIAL}"):
        if time.time() - left.stat().st_mtime > DAY:
            shutil.rmtree(left, ignore_errors=True)
    kept = sorted(folder.glob(f"[!.]*/{MODEL}"), key=lambda model: model.stat().st_mtime)
    sizes = {m.parent: sum(file.stat().st_size for file in m.parent.iterdir()) for m in kept}
    total = sum(sizes.values())
    for model, size in sizes.items():
        if total > most and model != keep:
            shutil.rmtree(model, ignore_errors=True)
            total -= size
