"""The autoencoder's recipe, its latents, and what it can show."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.data.composition import compose
from limner.data.everyday_world import everyday_world, typed
from limner.data.latents import LATENTS, cached_latents, encode_all
from limner.data.records import PictureSet
from limner.data.world import World, WorldConfig
from limner.models.autoencoder import Autoencoder, AutoencoderConfig
from limner.models.discriminator import DiscriminatorConfig, PatchDiscriminator
from limner.training.draws import Draws
from limner.training.embedding import enlarged_autoencoder
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.adversary import Adversary
from limner.training.objectives.autoencoder import Anchor, AutoencoderObjective
from limner.training.perceptual import load_perceptual
from limner.training.recipes.base import Source, check_size, unseen
from limner.training.sheet import Sheet
from limner.training.whitening import normalise_added, normalise_channels
from limner.types import Latent

SHOWN = 8
DRAWN, BATCH = 2048, 16  # compositions whose latents are normalised, so many at once
PIXELS_AT_ONCE = 64 * 64 * 64  # that are encoded


@dataclass(frozen=True, kw_only=True)
class AdversaryRecipe:
    """An adversary for an autoencoder. start: the step at which it enters."""

    discriminator: DiscriminatorConfig
    weight: float = 0.5
    start: int = 0

    def adversary(self, batch: int) -> Adversary:
        discriminator = PatchDiscriminator(self.discriminator)
        return Adversary(discriminator, weight=self.weight, start=self.start * batch)


def reconstructions(autoencoder: Autoencoder, data: PictureSet) -> Sheet:
    """Pictures that it has not seen, and under them what is left of them after it."""
    shown = unseen(data)
    pixels = shown.to_float(range(min(SHOWN, len(shown))))
    pixels = pixels.to(next(autoencoder.parameters()).device)
    rebuilt = autoencoder.decode(autoencoder.encode(pixels).mode())
    return Sheet(pictures=torch.cat([pixels, rebuilt]).cpu(), columns=len(pixels))


def latent_plane(autoencoder: Autoencoder, data: PictureSet, side: int = 12) -> Sheet:
    """What two latent numbers mean: the plane decoded at the quantiles of a normal distribution.

    (Kingma and Welling 2014, figure 4.)
    """
    line = torch.special.ndtri((torch.arange(side) + 0.5) / side)
    first, second = torch.meshgrid(line, line.flip(0), indexing="xy")
    latents = torch.stack([first, second], dim=-1).reshape(-1, 2, 1, 1)
    raw = autoencoder.space.restore(latents.to(next(autoencoder.parameters())))
    return Sheet(pictures=autoencoder.decode(raw).cpu(), columns=side, scale=1)


@dataclass(frozen=True, kw_only=True)
class AutoencoderRecipe:
    """A KL autoencoder on all pictures; its latents are normalised at the end.

    whitening: how, `normalise_channels` or `whiten`. mirrored: the part of the pictures that is
    mirrored. shown: what it paints at its end. world: how pictures are composed, in place of single
    ones. perceptual: a wheel that `training.perceptual` reads, and its weight.
    """

    source: Source
    loop: LoopConfig
    config: AutoencoderConfig
    kl_weight: float = 1e-3
    mirrored: float = 0.5
    adversary: AdversaryRecipe | None = None
    world: WorldConfig | None = None
    perceptual: tuple[Path, float] | None = None
    whitening: Callable[[Autoencoder, Latent], None] = normalise_channels
    shown: Callable[[Autoencoder, PictureSet], Sheet] = reconstructions
    needs: tuple[str, ...] = ()

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen if self.world is None else typed(data.seen)

    def objective(self, data: PictureSet, model: ModelFolder) -> AutoencoderObjective:
        adversary = None if self.adversary is None else self.adversary.adversary(self.loop.batch)
        wheel, weight = (None, 0.0) if self.perceptual is None else self.perceptual
        return AutoencoderObjective(
            self.autoencoder(model),
            data,
            kl_weight=self.kl_weight,
            mirrored=self.mirrored,
            adversary=adversary,
            draw=None if self.world is None else composed(everyday_world(data, self.world)),
            perceptual=None if wheel is None else load_perceptual(wheel),
            perceptual_weight=weight,
            anchor=self.anchor(model),
        )

    def autoencoder(self, model: ModelFolder) -> Autoencoder:
        """What learns."""
        return Autoencoder(self.config)

    def anchor(self, model: ModelFolder) -> Anchor | None:
        """What its latents are to stay like."""
        return None

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        trained = autoencoder_of(objective)
        self.normalise(trained, self._latents(trained, data), model)
        model.save(trained)

    def normalise(self, trained: Autoencoder, latents: Tensor, model: ModelFolder) -> None:
        """Fit the scale and shift of a trained autoencoder to its raw latents."""
        self.whitening(trained, latents)

    def _latents(self, autoencoder: Autoencoder, data: PictureSet) -> Tensor:
        """What is normalised: of all pictures, or of as many as the world draws."""
        if self.world is None:
            return raw_latents(autoencoder, data)
        return drawn_latents(autoencoder, everyday_world(data, self.world), self.loop.seed)

    @torch.no_grad()
    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        return self.shown(autoencoder_of(objective), data)


@dataclass(frozen=True, kw_only=True)
class EnlargedAutoencoderRecipe(AutoencoderRecipe):
    """A model folder's autoencoder goes on in larger pictures, with more channels beside its own.

    Its own latent channels stay what they are, for the picture in small, so that what was trained
    on them goes on too (`training.embedding`). anchor_weight: how much that counts.
    """

    anchor_weight: float = 1.0
    needs: tuple[str, ...] = ("vae",)

    def autoencoder(self, model: ModelFolder) -> Autoencoder:
        return enlarged_autoencoder(model.load("vae").float(), self.config)

    def anchor(self, model: ModelFolder) -> Anchor:
        return Anchor(
            model.load("vae").float(), times=self.config.shuffle, weight=self.anchor_weight
        )

    def normalise(self, trained: Autoencoder, latents: Tensor, model: ModelFolder) -> None:
        known = model.load("vae").config.latent_channels
        normalise_added(trained, latents, known=known)


def composed(world: World) -> Callable[[Tensor, Draws], Tensor]:
    """Draws the pictures of a batch."""

    def draw(indices: Tensor, draws: Draws) -> Tensor:
        drawn = [
            world.draw(index, random.Random(int(torch.randint(2**62, (), generator=chance))))
            for index, chance in zip(indices.tolist(), draws.chances(), strict=True)
        ]
        return torch.stack([compose(one.composition, world.data).pixels for one in drawn])

    return draw


def autoencoder_of(objective: Objective) -> Autoencoder:
    trained = objective.modules["autoencoder"]
    assert isinstance(trained, Autoencoder)
    return trained


def raw_latents(autoencoder: Autoencoder, data: PictureSet) -> Tensor:
    """The mean latent of every record, (N, C, h, w), fp32, not normalised."""
    batch, device = _batch(data), next(autoencoder.parameters()).device
    return encode_all(lambda x: autoencoder.encode(x).mean, data, batch, device).float()


def kept_latents(autoencoder: Autoencoder, data: PictureSet, folder: Path) -> Tensor:
    """As `raw_latents`, from the folder if it was made by these weights from these pictures."""
    kept = cached_latents(
        folder,
        lambda x: autoencoder.encode(x).mean,
        data,
        encoder=autoencoder,
        batch=_batch(data),
        device=next(autoencoder.parameters()).device,
    )
    return kept.float()


@torch.no_grad()
def drawn_latents(autoencoder: Autoencoder, world: World, seed: int) -> Tensor:
    """The mean latents of `DRAWN` compositions, (N, C, h, w), not normalised."""
    device, chance, latents = next(autoencoder.parameters()).device, random.Random(seed), []
    for _ in range(DRAWN // BATCH):
        drawn = [world.draw(chance.randrange(world.count), chance) for _ in range(BATCH)]
        pixels = torch.stack([compose(one.composition, world.data).pixels for one in drawn])
        latents.append(autoencoder.encode(pixels.to(device)).mean.float().cpu())
    return torch.cat(latents)


def own_latents(data: PictureSet, model: ModelFolder) -> Tensor:
    """`normalised_latents` of pictures as large as a trained model paints, else TrainingError."""
    check_size(data, model)
    return normalised_latents(data, model)


def normalised_latents(data: PictureSet, model: ModelFolder) -> Tensor:
    """The latents of a training by a model folder's autoencoder, kept beside the folder."""
    autoencoder = model.load("vae")
    raw = kept_latents(autoencoder, data, model.path.parent / LATENTS)
    return autoencoder.config.space.normalise(raw)


def _batch(data: PictureSet) -> int:
    return max(1, PIXELS_AT_ONCE // data.size**2)
