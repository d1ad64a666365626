"""LoRA files: read in every spelling of kohya and of diffusers, written in one of each.

W becomes W + weight * alpha / rank * up @ down; alpha is the rank where a file does not give it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import Tensor

from limner.checkpoints.lora_names import Models, adaptable, names_in_files, written_by_kohya
from limner.checkpoints.reader import read_tensors
from limner.errors import CheckpointError
from limner.files import whole_file
from limner.nn.adapter import Adapter, LowRank

Spelling = Literal["peft", "kohya"]

# How the key of a tensor ends, and which piece of an update it is.
ENDINGS = {
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".alpha": "alpha",
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora_A.default.weight": "down",
    ".lora_B.default.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    ".lora_linear_layer.down.weight": "down",
    ".lora_linear_layer.up.weight": "up",
    "_lora.down.weight": "down",
    "_lora.up.weight": "up",
}
# Kinds that are no plain low-rank update, by what their keys hold.
UNSUPPORTED = {
    r"\.dora_scale$|\.lora_magnitude_vector": "DoRA",
    r"\.hada_": "LoHa",
    r"\.lokr_": "LoKr",
    r"(^|\.)b?oft_": "OFT",
    r"\.diff(_b)?$|\.set_weight$": "full difference of weights",
    r"\.lora_mid\.": "CP-decomposed LoRA",
    r"\.lora_(B|up)\.(.*\.)?bias$": "LoRA with biases",
    r"\.[ab][12]\.weight$": "GLoRA",
    r"\.on_input$|\.ia3_": "IA3",
}
DIFFUSERS_METADATA = "lora_adapter_metadata"


@dataclass(frozen=True, kw_only=True)
class Lora:
    """What a file holds for a model.

    updates: by module, as "unet.mid_block.attentions.0.proj_in".
    unmatched: the keys of the file that no module of the model goes by.
    """

    updates: Mapping[str, LowRank]
    unmatched: tuple[str, ...] = ()

    def adapter(self, models: Models, weight: float = 1.0) -> Adapter:
        """The updates for the modules of these models, which are those it was read for; off."""
        modules = adaptable(models)
        return Adapter({modules[name]: low for name, low in self.updates.items()}, weight)

    def text_and_picture(self) -> tuple[Lora, Lora]:
        """The updates of the text encoders, and those of the denoiser."""
        text = {n: low for n, low in self.updates.items() if n.startswith("text_encoder")}
        picture = {n: low for n, low in self.updates.items() if n not in text}
        return Lora(updates=text), Lora(updates=picture)


def read_lora(path: str | Path, models: Models) -> Lora:
    """The updates in a file for a model's parts, {"unet": ..., "text_encoder": ..., ...}.

    Raises CheckpointError where the file is broken, of a kind that is not supported, for a model
    of other shapes, or where nothing in it matches.
    """
    path = Path(path)
    tensors, metadata = read_tensors(path)
    try:
        settings = _settings(path, metadata)
        return parse_lora(tensors, models, settings)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def parse_lora(
    tensors: Mapping[str, Tensor], models: Models, settings: Mapping[str, Any] | None = None
) -> Lora:
    """As `read_lora`, of tensors that are read already; settings: peft's, by part or for all."""
    _refuse(tensors)
    names, modules = names_in_files(models), adaptable(models)
    pieces: dict[str, dict[str, Tensor]] = {}
    unmatched = []
    for key, tensor in tensors.items():
        base, piece = _split(key)
        if base not in names or piece is None:
            unmatched.append(key)
        elif piece in (found := pieces.setdefault(names[base], {})):
            raise CheckpointError(f"{names[base]} is given twice, the second time as {key}")
        else:
            found[piece] = tensor
    if not pieces:
        raise CheckpointError(f"no key matches a module of this model; the first: {_some(tensors)}")
    updates = {
        name: _update(name, found, modules[name].weight, settings or {})
        for name, found in pieces.items()
    }
    return Lora(updates=updates, unmatched=tuple(unmatched))


def save_lora(
    path: str | Path,
    updates: Mapping[str, LowRank],
    models: Models,
    spelling: Spelling = "peft",
) -> None:
    """Write updates of a model's parts so that diffusers' `load_lora_weights` reads them.

    peft: alpha / rank is multiplied into the up matrices, so that no reader can miss it.
    kohya: with alpha; the blocks of SDXL's U-Net by LDM's numbers, as kohya's trainer has them.
    """
    write = {"peft": _write_peft, "kohya": _write_kohya}[spelling]
    tensors: dict[str, Tensor] = {}
    for name, low in updates.items():
        tensors |= write(name, low, models)
    ready = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    with whole_file(path) as partial:
        save_file(ready, partial, metadata={"format": "pt"})


def _write_peft(name: str, low: LowRank, models: Models) -> dict[str, Tensor]:
    return {f"{name}.lora_A.weight": low.down, f"{name}.lora_B.weight": low.scale * low.up}


def _write_kohya(name: str, low: LowRank, models: Models) -> dict[str, Tensor]:
    base = written_by_kohya(models, name)
    return {
        f"{base}.lora_down.weight": low.down,
        f"{base}.lora_up.weight": low.up,
        f"{base}.alpha": torch.tensor(low.scale * len(low.down)),
    }


def _refuse(tensors: Mapping[str, Tensor]) -> None:
    for pattern, kind in UNSUPPORTED.items():
        found = next((key for key in tensors if re.search(pattern, key)), None)
        if found is not None:
            raise CheckpointError(f"this is {kind} ({found}), which is not supported; LoRA is")


def _split(key: str) -> tuple[str, str | None]:
    """What a key says of: the module, as the file spells it, and which piece of its update."""
    for ending, piece in ENDINGS.items():
        if key.endswith(ending):
            return key.removesuffix(ending), piece
    return key, None


def _update(
    name: str, pieces: Mapping[str, Tensor], weight: Tensor, settings: Mapping[str, Any]
) -> LowRank:
    missing = {"down", "up"} - pieces.keys()
    if missing:
        raise CheckpointError(f"{name} has no {' and no '.join(sorted(missing))} matrix")
    down, up = _like(pieces["down"], weight, 1), _like(pieces["up"], weight, 0)
    expected = (len(weight), *down.shape[:1], *[1] * (weight.ndim - 2))
    if down.shape[1:] != weight.shape[1:] or up.shape != expected or not len(down):
        raise CheckpointError(
            f"a LoRA for another model: {name} has weights of {tuple(weight.shape)} here, "
            f"the file has up {tuple(up.shape)} and down {tuple(down.shape)}"
        )
    if not (down.is_floating_point() and up.is_floating_point()):
        raise CheckpointError(f"{name} is {down.dtype} and {up.dtype}: floating point is right")
    return LowRank(down=down, up=up, scale=_scale(name, pieces.get("alpha"), len(down), settings))


def _like(matrix: Tensor, weight: Tensor, axis: int) -> Tensor:
    """The matrix of a 1 x 1 convolution as that of a linear layer, and the other way round.

    Both are in circulation for `proj_in` and `proj_out`, which changed between versions.
    """
    pointwise = math.prod(weight.shape[2:]) == 1 or axis == 0
    if matrix.ndim < 2 or not pointwise or math.prod(matrix.shape[2:]) != 1:
        return matrix
    return matrix.reshape(*matrix.shape[:2], *[1] * (weight.ndim - 2))


def _scale(name: str, alpha: Tensor | None, rank: int, settings: Mapping[str, Any]) -> float:
    """alpha / rank; alpha / sqrt(rank) where the settings say rsLoRA (Kalajdzievski 2023)."""
    if alpha is not None:
        real = alpha.numel() == 1 and not alpha.is_complex()
        value, root = (alpha.item() if real else math.nan), False
    else:
        value, root = _alpha_in_settings(name, rank, settings)
    if not math.isfinite(value):
        raise CheckpointError(f"{name} has an alpha that is not one finite number")
    return value / (math.sqrt(rank) if root else rank)


def _alpha_in_settings(name: str, rank: int, settings: Mapping[str, Any]) -> tuple[float, bool]:
    """alpha, and whether it goes by the root of the rank, as peft's configuration has them."""
    part = name.split(".", 1)[0]

    def field(key: str, default: Any) -> Any:
        return settings.get(f"{part}.{key}", settings.get(key, default))

    try:
        alpha = field("lora_alpha", rank)
        for pattern, value in (field("alpha_pattern", None) or {}).items():
            alpha = value if f".{name}".endswith(f".{pattern}") else alpha
        return float(alpha), bool(field("use_rslora", False))
    except (AttributeError, TypeError, ValueError):
        raise CheckpointError("its LoRA configuration is not peft's") from None


def _settings(path: Path, metadata: Mapping[str, str]) -> Mapping[str, Any]:
    """peft's configuration: in the metadata as diffusers puts it, or beside the file."""
    beside = path.parent / "adapter_config.json"
    try:
        if DIFFUSERS_METADATA in metadata:
            settings = json.loads(metadata[DIFFUSERS_METADATA])
        elif path.name == "adapter_model.safetensors" and beside.is_file():
            settings = json.loads(beside.read_text(encoding="utf-8"))
        else:
            return {}
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"its LoRA configuration cannot be read: {error}") from None
    if not isinstance(settings, dict):
        raise CheckpointError("its LoRA configuration is no JSON object")
    return settings


def _some(tensors: Mapping[str, Tensor]) -> str:
    return ", ".join(key[:100] for key in list(tensors)[:3]) or "there is none"
