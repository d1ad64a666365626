"""An independent judge: a small residual network that names the concept and style of a picture.

It is trained on real pictures only (`judge_training`), with an architecture and seed of its own, so
that a painter cannot have learnt to please it. Its last features serve the distances in `metrics`.
Source: He et al. 2016 (residual blocks); Chen et al. 2019, "A Closer Look at Few-shot
Classification" (cosine heads, which suit concepts that have only a handful of pictures).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from limner.errors import CheckpointError, UsageError

WEIGHTS = "judge.safetensors"
DESCRIPTION = "judge.json"


@dataclass(frozen=True, kw_only=True)
class JudgeConfig:
    """What a judge can name, and its size.

    concepts, styles: the words, in the order of the logits.
    channels: widths of the levels, the first a quarter of the picture's side, then half each.
    feature_width: of the features, three quarters for the concept and one for the style.
    size: pixels along one side; other pictures are resized to it.
    """

    concepts: tuple[str, ...]
    styles: tuple[str, ...]
    channels: tuple[int, ...] = (64, 128, 256)
    feature_width: int = 256
    size: int = 64

    def __post_init__(self) -> None:
        for name in ("concepts", "styles"):
            words = getattr(self, name)
            if not words or len(set(words)) != len(words):
                raise UsageError(f"a judge's {name} must be distinct words, at least one")
        if not self.channels or min(*self.channels, self.feature_width) < 8:
            raise UsageError("a judge's channels and feature width must be at least 8")
        if self.size % 2 ** (len(self.channels) + 1) != 0:
            multiple = 2 ** (len(self.channels) + 1)
            raise UsageError(f"a judge's size {self.size} must be a multiple of {multiple}")


class Verdict(NamedTuple):
    """What a judge says of pictures.

    features: (N, F), the last quarter for the style. concepts, styles: logits in the order of the
    configuration's words.
    """

    features: Float[Tensor, "N F"]
    concepts: Float[Tensor, "N K"]
    styles: Float[Tensor, "N S"]


class JudgeBlock(nn.Module):
    """Two convolutions round a skip connection; the first may halve the sides."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.skip = (
            nn.Identity()
            if stride == 1 and in_channels == out_channels
            else nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        )
        nn.init.zeros_(self.norm2.weight)  # the block starts as its skip connection

    def forward(self, x: Float[Tensor, "B I h w"]) -> Float[Tensor, "B O h2 w2"]:
        changed = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(changed)) + self.skip(x))


class CosineHead(nn.Module):
    """Logits = learned scale times the cosine between the features and a vector a word."""

    def __init__(self, width: int, words: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(words, width))
        self.log_scale = nn.Parameter(torch.tensor(math.log(16.0)))

    def forward(self, features: Float[Tensor, "B F"]) -> Float[Tensor, "B K"]:
        cosines = F.normalize(features.float(), dim=1) @ F.normalize(self.weight, dim=1).mT
        return self.log_scale.exp() * cosines


class Judge(nn.Module):
    """Names the concept and style of premultiplied RGBA pictures."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        first, last = config.channels[0], config.channels[-1]
        self.fine = _halving(4, first // 2)
        self.stem = _halving(first // 2, first)
        widths = (first, *config.channels)
        self.blocks = nn.Sequential(
            *(
                JudgeBlock(widths[level], width, stride=1 if level == 0 else 2)
                for level, width in enumerate(config.channels)
            )
        )
        # The last map keeps its places: "left" and "right" must not look the same.
        places = (config.size // 2 ** (len(config.channels) + 1)) ** 2
        style_width = config.feature_width // 4
        concept_width = config.feature_width - style_width
        self.squeeze = nn.Conv2d(last, last // 8, 1)
        self.to_concept = nn.Linear(last + last // 8 * places, concept_width)
        self.norm_concept = nn.BatchNorm1d(concept_width)
        self.concept_head = CosineHead(concept_width, len(config.concepts))
        # How a thing is drawn is read from statistics of all but the last maps, which hardly tell
        # what is drawn; from the last ones the network would learn each picture's style by heart.
        moments = 2 * (first // 2 + first + sum(config.channels[:-1]))
        self.to_style = nn.Sequential(
            nn.Linear(moments, 2 * style_width), nn.ReLU(), nn.Linear(2 * style_width, style_width)
        )
        self.norm_style = nn.BatchNorm1d(style_width)
        self.style_head = CosineHead(style_width, len(config.styles))

    def forward(self, pixels: Float[Tensor, "B 4 S S"]) -> Verdict:
        """pixels: premultiplied RGBA in [0, 1], `config.size` along a side."""
        fine = self.fine(pixels * 2 - 1)
        maps = self.stem(fine)
        seen = [fine, maps]
        for block in self.blocks:
            maps = block(maps)
            seen.append(maps)
        style = self.norm_style(self.to_style(_statistics(seen[:-1])))
        pooled, placed = maps.mean(dim=(2, 3)), self.squeeze(maps).flatten(1)
        concept = self.norm_concept(self.to_concept(torch.cat([pooled, placed], dim=1)))
        return Verdict(
            features=torch.cat([concept, style], dim=1).float(),
            concepts=self.concept_head(concept),
            styles=self.style_head(style),
        )

    @torch.no_grad()
    def see(self, pictures: UInt8[Tensor, "N 4 S S"], batch: int = 256) -> Verdict:
        """The verdict on pictures of any size, in fp32 and on the CPU, so many at a time."""
        was_training = self.training
        self.eval()
        device = self.concept_head.weight.device
        parts = [self(self._pixels(part.to(device))) for part in pictures.split(batch)]
        self.train(was_training)
        return Verdict(*(torch.cat(field).cpu() for field in zip(*parts, strict=True)))

    def labels(
        self, concepts: Sequence[str], styles: Sequence[str]
    ) -> tuple[Int[Tensor, "N"], Int[Tensor, "M"]]:
        """The words' places among the logits; UsageError for a word that the judge cannot name."""
        return _places(concepts, self.config.concepts), _places(styles, self.config.styles)

    def _pixels(self, pictures: UInt8[Tensor, "B 4 S S"]) -> Float[Tensor, "B 4 T T"]:
        pixels = pictures.float() / 255
        size = (self.config.size, self.config.size)
        if pictures.shape[-2:] == size:
            return pixels
        return F.interpolate(pixels, size, mode="bilinear", antialias=True)

    def save(self, folder: Path) -> None:
        """Writes weights and description into a folder, made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in self.state_dict().items()}, folder / WEIGHTS)
        description = json.dumps(asdict(self.config), ensure_ascii=False, indent=1)
        (folder / DESCRIPTION).write_text(description, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Judge:
        """Reads what `save` wrote; CheckpointError if it is missing or does not fit."""
        try:
            described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            lists = {name: tuple(described[name]) for name in ("concepts", "styles", "channels")}
            judge = cls(JudgeConfig(**{**described, **lists}))
            judge.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f"{folder} holds no readable judge: {error}") from error
        return judge.eval()


def _halving(in_channels: int, out_channels: int) -> nn.Sequential:
    """A convolution that halves the sides."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def _statistics(maps: Sequence[Float[Tensor, "B ..."]]) -> Float[Tensor, "B S"]:
    """Mean and standard deviation of each channel over the places (Huang and Belongie 2017)."""
    moments = []
    for each in maps:
        mean = each.float().mean(dim=(2, 3), keepdim=True)
        variance = (each.float() - mean).square().mean(dim=(2, 3))
        moments += [mean[..., 0, 0], (variance + 1e-5).sqrt()]
    return torch.cat(moments, dim=1)


def _places(words: Sequence[str], known: tuple[str, ...]) -> Int[Tensor, "N"]:
    place = {word: index for index, word in enumerate(known)}
    unknown = [word for word in words if word not in place]
    if unknown:
        raise UsageError(
            f"the judge was not trained on {unknown[0]!r}; it knows {len(known)} words"
        )
    return torch.tensor([place[word] for word in words], dtype=torch.long)
