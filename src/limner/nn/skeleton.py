"""Modules without memory for their weights, which a checkpoint then brings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

Module = TypeVar("Module", bound=nn.Module)


def skeleton(make: Callable[[], Module]) -> Module:
    """What `make` builds, on the `meta` device."""
    with torch.device("meta"), _WithoutNormal():
        return make()


class _WithoutNormal(TorchFunctionMode):
    """Leaves normal initialisation out: on `meta` PyTorch loads its compiler for it (seconds)."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "normal_":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
