"""What a file is, told by the names and shapes of its tensors; never by its own name."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from limner.checkpoints.header import Entry
from limner.checkpoints.layouts import (
    ALONE,
    DESCRIPTIONS,
    EMA_PREFIX,
    LAYOUTS,
    UNET_PREFIX,
    Family,
    Place,
)
from limner.checkpoints.reader import Weights

NESTED = "state_dict."
INPAINTING_CHANNELS = 9  # noisy latent, mask, latent of what is kept
SD2_CONTEXT = 1024
SDXL_CONTEXT = 2048

# A prefix or a part of a name that only one family has, the surest first.
PREFIXES = (
    ("conditioner.embedders.1.model.", Family.SDXL),
    ("conditioner.embedders.0.model.", Family.REFINER),
    ("cond_stage_model.model.", Family.SD2),
    ("cond_stage_model.transformer.", Family.SD1),
)
ADAPTER = re.compile(
    r".*(\.lora_(down|up|A|B)\b|\.lora\.(down|up)\b|\.lora_(linear_layer|magnitude)|_lora\.(down|up)\b"
    r"|\.hada_w|\.lokr_w|\.dora_scale|\.oft_)"
)
INVERSION_NAMES = frozenset({"emb_params", "*", "clip_l", "clip_g"})
INVERSION_WIDTHS = (768, 1024, 1280)
MOST_INVERSION_VECTORS = 256

CONTEXT_KEY = "input_blocks.{}.1.transformer_blocks.0.attn2.to_k.weight"
INPUT_KEY, POOLED_KEY = "input_blocks.0.0.weight", "label_emb.0.0.weight"
# Stable Diffusion 2: the spread of this bias is larger in those that predict v.
SPREAD_KEY = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
LEAST_V_SPREAD = 0.09

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
    MARKER = "marker tensor v_pred in the file"
    METADATA = "metadata of the file"
    SPREAD = f"spread of a bias in the U-Net (more than {LEAST_V_SPREAD} means v)"
    SCHEDULER = "scheduler_config.json"
    DEFAULT = "nothing in the file tells: the family's usual one"


@dataclass(frozen=True, kw_only=True)
class Detection:
    """What a file is.

    places: its parts and where they are. layout: "flat", or "state_dict" where names begin so.
    prediction: "epsilon" or "v", or None for a file that predicts nothing.
    zero_snr: the marker of a schedule that ends in pure noise. parameters: by part.
    dtypes: of the tensors, the commonest first.
    """

    family: Family
    places: tuple[Place, ...]
    layout: str
    inpainting: bool
    ema: bool
    prediction: str | None
    prediction_found: Found | None
    zero_snr: bool
    dtypes: tuple[str, ...]
    parameters: Mapping[str, int]

    @property
    def description(self) -> str:
        return DESCRIPTIONS[self.family] + (", inpainting" if self.inpainting else "")


def detect(weights: Weights, *, prediction: str | None = None) -> Detection:
    """What a file is, from its header and at most one tensor. prediction: known to the caller."""
    entries = weights.entries
    nested = any(name.startswith(NESTED) for name in entries)
    names = {name.removeprefix(NESTED) if nested else name: name for name in entries}
    tensors = {name: entries[there] for name, there in names.items()}
    family = family_of(tensors)
    places = places_of(family, tensors)
    unet = next((place.prefix for place in places if place.part == "denoiser"), None)
    found = None
    if unet is not None:
        prediction, found = _prediction(weights, names, family, unet, prediction)
    input_shape = _shape(tensors, f"{unet}{INPUT_KEY}") or _shape(tensors, "conv_in.weight")
    return Detection(
        family=family,
        places=places,
        layout="state_dict" if nested else "flat",
        inpainting=unet is not None and input_shape[1:2] == (INPAINTING_CHANNELS,),
        ema=any(name.startswith(EMA_PREFIX) for name in tensors),
        prediction=prediction if unet is not None else None,
        prediction_found=found,
        zero_snr="ztsnr" in tensors,
        dtypes=dtype_names(entries.values()),
        parameters=_parameters(tensors, places),
    )


def family_of(tensors: Mapping[str, Entry]) -> Family:
    """The family of a file by its tensors, `state_dict.` taken off their names."""
    for prefix, family in PREFIXES:
        if any(name.startswith(prefix) for name in tensors):
            return family
    if any(name.startswith(UNET_PREFIX) for name in tensors):
        return _family_of_unet(tensors)
    if any(ADAPTER.match(name) for name in tensors):
        return Family.LORA
    for family, markers in ALONE.items():
        if any(name in tensors for name, _ in markers):
            return family
    return Family.TEXTUAL_INVERSION if _is_inversion(tensors) else Family.UNKNOWN


def places_of(family: Family, tensors: Iterable[str]) -> tuple[Place, ...]:
    """The parts that a file of a family has to hold."""
    present = set(tensors)
    alone = (place for name, place in ALONE.get(family, ()) if name in present)
    return LAYOUTS.get(family) or tuple(alone)[:1]


def dtype_names(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The dtypes of tensors, the commonest first."""
    counts = Counter(str(entry.dtype).removeprefix("torch.") for entry in entries)
    return tuple(name for name, _ in counts.most_common())


def _family_of_unet(tensors: Mapping[str, Entry]) -> Family:
    """Of a file with a U-Net and no text encoder that tells more."""
    if f"{UNET_PREFIX}{POOLED_KEY}" in tensors:
        width = _context_width(tensors, UNET_PREFIX)
        return Family.SDXL if width == SDXL_CONTEXT else Family.REFINER
    return Family.SD2 if _context_width(tensors, UNET_PREFIX) == SD2_CONTEXT else Family.SD1


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
    weights: Weights, names: Mapping[str, str], family: Family, unet: str, given: str | None
) -> tuple[str, Found]:
    """What the U-Net predicts, and how that is known."""
    if given is not None:
        return given, Found.GIVEN
    if "v_pred" in names:
        return "v", Found.MARKER
    told = next((weights.metadata[key] for key in METADATA_KEYS if key in weights.metadata), "")
    if told in METADATA_VALUES:
        return METADATA_VALUES[told], Found.METADATA
    spread, first = names.get(unet + SPREAD_KEY), names.get(unet + INPUT_KEY)
    plain = first is not None and weights.entries[first].shape[1:2] == (4,)
    if family is Family.SD2 and spread is not None and plain:
        large = weights.get(spread).double().std().item() > LEAST_V_SPREAD
        return "v" if large else "epsilon", Found.SPREAD
    return "epsilon", Found.DEFAULT


def _shape(tensors: Mapping[str, Entry], name: str) -> tuple[int, ...]:
    return tensors[name].shape if name in tensors else ()


def _parameters(tensors: Mapping[str, Entry], places: Iterable[Place]) -> dict[str, int]:
    return {
        place.part: sum(
            entry.count for name, entry in tensors.items() if name.startswith(place.prefix)
        )
        for place in places
    }
