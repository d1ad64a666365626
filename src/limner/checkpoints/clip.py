"""A whole CLIP on the disk: its text tower, its image tower, their vocabulary and pixels.

a file                 OpenAI's, OpenCLIP's or transformers' names, safetensors
a folder with a file   as OpenCLIP (open_clip_config.json) or transformers (config.json) put it
a model folder         text_encoder/, image_encoder/, tokenizer/, feature_extractor/

What tells activation and heads is the configuration beside the file. Where there is none, a file
with OpenAI's three numbers is OpenAI's; of another the note says what was taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints.detect import detect
from limner.checkpoints.families import SD1, clip
from limner.checkpoints.folder import ModelFolder, published_tokenizer, read_json, write_json
from limner.checkpoints.kinds import FileKind
from limner.checkpoints.reader import Weights, open_weights
from limner.checkpoints.single_file import (
    Match,
    check,
    fill,
    leftovers,
    match,
    parted,
    unused_notes,
)
from limner.errors import CheckpointError, UsageError
from limner.models.clip import Clip, TextTower
from limner.nn.skeleton import skeleton
from limner.text.tokenizer import Tokenizer

TOWERS = ("text_encoder", "image_encoder")
PIXELS = Path("feature_extractor") / "preprocessor_config.json"
OPEN_CLIP_FILE, OPEN_CLIP_CONFIG = "open_clip_model.safetensors", "open_clip_config.json"
TRANSFORMERS_FILE, TRANSFORMERS_CONFIG = "model.safetensors", "config.json"
UNTOLD = (
    "nothing beside the file tells its activation: {} is taken; "
    f"its {OPEN_CLIP_CONFIG} in its folder would tell"
)


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """What pixels from 0 to 1 are shifted and scaled by; CLIP's where not given."""

    mean: tuple[float, ...] = (0.48145466, 0.4578275, 0.40821073)
    spread: tuple[float, ...] = (0.26862954, 0.26130258, 0.27577711)

    def __call__(self, pixels: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Model pixels, from -1 to 1, as the image tower takes them."""
        mean, spread = (
            torch.tensor(each, device=pixels.device).view(-1, 1, 1)
            for each in (self.mean, self.spread)
        )
        return ((pixels + 1) / 2 - mean) / spread


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeClip:
    """Both towers with what they need. normalisation: None: model pixels are taken as they are.

    notes: what of the files is not used, or was guessed, a sentence each.
    """

    clip: Clip
    tokenizer: Tokenizer
    normalisation: Normalisation | None
    notes: tuple[str, ...] = ()

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Float[Tensor, "T P"]:
        """The projected state of each text."""
        device = self.clip.logit_scale.device
        projected = self.clip.text(self.tokenizer(list(texts)).to(device)).projected
        assert projected is not None  # of every CLIP
        return projected


def holds_clip(path: Path) -> bool:
    """Whether a file or folder is a CLIP and no model that paints."""
    if path.is_file():
        return detect(open_weights(path)).kind is FileKind.CLIP
    if _published(path) is not None:
        return True
    folder = ModelFolder(path)
    return all(map(folder.has, TOWERS)) and not any(map(folder.has, ("unet", "transformer")))


def is_published(path: Path) -> bool:
    """Whether it is a file, or a folder as others put one: no model folder."""
    return path.is_file() or _published(path) is not None


def load_clip(path: Path, *, device: torch.device | str = "cpu", strict: bool = False) -> WholeClip:
    """Both towers in fp32, in evaluation mode.

    strict: refuse what lies in a file beside them. Raises CheckpointError for anything else, and
    where tensors are missing or of other shapes.
    """
    if path.is_file():
        return clip_of(open_weights(path), device=device, strict=strict)
    if (file := _published(path)) is not None:
        return clip_of(open_weights(file), device=device, strict=strict)
    folder = ModelFolder(path)
    if not all(map(folder.has, TOWERS)):
        raise CheckpointError(f"{path} is no CLIP: a folder with {' and '.join(TOWERS)} is right")
    text, vision = (folder.load(part, dtype=torch.float32, device=device) for part in TOWERS)
    return WholeClip(
        clip=Clip(text, vision).eval().to(device),
        tokenizer=folder.load_tokenizer(tower=text.config),
        normalisation=normalisation_of(path),
    )


def clip_of(
    weights: Weights, *, device: torch.device | str = "cpu", strict: bool = False
) -> WholeClip:
    """As `load_clip`, of tensors that are open already."""
    found = detect(weights)
    if found.kind is not FileKind.CLIP:
        raise CheckpointError(f"{weights.path} is {found.description}: a whole CLIP is right")
    said = _said(weights)
    matches = [_as_said(match(weights, place, SD1), said) for place in found.places]
    unexpected, unused = parted(weights, found, leftovers(weights, found, matches))
    check(weights, matches, unexpected + unused if strict else unexpected)
    text, vision = (fill(weights, part, dtype=torch.float32, device=device) for part in matches)
    assert isinstance(text, TextTower)
    try:
        whole = Clip(text, vision)  # type: ignore[arg-type]
    except UsageError as error:
        raise CheckpointError(f"{weights.path}: {error}") from None
    if clip.SCALE in weights.entries:
        whole.logit_scale.data = weights.get(clip.SCALE, torch.float32).reshape(())
    return WholeClip(
        clip=whole.eval().to(device),
        tokenizer=_tokenizer(weights.path, text),
        normalisation=said.normalisation,
        notes=(*said.notes, *unused_notes(unused)),
    )


def save_clip(whole: WholeClip, path: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Write both towers as a new model folder, which the CLIP recipe goes on from."""
    folder = ModelFolder(path)
    for module in (whole.clip.text, whole.clip.vision):
        folder.save(module, dtype)
    folder.save_tokenizer(whole.tokenizer)
    if whole.normalisation is not None:
        (path / PIXELS).parent.mkdir(exist_ok=True)
        said = whole.normalisation
        write_json(path / PIXELS, {"image_mean": said.mean, "image_std": said.spread})


def normalisation_of(path: Path) -> Normalisation | None:
    """That of a model folder; None: it says of none. Raises CheckpointError for another."""
    file = path / PIXELS
    return _normalisation(read_json(file), file) if file.exists() else None


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What stands beside a file: of the text tower and the image tower, in this order."""

    activations: tuple[str, str]
    heads: tuple[int | None, int | None] = (None, None)
    normalisation: Normalisation
    notes: tuple[str, ...] = ()


def _published(folder: Path) -> Path | None:
    """The file of a folder as OpenCLIP or transformers puts it."""
    if (folder / OPEN_CLIP_FILE).is_file():
        return folder / OPEN_CLIP_FILE
    config = folder / TRANSFORMERS_CONFIG
    if not (folder / TRANSFORMERS_FILE).is_file() or not config.is_file():
        return None
    return folder / TRANSFORMERS_FILE if read_json(config).get("model_type") == "clip" else None


def _said(weights: Weights) -> _Said:
    """What is beside a file, by its name or its spelling."""
    folder = weights.path.parent
    transformers = clip.TRANSFORMERS in weights.entries
    config = folder / (TRANSFORMERS_CONFIG if transformers else OPEN_CLIP_CONFIG)
    if config.is_file():
        try:
            return _of_transformers(config) if transformers else _of_open_clip(config)
        except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise CheckpointError(f"{config} does not describe a CLIP: {error}") from None
    known = transformers or clip.OPENAI & weights.entries.keys()
    usual = "quick_gelu" if known else "gelu"
    resnet = clip.RESNET in weights.entries  # all of these are, or follow, OpenAI's
    return _Said(
        activations=("quick_gelu",) * 2 if resnet else (usual, usual),
        normalisation=Normalisation(),
        notes=() if known or resnet else (UNTOLD.format(usual),),
    )


def _of_transformers(config: Path) -> _Said:
    said, pixels = read_json(config), config.parent / PIXELS.name
    parts = [said.get(f"{part}_config") or {} for part in ("text", "vision")]
    return _Said(
        activations=_pair(part.get("hidden_act", "quick_gelu") for part in parts),
        heads=_pair(part.get("num_attention_heads") for part in parts),
        normalisation=_normalisation(read_json(pixels), pixels)
        if pixels.is_file()
        else Normalisation(),
    )


def _of_open_clip(config: Path) -> _Said:
    said = read_json(config)
    model, pixels = said["model_cfg"], said.get("preprocess_cfg", {})
    text, vision = model["text_cfg"], model["vision_cfg"]
    usual = "quick_gelu" if model.get("quick_gelu", False) else "gelu"
    resnet = isinstance(vision["layers"], list)
    width = vision.get("head_width", 64)
    return _Said(
        activations=(usual, usual),
        heads=(text["heads"], None if resnet else vision["width"] // width),
        normalisation=Normalisation(
            mean=tuple(pixels.get("mean") or Normalisation().mean),
            spread=tuple(pixels.get("std") or Normalisation().spread),
        ),
    )


def _pair(values: Any) -> Any:
    return tuple(values)


def _as_said(part: Match, said: _Said) -> Match:
    """A part with the activation and the heads that its shapes do not tell."""
    which = TOWERS.index(part.place.part)
    config: Any = part.module.config
    changes: dict[str, Any] = {"activation": said.activations[which], "heads": said.heads[which]}
    known = {n: value for n, value in changes.items() if hasattr(config, n) and value is not None}
    if known.get("activation", "gelu") not in ("gelu", "quick_gelu"):
        raise CheckpointError(f"its activation is {known['activation']}: gelu or quick_gelu")
    if not known:
        return part
    config = replace(config, **known)
    return replace(part, module=skeleton(lambda: part.place.naming.module(config)))


def _tokenizer(file: Path, text: TextTower) -> Tokenizer:
    """That beside a file of transformers', else CLIP's."""
    folder = file.parent
    own = (folder / TRANSFORMERS_CONFIG).is_file() and any(
        (folder / name).is_file() for name in ("vocab.json", "tokenizer.json")
    )
    tokenizer = Tokenizer.load(folder) if own else published_tokenizer(text.config)
    if text.config.vocabulary_size != tokenizer.vocabulary_size:
        raise CheckpointError(
            f"{file} has {text.config.vocabulary_size} words of its own, and no tokenizer beside it"
        )
    return tokenizer.with_length(text.config.length)


def _normalisation(said: Mapping[str, Any], path: Path) -> Normalisation:
    try:
        mean, spread = (
            tuple(float(each) for each in said[key]) for key in ("image_mean", "image_std")
        )
        if len(mean) != len(spread) or not min(spread) > 0:
            raise ValueError("a mean and a spread above 0 of each channel are right")
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} does not describe the pixels: {error}") from None
    return Normalisation(mean=mean, spread=spread)
