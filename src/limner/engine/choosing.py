"""Which engine runs a model: by name, or what is the fastest that is here."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch

from limner.checkpoints import Parts
from limner.engine.eager import EagerEngine
from limner.engine.memory import free_memory
from limner.errors import UsageError

AUTO, EAGER, COMPILED, OPENVINO = "auto", "eager", "compiled", "openvino"
ENGINES = (AUTO, EAGER, COMPILED, OPENVINO)
WORTH = 100_000_000
"""Parameters of a denoiser from which converting it pays within one picture."""

CONVERTING = 2.5
"""Times the weights that OpenVINO takes beside them, with room (docs/speed.md)."""


def engine_named(name: str) -> Callable[..., EagerEngine]:
    """What makes an engine of parts and places; UsageError for a name that is none."""
    match name:
        case "eager":
            return EagerEngine
        case "compiled":
            from limner.engine.compiled import CompiledEngine

            return CompiledEngine
        case "openvino":
            from limner.engine.openvino import OpenVinoEngine

            return OpenVinoEngine
    raise UsageError(f"engine {name!r} is unknown: one of {', '.join(ENGINES)} is right")


def chosen(
    name: str, parameters: int, dtype: torch.dtype, device: str, free: int | None = None
) -> tuple[str, str]:
    """(the engine that a name means for a denoiser, why), both in words.

    parameters: how many the denoiser has. free: bytes of memory, None where nobody knows. "auto" is
    what is installed and the fastest with the reference's numbers: for a large denoiser in fp32 on
    the CPU OpenVINO, for others the modules as they are, so that a small model's pictures have
    equal bits wherever they are painted.
    """
    if name not in ENGINES:
        raise UsageError(f"engine {name!r} is unknown: one of {', '.join(ENGINES)} is right")
    if name != AUTO:
        return name, "asked for"
    if device != "cpu":
        return EAGER, f"the model is on {device}"
    if dtype != torch.float32:
        return EAGER, "the model is not in fp32"
    if parameters < WORTH:
        return EAGER, "the model is small, and converting it costs more than it gains"
    if (lacking := missing(OPENVINO)) is not None:
        return EAGER, lacking
    if free is not None and free < CONVERTING * parameters * dtype.itemsize:
        return EAGER, f"converting takes {CONVERTING:g} times the weights' memory, and less is free"
    return OPENVINO, "it is installed, and the model is large and in fp32"


def missing(name: str) -> str | None:
    """What an engine lacks on this machine, in words; None where it can be used."""
    if name == OPENVINO and find_spec("openvino") is None:
        return "OpenVINO is not installed: pip install limner[openvino]"
    if name == COMPILED:
        from limner.engine.compiled import compiler

        return None if compiler() else "there is no C++ compiler: install g++ or clang"
    return None


def engine_for(name: str, parts: Parts, *arguments: Any, **options: Any) -> EagerEngine:
    """The engine that a name means for a model."""
    weights = list(parts.denoiser.parameters())
    size, first = sum(weight.numel() for weight in weights), weights[0]
    meant, _ = chosen(name, size, first.dtype, first.device.type, free_memory(first.device))
    return engine_named(meant)(parts, *arguments, **options)
