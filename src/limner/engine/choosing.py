"""Which engine runs a model: by name, or what is the fastest that is here."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch

from limner.checkpoints import Parts
from limner.engine.attending import is_faster
from limner.engine.calibration import Calibration
from limner.engine.devices import LARGE, computes_in_bf16
from limner.engine.eager import EagerEngine
from limner.engine.memory import free_memory
from limner.errors import UsageError

AUTO, EAGER, COMPILED, OPENVINO = "auto", "eager", "compiled", "openvino"
CUDA_GRAPHS = "cuda-graphs"
ENGINES = (AUTO, EAGER, COMPILED, OPENVINO, CUDA_GRAPHS)
STABLE_DIFFUSION = "sd"  # what the names of its kinds begin with
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "int8": torch.int8}
"""By the names that `--dtype` has for them."""

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
        case "cuda-graphs":
            from limner.engine.cuda_graphs import CudaGraphEngine

            return CudaGraphEngine
    raise UsageError(f"engine {name!r} is unknown: one of {', '.join(ENGINES)} is right")


def chosen(
    name: str,
    parameters: int,
    dtype: torch.dtype,
    device: str,
    free: int | None = None,
    *,
    native: bool = False,
) -> tuple[str, str]:
    """(the engine that a name means for a denoiser, why), both in words.

    parameters: how many the denoiser has. dtype: of its weights; torch.int8: what was asked for.
    free: bytes of memory, None where nobody knows. native: whether the processor computes in bf16.
    "auto" is what is installed and the fastest with the reference's numbers: for a large denoiser
    on the CPU OpenVINO, for others the modules as they are, so that a small model's pictures have
    equal bits wherever they are painted.
    """
    if name not in ENGINES:
        raise UsageError(f"engine {name!r} is unknown: one of {', '.join(ENGINES)} is right")
    if dtype == torch.int8:
        if name not in (AUTO, OPENVINO):
            raise UsageError(f"engine {name} does not compute in int8: {OPENVINO} is right")
        return OPENVINO, "int8 was asked for"
    if name != AUTO:
        return name, "asked for"
    if device != "cpu":
        return EAGER, f"the model is on {device}"
    if dtype != torch.float32 and not (dtype == torch.bfloat16 and native):
        return EAGER, "the model is in another dtype than this processor computes in"
    if parameters < LARGE:
        return EAGER, "the model is small, and converting it costs more than it gains"
    if (lacking := missing(OPENVINO)) is not None:
        return EAGER, lacking
    if free is not None and free < CONVERTING * parameters * dtype.itemsize:
        return EAGER, f"converting takes {CONVERTING:g} times the weights' memory, and less is free"
    return OPENVINO, "it is installed, and the model is large"


def pays_from(dtype: torch.dtype) -> int:
    """Calls of the modules that cost as much more as it takes to convert them (docs/speed.md).

    Where the modules' products are fast, an engine gains little by each.
    """
    if not is_faster(dtype):
        return 15
    return 200 if dtype == torch.bfloat16 else 70


def own_dtype(kind: str, parameters: int, device: str, *, native: bool) -> tuple[torch.dtype, str]:
    """(the dtype that a model is loaded in where none is asked for, why), the latter in words.

    kind: of the model, as `limner.checkpoints.inspect` says it. Half precision is for Stable
    Diffusion where it is fast. Others are in fp32 on the CPU, and paint the same bits on each.
    """
    if device != "cpu":
        return torch.float16, f"the model is on {device}"
    if not kind.startswith(STABLE_DIFFUSION) or parameters < LARGE:
        return torch.float32, "the model is small, or none of Stable Diffusion's"
    if not native:
        return torch.float32, "this processor does not compute in bf16"
    return torch.bfloat16, "this processor computes in bf16"


def dtype_named(name: str) -> torch.dtype:
    """What a name means; UsageError for a name that is none."""
    if name not in DTYPES:
        raise UsageError(f"dtype {name!r} is unknown: one of {', '.join(DTYPES)} is right")
    return DTYPES[name]


def missing(name: str) -> str | None:
    """What an engine lacks on this machine, in words; None where it can be used.

    Raises UsageError for a name that is none.
    """
    if name not in ENGINES:
        raise UsageError(f"engine {name!r} is unknown: one of {', '.join(ENGINES)} is right")
    if name == OPENVINO and find_spec("openvino") is None:
        return "OpenVINO is not installed: pip install limner[openvino]"
    if name == COMPILED:
        from limner.engine.compiled import compiler

        return None if compiler() else "there is no C++ compiler: install g++ or clang"
    if name == CUDA_GRAPHS and not torch.cuda.is_available():
        return "there is no GPU of CUDA here, or this torch is built without"
    return None


def engine_for(
    name: str,
    parts: Parts,
    *arguments: Any,
    calibration: Calibration | None = None,
    **options: Any,
) -> EagerEngine:
    """The engine that a name means for a model. calibration: None where int8 is not asked for."""
    weights = list(parts.denoiser.parameters())
    size, first = sum(weight.numel() for weight in weights), weights[0]
    dtype = first.dtype if calibration is None else torch.int8
    free, native = free_memory(first.device), computes_in_bf16()
    meant, _ = chosen(name, size, dtype, first.device.type, free, native=native)
    if calibration is not None:
        options["calibration"] = calibration
    elif name == AUTO and meant == OPENVINO:
        options["pays"] = pays_from(dtype)
    return engine_named(meant)(parts, *arguments, **options)
