"""Reading and writing a model folder, part by part.

model_index.json                    which library and class each part is of
limner.json                         what diffusers has no place for: sampling defaults, words
tokenizer/  text_encoder/  image_encoder/
unet/ or transformer/  vae/  scheduler/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from limner.checkpoints import configs
from limner.diffusion.prediction import Prediction, prediction_named
from limner.diffusion.process import Process, process_from_dict
from limner.errors import CheckpointError
from limner.models.autoencoder import Autoencoder
from limner.models.clip import TextTower, VisionTower
from limner.models.dit import DiT
from limner.models.unet import UNet
from limner.text.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How one sort of part lies in a folder."""

    folder: str
    library: str
    name: str
    weights: str
    module: Callable[[Any], nn.Module]
    to_json: Callable[[Any], dict[str, Any]]
    from_json: Callable[[Mapping[str, Any]], Any]


# fmt: off
DIFFUSERS, TRANSFORMERS = "diffusion_pytorch_model.safetensors", "model.safetensors"
KINDS = (
    Kind(folder="unet", library="diffusers", name="UNet2DConditionModel", weights=DIFFUSERS, module=UNet, to_json=configs.unet_to_json, from_json=configs.unet_from_json),  # noqa: E501
    Kind(folder="transformer", library="limner", name="DiT", weights=DIFFUSERS, module=DiT, to_json=configs.dit_to_json, from_json=configs.dit_from_json),  # noqa: E501
    Kind(folder="vae", library="diffusers", name="AutoencoderKL", weights=DIFFUSERS, module=Autoencoder, to_json=configs.autoencoder_to_json, from_json=configs.autoencoder_from_json),  # noqa: E501
    Kind(folder="text_encoder", library="transformers", name="CLIPTextModel", weights=TRANSFORMERS, module=TextTower, to_json=configs.text_to_json, from_json=configs.text_from_json),  # noqa: E501
    Kind(folder="image_encoder", library="transformers", name="CLIPVisionModelWithProjection", weights=TRANSFORMERS, module=VisionTower, to_json=configs.vision_to_json, from_json=configs.vision_from_json),  # noqa: E501
)
# fmt: on
KIND_OF_MODULE = {kind.module: kind for kind in KINDS}


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a model was taught: concepts, styles, and further words that occur in its captions."""

    concepts: tuple[str, ...]
    styles: tuple[str, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """A model's own defaults for painting, and how it was trained to be told of padding.

    size: (width, height) in pixels. interval: (low, high] sigmas that guidance is for; None: all.
    """

    steps: int = 20
    guidance: float = 7.5
    solver: str = "dpmpp_2m"
    schedule: str = "karras"
    shift: float = 1.0
    interval: tuple[float, float] | None = None
    size: tuple[int, int] = (512, 512)
    pad_mask: str = "none"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A model, part by part; an autoencoder of None means that the denoiser works on pixels."""

    tokenizer: Tokenizer
    text_encoder: TextTower
    denoiser: UNet | DiT
    autoencoder: Autoencoder | None
    process: Process
    prediction: Prediction
    sampling: Sampling
    words: Words | None


class ModelFolder:
    """One model folder; parts can be added one by one while a model is being trained."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, part: str) -> bool:
        return (self.path / part).is_dir()

    def save(self, module: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        """Write a module under the folder name of its kind, weights and configuration."""
        kind = KIND_OF_MODULE[type(module)]
        folder = self.path / kind.folder
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: w.detach().to("cpu", dtype).contiguous() for name, w in _state(module)}
        partial = folder / (kind.weights + ".partial")
        save_file(weights, partial, metadata={"format": "pt"})
        partial.replace(folder / kind.weights)
        write_json(folder / "config.json", kind.to_json(module.config))
        self._index(kind.folder, kind.library, kind.name)

    def load(self, part: str, *, dtype: torch.dtype | None = None) -> Any:
        """The module under the folder name `part`, in evaluation mode on the CPU.

        Raises CheckpointError where files are missing or broken, or keys or shapes do not match.
        """
        kind = next(kind for kind in KINDS if kind.folder == part)
        folder = self.path / part
        description = read_json(folder / "config.json")
        try:
            config = kind.from_json(description)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{folder / 'config.json'} does not describe {part}: {error}"
            ) from None
        weights = read_weights(folder / kind.weights)
        with torch.device("meta"):
            module = kind.module(config)
        _check_keys(module, weights, folder / kind.weights)
        target = torch.float32 if dtype is None else dtype
        module.load_state_dict({k: w.to(target) for k, w in weights.items()}, assign=True)
        return module.eval()

    def save_tokenizer(self, tokenizer: Tokenizer) -> None:
        tokenizer.save(self.path / "tokenizer")
        self._index("tokenizer", "transformers", "CLIPTokenizer")

    def load_tokenizer(self) -> Tokenizer:
        """The model's own vocabulary, or CLIP's published one where the folder has none."""
        folder = self.path / "tokenizer"
        return Tokenizer.load(folder) if folder.is_dir() else Tokenizer.clip()

    def save_settings(
        self, process: Process, prediction: str, sampling: Sampling, words: Words | None
    ) -> None:
        scheduler = {**process.to_dict(), "prediction_type": prediction}
        (self.path / "scheduler").mkdir(parents=True, exist_ok=True)
        write_json(self.path / "scheduler" / "scheduler_config.json", scheduler)
        self._index("scheduler", "limner", scheduler["_class_name"])
        words_json = None if words is None else asdict(words)
        write_json(self.path / "limner.json", {"sampling": asdict(sampling), "words": words_json})

    def load_settings(self) -> tuple[Process, Prediction, Sampling, Words | None]:
        scheduler = read_json(self.path / "scheduler" / "scheduler_config.json")
        process = process_from_dict(scheduler)
        name = _PREDICTIONS.get(scheduler.get("prediction_type", "epsilon"))
        if name is None:
            raise CheckpointError(f"prediction_type {scheduler['prediction_type']!r} is unknown")
        prediction = prediction_named(name, process)
        if not (self.path / "limner.json").exists():
            return process, prediction, Sampling(), None
        extra = read_json(self.path / "limner.json")
        return process, prediction, _sampling(extra["sampling"]), _words(extra.get("words"))

    def _index(self, part: str, library: str, name: str) -> None:
        path = self.path / "model_index.json"
        index = read_json(path) if path.exists() else {"_class_name": "StableDiffusionPipeline"}
        write_json(path, {**index, part: [library, name]})


_PREDICTIONS = {
    "epsilon": "epsilon",
    "v": "v",
    "v_prediction": "v",
    "sample": "sample",
    "flow": "flow",
}


def load_folder(path: Path, *, dtype: torch.dtype | None = None) -> Parts:
    """Every part of the model in a folder, on the CPU, in fp32 unless a dtype is given."""
    if not (path / "model_index.json").is_file():
        raise CheckpointError(f"{path} is no model folder: one with a model_index.json is right")
    folder = ModelFolder(path)
    process, prediction, sampling, words = folder.load_settings()
    tokenizer = folder.load_tokenizer()
    tower = folder.load("text_encoder", dtype=dtype)
    if tower.config.length != tokenizer.length:
        tokenizer = tokenizer.with_length(tower.config.length)
    denoiser = "transformer" if folder.has("transformer") else "unet"
    return Parts(
        tokenizer=tokenizer,
        text_encoder=tower,
        denoiser=folder.load(denoiser, dtype=dtype),
        autoencoder=folder.load("vae", dtype=dtype) if folder.has("vae") else None,
        process=process,
        prediction=prediction,
        sampling=sampling,
        words=words,
    )


def ship(source: Path, target: Path) -> None:
    """Copy what painting needs of a trained model, its weights in half precision.

    The image tower stays behind. `target` must not exist yet.
    """
    if target.exists():
        raise CheckpointError(f"{target} exists already: move it away first")
    old, new = ModelFolder(source), ModelFolder(target)
    parts = load_folder(source)
    new.path.mkdir(parents=True)
    new.save_tokenizer(parts.tokenizer)
    for module in (parts.text_encoder, parts.denoiser, parts.autoencoder):
        if module is not None:
            new.save(module, torch.float16)
    scheduler = read_json(old.path / "scheduler" / "scheduler_config.json")
    new.save_settings(parts.process, scheduler["prediction_type"], parts.sampling, parts.words)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file; never runs code of the file."""
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: the model folder is not complete")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is broken or cut short ({error}): copy it again") from None


def read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except OSError:
        raise CheckpointError(f"{path} is missing: the model folder is not complete") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds no JSON object")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _state(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return sorted(module.state_dict().items())


def _check_keys(module: nn.Module, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    expected = module.state_dict()
    missing = sorted(expected.keys() - weights.keys())
    unexpected = sorted(weights.keys() - expected.keys())
    if missing or unexpected:
        raise CheckpointError(
            f"{path} does not match its config.json: {len(missing)} tensors missing {missing[:2]}, "
            f"{len(unexpected)} unexpected {unexpected[:2]}"
        )
    for name, tensor in expected.items():
        if weights[name].shape != tensor.shape:
            raise CheckpointError(
                f"{path}: {name} has shape {tuple(weights[name].shape)}, "
                f"config.json says {tuple(tensor.shape)}"
            )


def _sampling(json: Mapping[str, Any]) -> Sampling:
    interval = json.get("interval")
    fields = {
        **json,
        "size": tuple(json["size"]),
        "interval": None if interval is None else tuple(interval),
    }
    return Sampling(**fields)


def _words(json: Mapping[str, Any] | None) -> Words | None:
    return None if json is None else Words(**{name: tuple(value) for name, value in json.items()})
