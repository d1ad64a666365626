"""What stands beside the tensors of a LoRA file: peft's configuration, which no tensor tells.

It lies in the metadata, as diffusers puts it there, or beside the file as peft saves it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from limner.errors import CheckpointError

DIFFUSERS_METADATA = "lora_adapter_metadata"
FULL_OF_FACTORS = ("LOHA", "LOKR")  # of peft's kinds: whose scale is alpha / r whatever the factors


@dataclass(frozen=True, kw_only=True)
class Cayley:
    """How peft's OFT makes rotations of its skew matrices (Qiu et al. 2025, section 4.3).

    terms: of the Neumann series that stands for the inverse; None: the inverse itself.
    most: of a block's norm, times the root of their number; None: any.
    """

    terms: int | None = 5
    most: float | None = None


@dataclass(frozen=True)
class Settings:
    """peft's configuration as JSON, by part or for all; empty where a file has none."""

    json: Mapping[str, Any] = field(default_factory=dict)

    def scale(self, name: str, alpha: Tensor | None, rank: int) -> float:
        """alpha / rank; alpha / sqrt(rank) where rsLoRA is said (Kalajdzievski 2023)."""
        if alpha is not None:
            real = alpha.numel() == 1 and not alpha.is_complex()
            value, root = (alpha.item() if real else math.nan), False
        else:
            value, root = self._alpha(name, rank)
        if not math.isfinite(value):
            raise CheckpointError(f"{name} has an alpha that is not one finite number")
        return value / (math.sqrt(rank) if root else rank)

    def rank(self, name: str) -> int | None:
        """r of a module, where the scale goes by it and not by what a file's tensors tell."""
        if self.json.get("peft_type") not in FULL_OF_FACTORS:
            return None
        rank = self._of_module(name, "rank_pattern", self.json.get("r"))
        if type(rank) is not int or rank < 1:
            raise CheckpointError("its LoRA configuration is not peft's: r is missing")
        return rank

    @property
    def cayley(self) -> Cayley:
        said = self.json
        try:
            terms = int(said.get("num_cayley_neumann_terms", Cayley().terms))
            most = float(said.get("eps", 6e-5))
        except (TypeError, ValueError):
            raise CheckpointError("its OFT configuration is not peft's") from None
        return Cayley(
            terms=terms if said.get("use_cayley_neumann", True) else None,
            most=most if said.get("coft", False) else None,
        )

    def _alpha(self, name: str, rank: int) -> tuple[float, bool]:
        """alpha, and whether it goes by the root of the rank."""
        usual = self._field(name, "lora_alpha", self._field(name, "alpha", rank))
        try:
            alpha = float(self._of_module(name, "alpha_pattern", usual))
        except (TypeError, ValueError):
            raise CheckpointError("its LoRA configuration is not peft's") from None
        return alpha, bool(self._field(name, "use_rslora", False))

    def _field(self, name: str, key: str, default: Any) -> Any:
        part = name.split(".", 1)[0]
        return self.json.get(f"{part}.{key}", self.json.get(key, default))

    def _of_module(self, name: str, key: str, value: Any) -> Any:
        """A value that some modules have otherwise, by the ends of their names."""
        patterns = self._field(name, key, None) or {}
        if not isinstance(patterns, Mapping):
            raise CheckpointError("its LoRA configuration is not peft's")
        for pattern, other in patterns.items():
            value = other if f".{name}".endswith(f".{pattern}") else value
        return value


def settings_of(path: Path, metadata: Mapping[str, str]) -> Settings:
    """Those of a file; CheckpointError where they cannot be read."""
    beside = path.parent / "adapter_config.json"
    try:
        if DIFFUSERS_METADATA in metadata:
            json_ = json.loads(metadata[DIFFUSERS_METADATA])
        elif path.name == "adapter_model.safetensors" and beside.is_file():
            json_ = json.loads(beside.read_text(encoding="utf-8"))
        else:
            return Settings()
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"its LoRA configuration cannot be read: {error}") from None
    if not isinstance(json_, dict):
        raise CheckpointError("its LoRA configuration is no JSON object")
    return Settings(json_)
