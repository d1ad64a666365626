"""What a file is, told by the names and shapes of its tensors; never by its own name."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from limner.checkpoints.families import SD2, SDXL, SINGLE_FILES, clip, description, kind_by_marker
from limner.checkpoints.families.alone import ALONE
from limner.checkpoints.families.places import EMA_PREFIX, UNET_PREFIX, Place
from limner.checkpoints.file_noise import process_told, scheduler_told
from limner.checkpoints.folder import INPAINTING_CHANNELS
from limner.checkpoints.header import Entry
from limner.checkpoints.kinds import FileKind
from limner.checkpoints.reader import Weights
from limner.diffusion.process import Process
from limner.diffusion.scheduler_config import prediction_name
from limner.diffusion.scheduler_process import process_from_dict

NESTED = "state_dict."

ADAPTER = re.compile(
    r".*(\.lora_(down|up|A|B)\b|\.lora\.(down|up)\b|\.lora_(linear_layer|magnitude)|_lora\.(down|up)\b"
    r"|\.hada_w|\.lokr_w|\.dora_scale|\.b?oft_|:\d+:(up|down)$)"
)
INVERSION_NAMES = frozenset({"emb_params", "*", "clip_l", "clip_g"})
INVERSION_WIDTHS = (768, 1024, 1280)
MOST_INVERSION_VECTORS = 256

CONTEXT_KEY = "input_blocks.{}.1.transformer_blocks.0.attn2.to_k.weight"
INPUT_KEY, POOLED_KEY = "input_blocks.0.0.weight", "label_emb.0.0.weight"

METADATA_KEYS = ("modelspec.prediction_type", "prediction_type")
METADATA_VALUES = {
    "epsilon": "epsilon",
    "eps": "epsilon",
    "v": "v",
    "v_prediction": "v",
    "v-prediction": "v",
}


class Found(StrEnum):
    """How the prediction type was found, the surest first."""

    GIVEN = "given by the caller"
    MARKER = "marker tensor in the file"
    METADATA = "metadata of the file"
    SPREAD = "spread of a bias in the U-Net (more than 0.09 means v)"
    SCHEDULER = "scheduler_config.json"
    DEFAULT = "nothing in the file tells: the family's usual one"


@dataclass(frozen=True, kw_only=True)
class Detection:
    """What a file is.

    places: its parts and where they are. layout: "flat", or "state_dict" where names begin so.
    prediction: "epsilon", "v" or "edm", or None for a file that predicts nothing.
    process, scheduler: the noise that the file tells of, and its scheduler where it tells of one.
    parameters: by part.
    dtypes: of the tensors, the commonest first.
    """

    kind: FileKind
    places: tuple[Place, ...]
    layout: str
    inpainting: bool
    ema: bool
    prediction: str | None
    prediction_found: Found | None
    process: Process
    scheduler: Mapping[str, Any] | None
    dtypes: tuple[str, ...]
    parameters: Mapping[str, int]

    @property
    def zero_snr(self) -> bool:
        """Whether the noise process is a chain that ends in noise alone."""
        return getattr(self.process, "zero_terminal_snr", False)

    @property
    def description(self) -> str:
        return description(self.kind) + (", inpainting" if self.inpainting else "")


def detect(weights: Weights, *, prediction: str | None = None) -> Detection:
    """What a file is, from its header and a few small tensors. prediction: known to the caller."""
    entries = weights.entries
    nested = any(name.startswith(NESTED) for name in entries)
    names = {name.removeprefix(NESTED) if nested else name: name for name in entries}
    tensors = {name: entries[there] for name, there in names.items()}
    kind = kind_of(tensors)
    places = places_of(kind, tensors)
    unet = next((place.prefix for place in places if place.part == "denoiser"), None)
    scheduler = scheduler_told(weights, names)
    found = None
    if unet is not None:
        prediction, found = _prediction(weights, names, kind, unet, prediction)
    if scheduler is not None and found is not None:
        prediction, found = _edm_prediction(scheduler, prediction, found)
    input_shape = _shape(tensors, f"{unet}{INPUT_KEY}") or _shape(tensors, "conv_in.weight")
    return Detection(
        kind=kind,
        places=places,
        layout="state_dict" if nested else "flat",
        inpainting=unet is not None and input_shape[1:2] == (INPAINTING_CHANNELS,),
        ema=any(name.startswith(EMA_PREFIX) for name in tensors),
        prediction=prediction if unet is not None else None,
        prediction_found=found,
        process=process_told(weights, names) if scheduler is None else process_from_dict(scheduler),
        scheduler=scheduler,
        dtypes=dtype_names(entries.values()),
        parameters=_parameters(tensors, places),
    )


def kind_of(tensors: Mapping[str, Entry]) -> FileKind:
    """What a file is by its tensors, `state_dict.` taken off their names."""
    if (marked := kind_by_marker(tensors)) is not None:
        return marked
    if any(name.startswith(UNET_PREFIX) for name in tensors):
        return _kind_of_unet(tensors)
    if any(ADAPTER.match(name) for name in tensors):
        return FileKind.LORA
    if clip.is_clip(tensors):
        return FileKind.CLIP
    for kind, markers in ALONE.items():
        if any(name in tensors for name, _ in markers):
            return kind
    return FileKind.TEXTUAL_INVERSION if _is_inversion(tensors) else FileKind.UNKNOWN


def places_of(kind: FileKind, tensors: Iterable[str]) -> tuple[Place, ...]:
    """The parts that a file of a kind has to hold."""
    if kind in SINGLE_FILES:
        return SINGLE_FILES[kind].places
    present = set(tensors)
    if kind is FileKind.CLIP:
        return clip.places(present)
    alone = (place for name, place in ALONE.get(kind, ()) if name in present)
    return tuple(alone)[:1]


def dtype_names(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The dtypes of tensors, the commonest first."""
    counts = Counter(str(entry.dtype).removeprefix("torch.") for entry in entries)
    return tuple(name for name, _ in counts.most_common())


def _kind_of_unet(tensors: Mapping[str, Entry]) -> FileKind:
    """Of a file with a U-Net and no text encoder that tells more."""
    width = _context_width(tensors, UNET_PREFIX)
    if f"{UNET_PREFIX}{POOLED_KEY}" in tensors:
        return FileKind.SDXL if width == SDXL.context_width else FileKind.REFINER
    return FileKind.SD2 if width == SD2.context_width else FileKind.SD1


def _context_width(tensors: Mapping[str, Entry], prefix: str) -> int | None:
    """Of the first cross-attention: block 1 or 2, in SDXL 4 or 5."""
    shapes = [_shape(tensors, prefix + CONTEXT_KEY.format(block)) for block in range(1, 9)]
    return next((shape[1] for shape in shapes if len(shape) == 2), None)


def _is_inversion(tensors: Mapping[str, Entry]) -> bool:
    """One or two small tables of vectors, by their names or by one width of a text encoder."""
    shapes = [entry.shape for entry in tensors.values()]
    small = all(
        1 <= len(shape) <= 2 and math.prod(shape[:-1]) <= MOST_INVERSION_VECTORS for shape in shapes
    )
    named = INVERSION_NAMES & tensors.keys()
    one = len(shapes) == 1 and len(shapes[0]) > 0 and shapes[0][-1] in INVERSION_WIDTHS
    return small and (bool(named) or one)


def _prediction(
    weights: Weights, names: Mapping[str, str], kind: FileKind, unet: str, given: str | None
) -> tuple[str, Found]:
    """What the U-Net predicts, and how that is known."""
    if given is not None:
        return given, Found.GIVEN
    if "v_pred" in names:
        return "v", Found.MARKER
    told = next((weights.metadata[key] for key in METADATA_KEYS if key in weights.metadata), "")
    if told in METADATA_VALUES:
        return METADATA_VALUES[told], Found.METADATA
    spread = SINGLE_FILES[kind].v_spread if kind in SINGLE_FILES else None
    name = None if spread is None else names.get(unet + spread.name)
    first = names.get(unet + INPUT_KEY)
    plain = first is not None and weights.entries[first].shape[1:2] == (4,)
    if spread is not None and name is not None and plain:
        large = weights.get(name).double().std().item() > spread.least
        return "v" if large else "epsilon", Found.SPREAD
    return "epsilon", Found.DEFAULT


def _edm_prediction(
    scheduler: Mapping[str, Any], prediction: str | None, found: Found
) -> tuple[str, Found]:
    """What an EDM file predicts: as it says, or v or the other sign of it as the caller says."""
    if found is Found.GIVEN and prediction is not None:
        return {"epsilon": "edm"}.get(prediction, prediction), found
    return prediction_name(scheduler), Found.MARKER


def _shape(tensors: Mapping[str, Entry], name: str) -> tuple[int, ...]:
    return tensors[name].shape if name in tensors else ()


def _parameters(tensors: Mapping[str, Entry], places: Iterable[Place]) -> dict[str, int]:
    return {
        place.part: sum(
            entry.count for name, entry in tensors.items() if name.startswith(place.prefix)
        )
        for place in places
    }
