"""open_clip without torchvision, which has no build beside the CPU's torch and no use here."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from transformers.utils import is_torchvision_available

MODULES = (
    "torchvision", "torchvision.transforms", "torchvision.transforms.functional",
    "torchvision.ops", "torchvision.ops.misc", "ftfy", "timm", "timm.layers",
)  # fmt: skip
HAS_OPEN_CLIP = find_spec("open_clip") is not None
REASON = "open_clip is not installed: pip install --no-deps open_clip_torch"


class Nothing(ModuleType):
    """Has every name; what it stands for is never used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"BICUBIC": None, "BILINEAR": None})


def open_clip_model() -> ModuleType:
    """The module of open_clip's towers."""
    is_torchvision_available()  # remembered before there seems to be one
    missing = [name for name in MODULES if find_spec(name.split(".")[0]) is None]
    try:
        for name in missing:
            sys.modules[name] = Nothing(name)
            sys.modules[name].__path__ = []  # type: ignore[attr-defined]
            parent, _, own = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], own, sys.modules[name])
        return importlib.import_module("open_clip.model")
    finally:
        for name in missing:
            del sys.modules[name]
