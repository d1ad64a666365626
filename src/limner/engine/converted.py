"""Denoisers that OpenVINO runs: converted once, kept on the disk under a byte budget, compiled."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limner.engine.conversion import MODEL, Child, Order, arrays, openvino, write
from limner.engine.graphs import Graph, flat
from limner.engine.kernels import size_of
from limner.files import PARTIAL, whole_folder
from limner.models.dit import DiT
from limner.models.unet import UNet
from limner.nn.prepared import Prepared
from limner.types import Times
from limner.version import __version__

MOST_BYTES = 20 << 30  # of converted models on the disk
DAY = 24 * 60 * 60.0
HINTS = {torch.float32: "f32", torch.bfloat16: "bf16"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is converted: a denoiser, for arguments of these shapes.

    form: makes of it what takes the arguments, x, times and `flat` text. key: what names the
    shapes, and what else the converted one depends on beside the weights. samples: arguments by
    which it is brought to int8; none: it is not.
    """

    module: UNet | DiT
    form: Callable[[Any], torch.nn.Module]
    given: tuple[Tensor, ...]
    key: tuple[object, ...]
    samples: Callable[[], tuple[tuple[Tensor, ...], ...]] = tuple


class Converted:
    """The converted forms of a denoiser. folder: where they lie.

    apart: the parameters from which it is converted by a child, so that its memory is given
    back; to int8 all are.
    """

    def __init__(self, folder: Path, apart: int) -> None:
        self.folder, self._apart = folder, apart
        self._core = core()
        self._digests: dict[torch.nn.Module, str] = {}  # of weights as they were when last read

    def begin(self, part: Part, hint: torch.dtype) -> Callable[[], Graph]:
        """Begin to convert a part where it is not there from before.

        What is returned gives it when it is ready; another thread may call it, and the weights may
        change meanwhile. hint: what is computed in, one of HINTS.
        """
        kept = self.path(part)
        if (model := self._read(kept)) is not None:
            return partial(self._compiled, model, hint)
        with ExitStack() as stack:
            target = stack.enter_context(whole_folder(kept, replacing=True))
            target.mkdir(parents=True)
            order = Order(
                kind=type(part.module), config=part.module.config, form=part.form,
                given=part.given, target=target, samples=part.samples(),
                threads=torch.get_num_threads(),
            )  # fmt: skip
            child = None
            if size_of(part.module) < self._apart and not order.samples:
                write(order, part.module)
            else:
                child = Child(order, part.module)
            return partial(self._finished, kept, child, hint, stack.pop_all())

    def has(self, part: Part) -> bool:
        """Whether it is there from before, and takes little time to get."""
        some = any(self.folder.glob(f"[!.]*/{MODEL}"))  # else the weights need not be read
        return some and (self.path(part) / MODEL).is_file()

    def forget(self, module: torch.nn.Module) -> None:
        """Read its weights anew: they are not what they were."""
        self._digests.pop(module, None)

    def path(self, part: Part) -> Path:
        """The folder of a converted part: named by all that is in it."""
        versions = (openvino().__version__, torch.__version__, __version__)
        module = part.module
        if module not in self._digests:
            self._digests[module] = digest(module)
        said = repr(
            (
                versions,
                type(module).__name__,
                asdict(module.config),
                part.key,
                self._digests[module],
            )
        )
        return self.folder / hashlib.sha256(said.encode()).hexdigest()[:32]

    def _finished(
        self, kept: Path, child: Child | None, hint: torch.dtype, unfinished: ExitStack
    ) -> Graph:
        with unfinished:
            if child is not None:
                child.wait()
        trim(self.folder, MOST_BYTES, keep=kept)
        return self._compiled(self._core.read_model(kept / MODEL), hint)

    def _compiled(self, model: Any, hint: torch.dtype) -> Graph:
        compiled = self._core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": HINTS[hint],
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
        asked, told = compiled.create_infer_request(), None  # the text that it was last told

        def graph(x: Tensor, t: Times, text: Prepared) -> Tensor:
            nonlocal told
            given = arrays((x, t) if text is told else (x, t, *flat(text)))
            told = None  # until this call has ended well
            asked.infer(dict(enumerate(given)))
            told = text
            return torch.from_numpy(asked.get_output_tensor(0).data.copy())

        return graph

    def _read(self, kept: Path) -> Any | None:
        """A converted part of before; None where there is none, or a broken one."""
        if not (kept / MODEL).is_file():
            return None
        try:
            model = self._core.read_model(kept / MODEL)
        except RuntimeError:
            return None
        (kept / MODEL).touch()  # what is used last goes last
        return model


def digest(module: torch.nn.Module) -> str:
    """Of all its weights."""
    found = hashlib.blake2b(digest_size=16)
    for name, weight in module.state_dict().items():
        found.update(name.encode())
        found.update(weight.contiguous().view(-1).view(torch.uint8).numpy())
    return found.hexdigest()


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
