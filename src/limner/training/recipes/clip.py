"""CLIP's recipe: a vocabulary from the captions, two towers, and their similarity matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.checkpoints.clip import TOWERS, Normalisation, WholeClip, load_clip
from limner.data.captions import canonical, caption
from limner.data.records import PictureSet
from limner.models.clip import Clip, ClipConfig, TextTowerConfig, VisionTowerConfig
from limner.models.clip_resnet import ResNetTowerConfig
from limner.text.masks import PadMask, pad_mask
from limner.text.tokenizer import Tokenizer
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.contrastive import ContrastiveObjective, SigmoidForm, SoftmaxForm
from limner.training.recipes.base import Source, everyday_subset, one_of_each, title, unseen
from limner.training.sheet import Sheet

PAD = PadMask.PAD
SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class ClipRecipe:
    """A vocabulary from the captions, then CLIP's two towers on captions and pictures.

    A folder that has both towers already, such as that of a published CLIP, is gone on from: with
    its own vocabulary and sizes, whatever the recipe's are.
    sigmoid: each pair is judged by itself (SigLIP), not against the batch.
    """

    source: Source
    loop: LoopConfig
    text: TextTowerConfig
    vision: VisionTowerConfig
    vocabulary: int
    concepts: int | None = None
    sigmoid: bool = False
    needs: tuple[str, ...] = ()

    def choose(self, data: PictureSet) -> PictureSet:
        return everyday_subset(data, self.concepts).seen

    def objective(self, data: PictureSet, model: ModelFolder) -> ContrastiveObjective:
        if begun(model):
            return self._going_on(data, load_clip(model.path))
        tokenizer = Tokenizer.train(sample_captions(data), self.vocabulary, length=self.text.length)
        model.save_tokenizer(tokenizer)
        text = replace(self.text, vocabulary_size=tokenizer.vocabulary_size, end=tokenizer.end)
        clip = Clip.from_config(ClipConfig(text=text, vision=self.vision))
        return ContrastiveObjective(
            clip, partial(tokenize, tokenizer), data, caption, form=self._form()
        )

    def _going_on(self, data: PictureSet, whole: WholeClip) -> ContrastiveObjective:
        clip = whole.clip
        return ContrastiveObjective(
            clip.train(),
            partial(tokenize, whole.tokenizer),
            data,
            caption,
            fitted=partial(fitted, vision=clip.vision.config, normalisation=whole.normalisation),
            form=self._form(),
        )

    def _form(self) -> SigmoidForm | SoftmaxForm:
        return SigmoidForm() if self.sigmoid else SoftmaxForm()

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        clip = objective.modules["clip"]
        assert isinstance(clip, Clip)
        model.save(clip.text)
        model.save(clip.vision)

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        """The similarity matrix of ten pictures and their captions."""
        assert isinstance(objective, ContrastiveObjective)
        shown = unseen(everyday_subset(data, self.concepts))
        indices = one_of_each(shown, SHOWN)
        records = [shown.records[index] for index in indices]
        pixels = shown.to_float(indices)
        values = cosines(objective, [canonical(record) for record in records], pixels)
        return matrix_sheet(values, [title(record) for record in records], pixels)


def begun(model: ModelFolder) -> bool:
    """Whether a folder has the two towers of one CLIP."""
    if not all(map(model.has, TOWERS)):
        return False
    text, vision = map(model.config, TOWERS)
    return text.projection_width == vision.projection_width


def tokenize(tokenizer: Tokenizer, captions: list[str]) -> tuple[Tensor, Tensor | None]:
    """Ids, and which of them may be attended to."""
    ids = tokenizer(captions)
    return ids, pad_mask(ids, PAD, end=tokenizer.end, pad=tokenizer.pad)


def fitted(
    pixels: Float[Tensor, "B C H W"],
    vision: VisionTowerConfig | ResNetTowerConfig,
    normalisation: Normalisation | None,
) -> Float[Tensor, "B D S S"]:
    """Model pixels as an image tower takes them: seen on white where it has no opacity, resized."""
    if pixels.shape[1] == 4 and vision.channels == 3:
        pixels = pixels[:, :3] + 1 - pixels[:, 3:]  # the colours are premultiplied
    if pixels.shape[1] == 1:
        pixels = pixels.expand(-1, vision.channels, -1, -1)
    size = (vision.image_size, vision.image_size)
    if pixels.shape[2:] != size:
        pixels = F.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(-1, 1)
    return pixels if normalisation is None else normalisation(pixels)


@torch.no_grad()
def cosines(
    objective: ContrastiveObjective, captions: list[str], pixels: Float[Tensor, "I C H W"]
) -> Float[Tensor, "T I"]:
    """<u_i, v_j> of captions and pictures: their similarity without the temperature."""
    clip = objective.clip
    device = next(clip.parameters()).device
    ids, mask = objective.tokenize(captions)
    texts = clip.text_features(ids.to(device), None if mask is None else mask.to(device))
    return (texts @ objective.image_features(pixels.to(device)).T).cpu()


def matrix_sheet(
    values: Float[Tensor, "T I"], names: list[str], pixels: Float[Tensor, "I C H W"]
) -> Sheet:
    """Pictures along the top, names down the side; a tile is the lighter the more alike."""
    low, high = values.min(), values.max()
    light = (values - low) / (high - low).clamp(min=1e-6) * 2 - 1
    blank = torch.ones_like(pixels[:1])
    rows = [blank, pixels]
    labels = [""] * (1 + len(pixels))
    for name, shades, numbers in zip(names, light, values, strict=True):
        tiles = shades[:, None, None, None].expand_as(pixels).clone()
        tiles[:, 3:] = 1.0  # where there is an opacity
        rows += [blank, tiles]
        labels += [name, *(f"{number:.2f}" for number in numbers)]
    columns = 1 + len(pixels)
    return Sheet(pictures=torch.cat(rows), labels=tuple(labels), columns=columns)


def sample_captions(data: PictureSet, each: int = 8) -> list[str]:
    """Captions to train a vocabulary on: each written one, and a fixed draw of the made ones."""
    chance = torch.Generator().manual_seed(0)
    written = dict.fromkeys(text for record in data.records for text in record.captions)
    made = [record for record in data.records if not record.captions]
    return [*written, *(caption(record, chance) for record in made for _ in range(each))]
