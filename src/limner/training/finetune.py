"""Fine-tuning: a loaded model, a few captioned pictures, and what comes out beside or of it.

FOLDER/state.pt             what resuming needs: only what is trained
FOLDER/tuning.json          what is trained, so that it is resumed as it was begun
FOLDER/latents/             the pictures, encoded once
FOLDER/log.jsonl            one line of losses every few steps
FOLDER/FOLDER.safetensors   a LoRA; of a word FOLDER/WORD.safetensors; of the whole FOLDER/model/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from limner.checkpoints import Parts
from limner.checkpoints.conditions import encoder_of, multiple_of, with_sizes, without_negative
from limner.data.captions import caption
from limner.data.latents import LATENTS
from limner.data.records import PictureSet, write_json
from limner.diffusion.process import DiscreteDiffusion
from limner.diffusion.times import LogitNormalTimes, TimeSampling, UniformTimes
from limner.errors import TrainingError, UsageError
from limner.training.distributed import Processes
from limner.training.launch import find_processes
from limner.training.loop import LoopConfig, Progress, Trainer
from limner.training.objectives.conditions import Remembered, TextCondition, Told
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.recipes.autoencoder import kept_latents
from limner.training.run import stoppable
from limner.training.saving import claimed, holds_state
from limner.training.tunings import Tuning, attach_own_loras
from limner.types import Conditioning

TUNING = "tuning.json"


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """One fine-tuning: what is trained, for how long, and what its pictures are shown as.

    text_dropout: the part of the captions that is left out, so that guidance goes on to work.
    mirror: every picture is seen mirrored too.
    """

    tuning: Tuning
    loop: LoopConfig
    text_dropout: float = 0.1
    mirror: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.text_dropout < 1:
            raise UsageError(f"text_dropout {self.text_dropout}: from 0 to below 1 is right")


def finetune(
    parts: Parts,
    data: PictureSet,
    folder: Path,
    config: FineTuning,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, Path | None]:
    """Fine-tune a model that was loaded for it, yield every step, and return what was written.

    parts: in fp32, on the device to train on; they belong to the training from here on.
    stop: asked after every step; if it is true in any process, all save and end, with None.
    Closing it early saves too; `resume` goes on from there. Over several processes the first one
    writes. Raises UsageError or TrainingError, before any work, where model, data, folder and what
    is asked for do not go together.
    """
    target = config.tuning.target(folder)
    _check_folder(folder, target, config, resume=resume)
    _check_pictures(parts, data)
    config.tuning.check(parts, data)

    pictures = mirrored(data) if config.mirror else data
    processes = find_processes(str(next(parts.denoiser.parameters()).device))
    with processes.together(), _claimed(folder, processes):
        with processes.in_turn():
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / TUNING, _described(config))
            latents = latents_of(parts, pictures, folder / LATENTS)
        torch.manual_seed(config.loop.seed)
        objective = tuning_objective(parts, pictures, latents, config)
        trainer = Trainer(objective, config.loop, folder, processes)
        if resume:
            trainer.resume()
        if not (yield from stoppable(trainer, stop)):
            return None
        if processes.rank == 0:
            with trainer.ema.applied(config.loop.ema[0]):
                objective.modules.eval()
                config.tuning.save(parts, dict(objective.modules.items()), target)
        return target


@contextmanager
def _claimed(folder: Path, processes: Processes) -> Iterator[None]:
    """The folder is this training's alone, if the processes can do it at all."""
    if processes.sharded:
        raise UsageError("finetune does not shard weights: launch it without FSDP")
    with claimed(folder, processes.rank):
        yield


def tuning_objective(
    parts: Parts, data: PictureSet, latents: Tensor, config: FineTuning
) -> DenoisingObjective:
    """The loss that the model was trained by, of the weights that are tuned."""
    attach_own_loras(parts)
    trained = config.tuning.attach(parts)
    encode = CaptionEncoder(parts, (data.size, data.size))
    condition = PooledTextCondition(
        caption=lambda index, chance: caption(data.records[index], chance),
        encode=encode if config.tuning.trains_text else Remembered(encode),
        dropout=config.text_dropout,
    )
    return DenoisingObjective(
        parts.denoiser,
        latents,
        condition,
        process=parts.process,
        prediction=parts.prediction,
        times=times_for(parts),
        trained={name: one for name, one in trained.items() if one is not parts.denoiser},
    )


@dataclass(frozen=True, kw_only=True)
class PooledTextCondition(TextCondition):
    """As `TextCondition`, with the pooled vector that SDXL's denoiser takes beside the tokens."""

    def of(self, captions: Sequence[str]) -> Told:
        text = self.encode(list(captions))
        return {"context": text.context, "mask": text.mask, "pooled": text.pooled}


@dataclass(frozen=True)
class CaptionEncoder:
    """Captions to conditioning, as the painter would give it to the denoiser.

    size: (width, height) of the pictures.
    """

    parts: Parts
    size: tuple[int, int]

    def __call__(self, captions: Sequence[str]) -> Conditioning:
        """One row a caption."""
        text = encoder_of(self.parts)(captions)
        if self.parts.sampling.zero_negative:
            text = without_negative(text, [i for i, one in enumerate(captions) if not one])
        if getattr(self.parts.denoiser.config, "pooled_width", None) is None:
            return replace(text, pooled=None)
        return with_sizes(text, self.parts.denoiser, self.size)


def times_for(parts: Parts) -> TimeSampling:
    """Uniform over the steps of a chain (DDPM alg. 1); logit-normal for a flow (SD3 eq. 19)."""
    if isinstance(parts.process, DiscreteDiffusion):
        return UniformTimes()
    return LogitNormalTimes(shift=parts.sampling.shift)


def latents_of(parts: Parts, data: PictureSet, path: Path) -> Tensor:
    """What the denoiser works on, (N, C, h, w): normalised latents, kept in a file, or pixels."""
    if parts.autoencoder is None:
        return data.to_float(range(len(data)))
    raw = kept_latents(parts.autoencoder, data, path)
    return parts.autoencoder.config.space.normalise(raw)


def mirrored(data: PictureSet) -> PictureSet:
    """The pictures, and behind them the same turned left to right, with the same captions."""
    count = len(data.pictures)
    turned = tuple(replace(record, picture=record.picture + count) for record in data.records)
    return replace(
        data,
        pictures=torch.cat([data.pictures, data.pictures.flip(-1)]),
        records=(*data.records, *turned),
    )


def channels_of(parts: Parts) -> int:
    """The channels of the pictures that a model is trained on: 3, or 4 with transparency."""
    if parts.autoencoder is None:
        return parts.denoiser.config.in_channels
    return parts.autoencoder.config.in_channels


def _check_pictures(parts: Parts, data: PictureSet) -> None:
    channels, multiple = channels_of(parts), multiple_of(parts)
    if data.size % multiple:
        right = max(1, round(data.size / multiple)) * multiple
        raise UsageError(
            f"pictures of {data.size} pixels do not fit this model: a multiple of {multiple} is "
            f"right, such as {right}"
        )
    if data.pictures.shape[1] != channels:
        raise UsageError(
            f"pictures of {data.pictures.shape[1]} channels do not fit this model: "
            f"{channels} are right"
        )
    autoencoder = parts.autoencoder
    if autoencoder and parts.denoiser.config.in_channels != autoencoder.config.latent_channels:
        raise UsageError("this is an inpainting model, which is not fine-tuned: its base model is")


def _check_folder(folder: Path, target: Path, config: FineTuning, *, resume: bool) -> None:
    if target.exists():
        raise TrainingError(f"{target} exists already: name another folder, or move it away")
    if not holds_state(folder):
        return
    if not resume:
        raise TrainingError(f"{folder} already holds a training: add --resume, or name another")
    with suppress(OSError, ValueError):
        if json.loads((folder / TUNING).read_text(encoding="utf-8")) == _described(config):
            return
    raise TrainingError(
        f"{folder} holds another fine-tuning, as its {TUNING} says: resume with the same options "
        "or start in another folder"
    )


def _described(config: FineTuning) -> dict[str, object]:
    """What must be the same for a training to go on; the loop's own numbers it checks itself."""
    fields = asdict(config.tuning)  # type: ignore[call-overload]
    tuning = {"kind": type(config.tuning).__name__, **json.loads(json.dumps(fields))}
    return {"tuning": tuning, "text_dropout": config.text_dropout, "mirror": config.mirror}
