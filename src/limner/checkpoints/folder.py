"""Reading and writing a model folder, part by part.

model_index.json                    which library and class each part is of
limner.json                         what diffusers has no place for: sampling defaults, words, LoRAs
                                    of the folder; the base, another folder that has what is missing
lexicon.json                        words that the model has not read, and what they mean to it
tokenizer/  text_encoder/  tokenizer_2/  text_encoder_2/  image_encoder/
unet/ or transformer/  vae/  scheduler/  upscaler/
content_encoder/  style_namer/      for restyling, beside the model or in a folder of their own

Published folders are read in all the forms in which they are in circulation; a folder of Stable
Diffusion that is written here opens in diffusers' pipelines.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from limner.checkpoints import eight_bit, weights
from limner.checkpoints.families import Family, family_of_model
from limner.checkpoints.few_steps import few_steps_of, published_name
from limner.checkpoints.folder_parts import FOLDER_OF_MODULE, KIND_OF_FOLDER
from limner.checkpoints.scheduling import described_by, plain_scheduler, sampled_by
from limner.checkpoints.settings import (
    Sampling,
    Words,
    sampling_from_json,
    words_from_json,
)
from limner.checkpoints.typed import check_typed
from limner.diffusion.prediction import Prediction, name_of
from limner.diffusion.process import Process, RectifiedFlow
from limner.errors import CheckpointError
from limner.files import whole_file
from limner.models.clip import TextTowerConfig
from limner.models.clip_resnet import ResNetTower
from limner.nn.skeleton import skeleton
from limner.text.tokenizer import Tokenizer

INPAINTING_CHANNELS = 9  # noisy latent, mask, latent of what is kept
EXTRA, INDEX, SCHEDULER = "limner.json", "model_index.json", "scheduler_config.json"
LEXICON = "lexicon.json"
LAYOUT_VERSION = "0.30.0"  # of diffusers, whose pipelines ask for it


class ModelFolder:
    """One model folder; parts can be added one by one while a model is being trained.

    A folder that names a base is read as if the base's parts, where it has none, were its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def base(self) -> ModelFolder | None:
        """The folder that lends its parts; CheckpointError where it is missing or borrows too."""
        name = self._extra().get("base")
        if name is None:
            return None
        path = self.path / str(name)
        if not path.is_dir():
            raise CheckpointError(
                f"{self.path / EXTRA} names a base, {name}, which is missing: {path}"
            )
        base = ModelFolder(path)
        if "base" in base._extra():
            raise CheckpointError(
                f"{self.path / EXTRA} names a base, {name}, that has a base itself: a whole model "
                "is right"
            )
        return base

    def copy_to(self, path: Path) -> ModelFolder:
        """Copy the folder, which borrows from the same base there; `path` must not exist yet."""
        base = self.base
        copy = ModelFolder(Path(shutil.copytree(self.path, path)))
        if base is not None and not Path(self._extra()["base"]).is_absolute():
            place = os.path.relpath(base.path.resolve(), path.resolve())
            write_json(path / EXTRA, {**self._extra(), "base": Path(place).as_posix()})
        return copy

    @property
    def loras(self) -> tuple[Path, ...]:
        """LoRA files of the folder, without which it does not paint as it should.

        Raises CheckpointError where one is missing.
        """
        files = tuple(self.path / str(name) for name in self._extra().get("loras", ()))
        for file in files:
            if not file.is_file():
                raise CheckpointError(f"{self.path / EXTRA} names a LoRA that is missing: {file}")
        return files

    def add_lora(self, name: str) -> None:
        """Let a LoRA file that lies in the folder be one of it."""
        extra = self._extra()
        loras = dict.fromkeys([*extra.get("loras", ()), name])
        write_json(self.path / EXTRA, {**extra, "loras": list(loras)})

    def _extra(self) -> dict[str, Any]:
        path = self.path / EXTRA
        return read_json(path) if path.exists() else {}

    def has(self, part: str) -> bool:
        return self.place(part).is_dir()

    def place(self, part: str) -> Path:
        """Where a part lies, or would."""
        own = self.path / part
        if own.is_dir() or self.base is None or self._is_given_up(part):
            return own
        return self.base.place(part)

    def _is_given_up(self, part: str) -> bool:
        """Whether the folder says that it has no such part, whatever its base has."""
        path = self.path / INDEX
        return path.is_file() and read_json(path).get(part) == [None, None]

    def save(
        self,
        module: nn.Module,
        dtype: torch.dtype = torch.float32,
        *,
        part: str | None = None,
        **fields: Any,
    ) -> None:
        """Write a module under the folder name `part`, that of its class if None.

        dtype: of its weights in the file; int8 packs its matrices (`eight_bit`).
        fields: what its config.json holds beside the sizes.
        """
        kind = KIND_OF_FOLDER[FOLDER_OF_MODULE[type(module)] if part is None else part]
        folder = self.path / kind.folder
        folder.mkdir(parents=True, exist_ok=True)
        state = _state(module, dtype)
        variant = eight_bit.PACKED if dtype == torch.int8 else ""
        with whole_file(folder / f"{kind.stem}{variant}.safetensors") as partial:
            save_file(state, partial, metadata={"format": "pt"})
        for other in {*weights.VARIANTS} - {variant}:  # of weights that were there before
            (folder / f"{kind.stem}{other}.safetensors").unlink(missing_ok=True)
        write_json(folder / "config.json", {**kind.to_json(module.config), **fields})
        is_ours = isinstance(module, ResNetTower)
        library, name = ("limner", "ResNetTower") if is_ours else (kind.library, kind.name)
        self._index(kind.folder, library, name)

    def remove(self, part: str) -> None:
        """Delete a part of a model in the making, if it is there; the index says there is none."""
        shutil.rmtree(self.path / part, ignore_errors=True)
        path = self.path / INDEX
        if path.exists():
            write_json(path, {**read_json(path), part: [None, None]})

    def config(self, part: str) -> Any:
        """The configuration of the part under that folder name.

        Raises CheckpointError where it is missing or describes something that Limner has not.
        """
        kind = KIND_OF_FOLDER[part]
        path = self.place(part) / "config.json"
        description = read_json(path)
        try:
            if description.get("_class_name", kind.name) != kind.name:
                raise ValueError(f"its class is {description['_class_name']}, not {kind.name}")
            made = kind.from_json(description)
            check_typed(vars(made), type(made), "it")
            return made
        except (KeyError, TypeError, ValueError, CheckpointError) as error:
            raise CheckpointError(f"{path} does not describe {part}: {error}") from None

    def load(
        self,
        part: str,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str = "cpu",
    ) -> Any:
        """The module under the folder name `part`, in evaluation mode.

        dtype: None takes fp32 on the CPU, elsewhere fp16 unless the part overflows in it.
        Raises CheckpointError where files are missing or broken, or keys or shapes do not match.
        """
        kind = KIND_OF_FOLDER[part]
        config = self.config(part)
        module = skeleton(lambda: kind.module(config))
        weights.load_weights(
            module,
            weights.weight_files(self.place(part), kind.stem),
            spelling=kind.spelling,
            dtype=default_dtype(config, device) if dtype is None else dtype,
            device=device,
        )
        return module.eval()

    def save_tokenizer(self, tokenizer: Tokenizer, part: str = "tokenizer") -> None:
        tokenizer.save(self.path / part)
        self._index(part, "transformers", "CLIPTokenizer")

    def load_tokenizer(self, part: str = "tokenizer", *, tower: TextTowerConfig) -> Tokenizer:
        """A tower's own vocabulary, or CLIP's published one where the folder has none.

        It normalises to the length that the tower takes.
        """
        folder = self.place(part)
        tokenizer = Tokenizer.load(folder) if folder.is_dir() else published_tokenizer(tower)
        if not folder.is_dir() and tower.vocabulary_size != tokenizer.vocabulary_size:
            raise CheckpointError(
                f"{folder} is missing: the text encoder has {tower.vocabulary_size} words of its "
                f"own, not CLIP's {tokenizer.vocabulary_size}"
            )
        same = tokenizer.length == tower.length
        return tokenizer if same else tokenizer.with_length(tower.length)

    def save_settings(
        self,
        process: Process,
        prediction: str,
        sampling: Sampling,
        words: Words | None,
        scheduler: Mapping[str, Any] | None = None,
    ) -> None:
        """Write how the model is painted with.

        scheduler: the configuration of diffusers' that it came with; None: the plainest that is
        right for the process, Limner's own where diffusers has none.
        """
        library = "diffusers"
        if scheduler is None:
            library, scheduler = plain_scheduler(process, prediction)
        (self.path / "scheduler").mkdir(parents=True, exist_ok=True)
        write_json(self.path / "scheduler" / SCHEDULER, scheduler)
        self._index("scheduler", library, scheduler["_class_name"])
        words_json = None if words is None else asdict(words)
        lexicon = {} if words_json is None else words_json.pop("lexicon")
        extra = {**self._extra(), "sampling": asdict(sampling), "words": words_json}
        write_json(self.path / EXTRA, extra)
        if lexicon:
            write_json(self.path / LEXICON, lexicon)

    def load_settings(self) -> tuple[Process, Prediction, Sampling, Words | None]:
        if self.base is not None and not (self.path / "scheduler").is_dir():
            process, prediction, sampling, words = self.base.load_settings()
            own = {**asdict(sampling), **self._extra().get("sampling", {})}
            return process, prediction, sampling_from_json(own), words
        file = self.path / "scheduler" / SCHEDULER
        scheduler = read_json(file)
        process, prediction = described_by(scheduler, file)
        extra = self._extra()
        if "sampling" not in extra:
            return process, prediction, self._published_sampling(process, prediction)[0], None
        words = words_from_json(extra.get("words"))
        if words is not None and (self.path / LEXICON).exists():
            words = replace(words, lexicon=read_json(self.path / LEXICON))
        return process, prediction, sampling_from_json(extra["sampling"]), words

    @property
    def scheduler(self) -> dict[str, Any] | None:
        """The scheduler's configuration where it is one of diffusers', else None."""
        file = self.place("scheduler") / SCHEDULER
        config = read_json(file) if file.is_file() else {}
        return config if str(config.get("_class_name", "")).endswith("Scheduler") else None

    def notes(self) -> tuple[str, ...]:
        """What the folder says of painting that Limner does not do, a sentence each."""
        process, prediction, sampling, _ = self.load_settings()
        if self.scheduler is None:
            return ()
        published, notes = self._published_sampling(process, prediction)
        return (
            notes
            if published.solver == sampling.solver
            and (published.schedule, published.options) == (sampling.schedule, sampling.options)
            else ()
        )

    def _published_sampling(
        self, process: Process, prediction: Prediction
    ) -> tuple[Sampling, tuple[str, ...]]:
        """What a folder of others is painted with, and what of that Limner does not do.

        The family's defaults, as far as the folder and its scheduler do not know better.
        """
        sampling, notes = self._sampling_of_kind(process, prediction), tuple[str, ...]()
        few = few_steps_of(published_name(self.path))
        if few is not None:
            sampling = few.of(sampling)
        if self.scheduler is not None:
            sampling, notes = sampled_by(self.scheduler, sampling, process)
        return sampling, notes if few is None else (*notes, few.told(sampling))

    def _sampling_of_kind(self, process: Process, prediction: Prediction) -> Sampling:
        part = "unet" if self.has("unet") else "transformer"
        config = self.config(part)
        family = family_of_model(config, process)
        sampling = family.sampling_of(name_of(prediction))
        if isinstance(process, RectifiedFlow):
            sampling = replace(sampling, schedule="shifted")
        if part == "transformer":
            return sampling
        latent = read_json(self.path / "unet" / "config.json").get("sample_size")
        if isinstance(latent, int):
            side = latent * (self.config("vae").space.stride if self.has("vae") else 1)
            sampling = replace(sampling, size=(side, side))
        zero = read_json(self.path / INDEX).get("force_zeros_for_empty_prompt", True)
        return replace(sampling, zero_negative=sampling.zero_negative and bool(zero))

    def _index(self, part: str, library: str, name: str) -> None:
        path = self.path / INDEX
        index = read_json(path) if path.exists() else {"_class_name": "StableDiffusionPipeline"}
        write_json(path, {**index, part: [library, name]})

    def describe(self, family: Family, channels: int, sampling: Sampling) -> None:
        """Name the pipeline of diffusers that the folder is for, with what it asks for beside.

        channels: that the denoiser takes.
        """
        path = self.path / INDEX
        nothing: dict[str, Any] = {
            name: [None, None] for name in ("feature_extractor", "image_encoder")
        }
        nothing |= family.beside
        if family.sampling.zero_negative:
            nothing |= {"force_zeros_for_empty_prompt": sampling.zero_negative}
        purpose = "Inpaint" if channels == INPAINTING_CHANNELS else ""
        name = {
            "_class_name": f"{family.pipeline}{purpose}Pipeline",
            "_diffusers_version": LAYOUT_VERSION,
        }
        write_json(path, nothing | read_json(path) | name)


def default_dtype(config: Any, device: torch.device | str) -> torch.dtype:
    """fp32 on the CPU; elsewhere fp16, save for a part that overflows in it."""
    whole = torch.device(device).type == "cpu" or getattr(config, "overflows_half", False)
    return torch.float32 if whole else torch.float16


def published_tokenizer(tower: TextTowerConfig) -> Tokenizer:
    """CLIP's vocabulary with a tower's padding: OpenCLIP's, told by their gelu, take id 0."""
    return Tokenizer.clip(pad=0 if tower.activation == "gelu" else None, length=tower.length)


def read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise CheckpointError(f"{path} is missing: the model folder is not complete") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds no JSON object")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _state(module: nn.Module, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """What a file of the module's weights holds."""
    weights_by_name = sorted(module.state_dict().items())
    state = {name: w.detach().to("cpu").contiguous() for name, w in weights_by_name}
    if dtype == torch.int8:
        return eight_bit.packed(state)
    return {name: w.to(dtype) for name, w in state.items()}
