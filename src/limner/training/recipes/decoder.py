"""The recipe of a better decoder: a trained model's goes on, and its latents stay the same.

The denoiser, and all that was trained on it, goes on working. Stable Diffusion's decoder
was improved in the same way. The denoiser's latents are never quite those that the encoder makes;
so the decoder sees both, and learns what picture was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.checkpoints.tiny_decoder import save_tiny_decoder
from limner.data.cache import ALL, Chunk, batches, cached, fingerprint, weights_fingerprint
from limner.data.captions import canonical
from limner.data.latents import LATENTS, pictures_fingerprint
from limner.data.records import PictureSet
from limner.diffusion.times import UniformTimes
from limner.models.autoencoder import Autoencoder
from limner.models.tiny_decoder import TinyDecoder, TinyDecoderConfig
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.conditions import TextCondition
from limner.training.objectives.decoding import DecoderObjective, decoded
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.perceptual import load_perceptual
from limner.training.recipes.autoencoder import (
    SHOWN,
    autoencoder_of,
    own_latents,
    reconstructions,
)
from limner.training.recipes.base import Source, trained_denoiser, unseen, within
from limner.training.recipes.conditions import ByText
from limner.training.sampling import paint
from limner.training.sheet import Sheet

PAINTED = "painted"  # the folder beside the model
TINY = "tiny_decoder.safetensors"  # the file in the model's folder, for `--decoder`
BATCH = 48


@dataclass(frozen=True, kw_only=True)
class DecoderRecipe:
    """The decoder of a model folder, on the latents of all pictures and on painted ones.

    copies: how often each picture of the model's own concepts is painted, steps: in how many; that
        is done once, before the first step of the training, and kept beside the model.
    spread: deviation of the noise on all latents. perceptual: a wheel that `training.perceptual`
        reads, and its weight.
    """

    source: Source
    loop: LoopConfig
    copies: int = 4
    steps: int = 8
    spread: float = 0.05
    perceptual: tuple[Path, float] | None = None
    told: ByText = field(default_factory=lambda: ByText(train=False, dropout=0.0))

    @property
    def needs(self) -> tuple[str, ...]:
        return ("vae", "scheduler", *self.told.needs)

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DecoderObjective:
        single = own_latents(data, model)
        asked = within(data, model.load_settings()[3]).records * self.copies
        painted = self.painted(replace(data, records=asked), single[:1], model)
        place = {record: number for number, record in enumerate(data.records)}
        wheel, weight = self.perceptual or (None, 0.0)
        return DecoderObjective(
            self.decoder(model),
            torch.cat([single, painted]),
            data,
            [*range(len(data)), *(place[record] for record in asked)],
            spread=self.spread,
            perceptual=None if wheel is None else load_perceptual(wheel),
            perceptual_weight=weight,
        )

    def decoder(self, model: ModelFolder) -> Autoencoder | TinyDecoder:
        """What learns: the model's own, within its autoencoder."""
        autoencoder = model.load("vae").train()
        autoencoder.to(memory_format=torch.channels_last)  # a quarter less time on a CPU
        autoencoder.requires_grad_(False)
        autoencoder.decoder.requires_grad_(True)
        autoencoder.post_quant_conv.requires_grad_(True)
        return autoencoder

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        model.save(autoencoder_of(objective))

    @torch.no_grad()
    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        return reconstructions(autoencoder_of(objective), data)

    def painted(
        self, asked: PictureSet, like: Float[Tensor, "K C h w"], model: ModelFolder
    ) -> Float[Tensor, "N C h w"]:
        """What the model paints for each record, seeds 0, 1, ..., from the disk if it is there."""
        process, prediction, sampling, _ = model.load_settings()
        condition, _ = self.told.condition(asked, model)
        assert isinstance(condition, TextCondition)
        painter = DenoisingObjective(  # that `paint` asks; its loss, and so its times, are not used
            trained_denoiser(model).eval(),
            like,
            condition,
            process=process,
            prediction=prediction,
            times=UniformTimes(),
        )
        few = replace(sampling, steps=self.steps)
        captions = [canonical(record) for record in asked.records]
        origin = {
            "denoiser's weights": weights_fingerprint(painter.denoiser),
            "text tower's weights": weights_fingerprint(model.load("text_encoder")),
            "pictures": pictures_fingerprint(asked),
            "captions": fingerprint(captions),
            "sampling": str(few),
        }

        def chunks() -> Iterator[Chunk]:
            for span in batches(len(asked), BATCH):
                said = condition.of([captions[index] for index in span])
                empty = condition.of([""] * len(span))
                yield {LATENTS: paint(painter, few, said, empty, span)}

        return cached(model.path.parent / PAINTED, origin, lambda: {ALL: chunks()})[LATENTS]


@dataclass(frozen=True, kw_only=True)
class TinyDecoderRecipe(DecoderRecipe):
    """A tiny decoder for a model's latents, from nothing, on the same; a file beside its parts.

    width: of all its maps. blocks: residual blocks at each size but the finest, which has one. The
    channels and the stride are the model's.
    """

    copies: int = 1
    width: int = 32
    blocks: int = 2

    def decoder(self, model: ModelFolder) -> TinyDecoder:
        autoencoder = model.load("vae")
        space = autoencoder.space
        doublings = space.stride.bit_length() - 1
        config = TinyDecoderConfig(
            latent_channels=space.channels,
            out_channels=autoencoder.config.in_channels,
            width=self.width,
            blocks=(*[self.blocks] * doublings, 1),
        )
        return TinyDecoder(config)

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        save_tiny_decoder(tiny_decoder_of(objective), model.path / TINY)

    @torch.no_grad()
    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        """Pictures that it has not seen, what the model's own decoder makes of them, and it."""
        shown, decoder = unseen(data), tiny_decoder_of(objective)
        autoencoder = model.load("vae")
        pixels = shown.to_float(range(min(SHOWN, len(shown))))
        latents = autoencoder.space.normalise(autoencoder.encode(pixels).mode())
        rough = decoder(latents.to(next(decoder.parameters()))).float().cpu()
        own = decoded(autoencoder, latents)
        return Sheet(pictures=torch.cat([pixels, own, rough]), columns=len(pixels))


def tiny_decoder_of(objective: Objective) -> TinyDecoder:
    trained = objective.modules["tiny_decoder"]
    assert isinstance(trained, TinyDecoder)
    return trained
