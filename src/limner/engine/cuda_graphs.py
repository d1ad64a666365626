"""The denoiser as CUDA graphs: all of a call's kernels started at once, from a GPU's memory.

Without them the processor starts each kernel by itself, and a fast GPU waits for it where a model
or a batch is small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from limner.engine.graphs import Flat, Graph, GraphEngine, flat
from limner.errors import UsageError
from limner.nn.prepared import Prepared
from limner.types import Times


class CudaGraphEngine(GraphEngine):
    """Answers asks with a model whose denoiser is recorded on a GPU for each shape, and replayed.

    Raises UsageError where the model is not on a GPU of CUDA.
    """

    name = "cuda-graphs"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        device = next(self.parts.denoiser.parameters()).device
        if device.type != "cuda":
            raise UsageError(
                f"engine {self.name} runs on a GPU of CUDA, the model is on {device}: "
                "--device cuda, or another engine, is right"
            )

    def begin(self, x: Tensor, t: Times, text: Prepared) -> Callable[[], Graph]:
        """Recorded at once: while CUDA records, no other thread may use the GPU."""
        module, dtype = Flat.of(text)(self.parts.denoiser).eval(), self.dtype
        shown = (x.to(dtype), t, *flat(text))
        # What is made in inference mode cannot be written to again, as each replay does.
        with torch.inference_mode(False), torch.no_grad():
            given = tuple(each.clone() for each in shown)
            recorded: Any = torch.cuda.make_graphed_callables(module, given)

        def graph(x: Tensor, t: Times, text: Prepared) -> Tensor:
            answer: Tensor = recorded(x.to(dtype), t, *flat(text))
            return answer.clone()  # the next replay writes to the same memory

        return lambda: graph
