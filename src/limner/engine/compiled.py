"""The denoiser by torch.compile: needs a C++ compiler, and some minutes for a large model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from limner.engine.graphs import Flat, Graph, GraphEngine, flat
from limner.errors import UsageError
from limner.nn.prepared import Prepared
from limner.types import Times


class CompiledEngine(GraphEngine):
    """Answers asks with a model whose denoiser torch has compiled for each shape.

    What is compiled is kept on the disk by torch itself. Raises UsageError without a compiler.
    """

    name = "compiled"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if compiler() is None:
            raise UsageError(
                "engine compiled needs a C++ compiler, and there is none: "
                "install g++ or clang, or take another engine"
            )

    def begin(self, x: Tensor, t: Times, text: Prepared) -> Callable[[], Graph]:
        """It is compiled by its first call, whoever makes that."""
        module, dtype = Flat.of(text)(self.parts.denoiser).eval(), self.dtype
        compiled = torch.compile(module, fullgraph=True, dynamic=False)

        def graph(x: Tensor, t: Times, text: Prepared) -> Tensor:
            output: Tensor = compiled(x.to(dtype), t, *flat(text))
            return output

        return lambda: graph


def compiler() -> str | None:
    """The C++ compiler that torch would take; None where there is none."""
    return next(
        filter(None, map(shutil.which, (os.environ.get("CXX", "g++"), "g++", "clang++"))), None
    )
