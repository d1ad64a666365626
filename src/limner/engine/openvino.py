"""The denoiser by OpenVINO: converted once, kept on the disk, compiled for this processor.

Its fp32 gives the modules' numbers within rounding; bf16 and int8 are chosen by name.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from limner.checkpoints import Parts
from limner.engine.adapted import Places
from limner.engine.asks import Enlarge
from limner.engine.graphs import Flat, Graph, GraphEngine, Shape, flat
from limner.errors import UsageError
from limner.files import cache_folder, whole_folder
from limner.nn.prepared import Prepared
from limner.types import Times
from limner.version import __version__

MOST_BYTES = 20 << 30  # of converted models on the disk
MODEL = "model.xml"
HINTS = {torch.float32: "f32", torch.bfloat16: "bf16"}


class OpenVinoEngine(GraphEngine):
    """Answers asks with a model whose denoiser OpenVINO runs on the CPU.

    precision: what it computes in, torch.float32 or, where the processor does so natively,
    torch.bfloat16. folder: where converted models are kept, by default in the cache.
    Raises UsageError where OpenVINO is not installed or the model is not on the CPU.
    """

    name = "openvino"

    def __init__(
        self,
        parts: Parts,
        places: Places | None = None,
        *,
        enlarge: Callable[[Enlarge], Image.Image] | None = None,
        precision: torch.dtype = torch.float32,
        folder: Path | None = None,
    ) -> None:
        super().__init__(parts, places, enlarge=enlarge)
        device = next(parts.denoiser.parameters()).device
        if device.type != "cpu":
            raise UsageError(f"engine openvino runs on the CPU, the model is on {device}")
        self._openvino = openvino()
        self._core = core()
        self._precision = self._usable(precision)
        self._folder = cache_folder() / "engines" if folder is None else folder

    def make(self, x: Tensor, t: Times, text: Prepared) -> Graph:
        kept = self._kept(Shape.of(x, text))
        model = self._read(kept)
        if model is None:
            with whole_folder(kept, replacing=True) as partial:
                partial.mkdir(parents=True)
                self._openvino.save_model(
                    self._converted(x, t, text), partial / MODEL, compress_to_fp16=False
                )
            trim(self._folder, MOST_BYTES, keep=kept)
            model = self._core.read_model(kept / MODEL)
        return self._compiled(model)

    @property
    def dtype(self) -> torch.dtype:
        return self._precision

    def changed(self) -> None:
        self.__dict__.pop("_digest", None)

    def _converted(self, x: Tensor, t: Times, text: Prepared) -> Any:
        """OpenVINO's model of the denoiser, of fixed shapes."""
        module = Flat(self.parts.denoiser, text).eval()
        with torch.no_grad():  # what was made in inference mode cannot be traced
            example = tuple(each.clone() for each in (x, t, *flat(text)))
            exported = torch.export.export(module, example, strict=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch, to OpenVINO
            return self._openvino.convert_model(exported)

    def _compiled(self, model: Any) -> Graph:
        compiled = self._core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": HINTS[self._precision],
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
        asked = compiled.create_infer_request()

        def graph(x: Tensor, t: Times, text: Prepared) -> Tensor:
            asked.infer([each.contiguous().numpy() for each in (x, t, *flat(text))])
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
        versions = (self._openvino.__version__, torch.__version__, __version__)
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


def openvino() -> Any:
    """The package; UsageError where it is not installed. It tells nobody that it is used."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # would call home
    try:
        import openvino as package
    except ImportError:
        raise UsageError("engine openvino needs OpenVINO: pip install limner[openvino]") from None
    return package


@cache
def core() -> Any:
    """OpenVINO's runtime, one for all of the process.

    Each brings the thread that makes it a stack for signals, in place of the one before; of two
    that end, the first takes away what the second then gives back, and the next signal that is
    handled (Ctrl-C, a child's end) ends the process.
    """
    return openvino().Core()


def trim(folder: Path, most: int, *, keep: Path) -> None:
    """Remove converted models, the longest unused first, until they have `most` bytes at most."""
    kept = sorted(folder.glob(f"*/{MODEL}"), key=lambda model: model.stat().st_mtime)
    sizes = {m.parent: sum(file.stat().st_size for file in m.parent.iterdir()) for m in kept}
    total = sum(sizes.values())
    for model, size in sizes.items():
        if total > most and model != keep:
            shutil.rmtree(model, ignore_errors=True)
            total -= size
