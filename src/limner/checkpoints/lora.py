"""LoRA files: read in every spelling and kind in circulation, written in one of each trainer's.

W becomes W + weight * alpha / rank * up @ down; alpha is the rank where a file does not give it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from limner.checkpoints.lora_kinds import (
    BESIDE,
    UNSUPPORTED,
    VECTORS,
    difference,
    given_names,
    is_low_rank,
    offset_of,
    rank_of,
    split,
)
from limner.checkpoints.lora_names import (
    Models,
    adaptable,
    names_in_files,
    shiftable,
    written_by_kohya,
)
from limner.checkpoints.lora_numbers import named
from limner.checkpoints.lora_settings import Settings, settings_of
from limner.checkpoints.reader import read_tensors
from limner.checkpoints.textual_inversion import TextualInversion, parse_textual_inversion
from limner.errors import CheckpointError
from limner.files import whole_file
from limner.nn.adapter import Adapter, LowRank, original
from limner.nn.differences import as_low_rank
from limner.nn.offsets import Offset, WholeAdapter

Spelling = Literal["peft", "kohya"]

BUNDLED = re.compile(r"bundle_emb\.(.+?)\.((?:string_to_param\.|emb_params$|clip_[lg]$).*)")


@dataclass(frozen=True, kw_only=True)
class Lora:
    """What a file holds for a model.

    updates: by module, as "unet.mid_block.attentions.0.proj_in". offsets: of biases and norms.
    words: learned words that lie in the file beside them. unmatched: the keys of the file that no
    module of the model goes by.
    """

    updates: Mapping[str, LowRank]
    offsets: Mapping[str, Offset] = field(default_factory=dict)
    words: tuple[TextualInversion, ...] = ()
    unmatched: tuple[str, ...] = ()

    def adapter(self, models: Models, weight: float = 1.0) -> Adapter:
        """The updates for the modules of these models, which are those it was read for; off."""
        modules = adaptable(models)
        updates = {modules[name]: low for name, low in self.updates.items()}
        if not self.offsets:
            return Adapter(updates, weight)
        places = shiftable(models)
        offsets: dict[nn.Module, Offset] = {places[n]: each for n, each in self.offsets.items()}
        return WholeAdapter(updates, weight, offsets)

    def text_and_picture(self) -> tuple[Lora, Lora]:
        """The updates of the text encoders, and those of the denoiser."""
        text, picture = (
            Lora(
                updates={n: low for n, low in self.updates.items() if of_text(n) == is_text},
                offsets={n: each for n, each in self.offsets.items() if of_text(n) == is_text},
            )
            for is_text in (True, False)
        )
        return text, picture


def read_lora(path: str | Path, models: Models) -> Lora:
    """The updates in a file for a model's parts, {"unet": ..., "text_encoder": ..., ...}.

    Raises CheckpointError where the file is broken, of a kind that is not supported, for a model
    of other shapes, or where nothing in it matches.
    """
    path = Path(path)
    tensors, metadata = read_tensors(path)
    try:
        return parse_lora(tensors, models, settings_of(path, metadata).json)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def parse_lora(
    tensors: Mapping[str, Tensor], models: Models, settings: Mapping[str, Any] | None = None
) -> Lora:
    """As `read_lora`, of tensors that are read already; settings: peft's, by part or for all."""
    _refuse(tensors)
    words, rest = _bundled(named(given_names(tensors), models), models)
    pieces, unmatched = _by_module(rest, names_in_files(models))
    if not pieces and not words:
        raise CheckpointError(f"no key matches a module of this model; the first: {_some(tensors)}")
    modules, said = shiftable(models), Settings(settings or {})
    updates, offsets = dict[str, LowRank](), dict[str, Offset]()
    for name, found in pieces.items():
        _check_floats(name, found)
        module = modules[name]
        if "up_bias" in found and "down" in found:  # of peft's `lora_bias`
            scale = said.scale(name, found.get("alpha"), len(found["down"]))
            found["bias"] = scale * found.pop("up_bias").float()
        if (offset := offset_of(name, found, module)) is not None:
            offsets[name] = offset
        if isinstance(module, nn.Linear | nn.Conv2d) and not found.keys() <= VECTORS | BESIDE:
            pieces_left = {piece: t for piece, t in found.items() if piece not in VECTORS}
            updates[name] = _update(name, pieces_left, original(module), said)
        elif offset is None:
            raise CheckpointError(f"{name} is a norm: {', '.join(sorted(found))} do not fit it")
    return Lora(updates=updates, offsets=offsets, words=words, unmatched=unmatched)


def _bundled(
    tensors: Mapping[str, Tensor], models: Models
) -> tuple[tuple[TextualInversion, ...], dict[str, Tensor]]:
    """The learned words in a file, for a model with its text encoders; and its other tensors."""
    towers = {part: model for part, model in models.items() if of_text(part)}
    widths = {part: int(tower.config.width) for part, tower in towers.items()}  # type: ignore[union-attr, arg-type]
    contents: dict[str, dict[str, Tensor]] = {}
    rest = dict[str, Tensor]()
    for key, tensor in tensors.items():
        found = BUNDLED.fullmatch(key) if widths else None
        place = rest if found is None else contents.setdefault(found[1], {})
        place[key if found is None else found[2]] = tensor
    words = (parse_textual_inversion(each, widths, word) for word, each in contents.items())
    return tuple(words), rest


def _by_module(
    tensors: Mapping[str, Tensor], names: Mapping[str, str]
) -> tuple[dict[str, dict[str, Tensor]], tuple[str, ...]]:
    """(the pieces of each module's update, the keys that no module goes by or that say nothing)."""
    pieces: dict[str, dict[str, Tensor]] = {}
    unmatched = []
    for key, tensor in tensors.items():
        base, piece = split(key)
        if base not in names or piece is None:
            unmatched.append(key)
        elif piece in (found := pieces.setdefault(names[base], {})):
            raise CheckpointError(f"{names[base]} is given twice, the second time as {key}")
        else:
            found[piece] = tensor
    for name in [name for name, found in pieces.items() if found.keys() <= BESIDE]:
        unmatched += [key for key in tensors if names.get(split(key)[0]) == name]
        del pieces[name]  # an alpha, say, of nothing
    return pieces, tuple(unmatched)


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


def of_text(name: str) -> bool:
    """Whether a module is of a text encoder."""
    return name.startswith("text_encoder")


def _check_floats(name: str, pieces: Mapping[str, Tensor]) -> None:
    matrices = [t for piece, t in pieces.items() if piece not in ("alpha", "on_input")]
    if not all(tensor.is_floating_point() for tensor in matrices):
        kinds = " and ".join(sorted({str(tensor.dtype) for tensor in matrices}))
        raise CheckpointError(f"{name} is {kinds}: floating point is right")


def _update(name: str, pieces: Mapping[str, Tensor], weight: Tensor, settings: Settings) -> LowRank:
    if not is_low_rank(pieces):
        return _dense(name, pieces, weight, settings)
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
    return LowRank(down=down, up=up, scale=settings.scale(name, pieces.get("alpha"), len(down)))


def _dense(name: str, pieces: Mapping[str, Tensor], weight: Tensor, settings: Settings) -> LowRank:
    """An update of another kind, by its difference; it is as good as one of full rank."""
    alpha, rank = pieces.get("alpha"), rank_of(pieces)
    if {"lokr_w1", "lokr_w2"} <= pieces.keys():
        rank = None  # LyCORIS has no scale for two whole factors; peft has
    rank = settings.rank(name) or rank
    scale = 1.0 if rank is None else settings.scale(name, alpha, rank)
    constraint = 0.0 if alpha is None else settings.scale(name, alpha, 1)
    found = difference(name, pieces, weight, scale, constraint, settings.cayley)
    if not torch.isfinite(found).all():
        raise CheckpointError(f"{name} has an update that is not finite")
    return as_low_rank(found)


def _like(matrix: Tensor, weight: Tensor, axis: int) -> Tensor:
    """The matrix of a 1 x 1 convolution as that of a linear layer, and the other way round.

    Both are in circulation for `proj_in` and `proj_out`, which changed between versions.
    """
    pointwise = math.prod(weight.shape[2:]) == 1 or axis == 0
    if matrix.ndim < 2 or not pointwise or math.prod(matrix.shape[2:]) != 1:
        return matrix
    return matrix.reshape(*matrix.shape[:2], *[1] * (weight.ndim - 2))


def _some(tensors: Mapping[str, Tensor]) -> str:
    return ", ".join(key[:100] for key in list(tensors)[:3]) or "there is none"
