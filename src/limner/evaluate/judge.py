"""An independent judge: a small residual network that names the concept and style of a picture.

It is trained on real pictures only, with an architecture and seed of its own, so that a painter
cannot have learnt to please it. Its last features serve the distances in `metrics`. Source: He et
al. 2016 (residual blocks); Chen et al. 2019, "A Closer Look at Few-shot Classification" (cosine
heads, which suit concepts that have only a handful of pictures).
"""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from limner.errors import CheckpointError, TrainingError, UsageError

WEIGHTS = "judge.safetensors"
DESCRIPTION = "judge.json"

# How far a training picture is changed. Pictures are not mirrored: "left arrow" is a concept.
ROTATION = math.radians(12)
ZOOM = 0.22  # natural logarithm of the largest enlargement
SHIFT = 0.12  # of half a side
GAIN = 0.15  # of a colour channel: enough for other renderings, too little to turn red into orange
NOISE = 0.06  # standard deviation in [0, 1]
LABEL_SMOOTHING = 0.1


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


@dataclass(frozen=True, kw_only=True)
class JudgeProgress:
    """step of steps (1 is the first), the mean loss since the last report."""

    step: int
    steps: int
    loss: float


def train_judge(
    pictures: UInt8[Tensor, "N 4 S S"],
    concepts: Sequence[str],
    styles: Sequence[str],
    *,
    steps: int,
    seed: int,
    batch: int = 128,
    learning_rate: float = 3e-3,
    channels: tuple[int, ...] = (64, 128, 256),
    bf16: bool = True,
    device: torch.device | str = "cpu",
    report_every: int = 20,
) -> Generator[JudgeProgress, None, Judge]:
    """Trains a judge on real pictures; yields progress, returns the judge.

    concepts, styles: the label of each picture.
    bf16: autocast the convolutions to bf16 (weights stay fp32).
    """
    if len(pictures) < 2 or not len(pictures) == len(concepts) == len(styles):
        raise TrainingError(
            f"{len(pictures)} pictures, {len(concepts)} concepts, {len(styles)} styles: "
            "a judge needs one of each a picture, and at least 2 pictures"
        )
    device = torch.device(device)
    generator = torch.Generator(device).manual_seed(seed)
    judge = _new_judge(concepts, styles, channels, pictures.shape[-1], seed).to(device)
    judge.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    labels = [places.to(device) for places in judge.labels(concepts, styles)]
    optimiser = torch.optim.AdamW(judge.parameters(), lr=learning_rate, weight_decay=0.05)
    total = torch.zeros((), device=device)
    since = 0
    for step in range(1, steps + 1):
        chosen = torch.randint(len(pictures), (batch,), generator=generator, device=device)
        real = pictures[chosen.to(pictures.device)].to(device)
        changed = augment(real.float() / 255, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            verdict = judge(changed.contiguous(memory_format=torch.channels_last))
            loss = _loss(verdict, labels[0][chosen], labels[1][chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.param_groups[0]["lr"] = learning_rate * _rate_factor(step, steps)
        optimiser.step()
        total, since = total + loss.detach(), since + 1
        if step % report_every == 0 or step == steps:
            yield JudgeProgress(step=step, steps=steps, loss=_finite(total / since, step))
            total, since = torch.zeros_like(total), 0
    return judge.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]


def augment(
    pixels: Float[Tensor, "B 4 S S"], generator: torch.Generator
) -> Float[Tensor, "B 4 S S"]:
    """Turned, zoomed, shifted, recoloured, blurred and noisy versions, each picture in its own way.

    Premultiplied RGBA in [0, 1] in and, but for the noise, out. Random numbers come from the
    generator, which must be on the device of the pictures.
    """

    def uniform(*shape: int) -> Tensor:
        """In [-1, 1], one row a picture."""
        numbers = torch.rand(len(pixels), *shape, generator=generator, device=pixels.device)
        return numbers * 2 - 1

    angle, zoom = uniform() * ROTATION, (uniform(2) * ZOOM / 2 + uniform(1) * ZOOM / 2).exp()
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1)
    linear = turn.reshape(-1, 2, 2) / zoom[:, None]
    places = torch.cat([linear, uniform(2, 1) * SHIFT], dim=2)
    grid = F.affine_grid(places, list(pixels.shape), align_corners=False)
    moved = F.grid_sample(pixels, grid, align_corners=False)

    colour, opacity = moved[:, :3], moved[:, 3:]
    # Half of the pictures keep their colours, half stay sharp and half clean: a palette, an outline
    # and a texture tell styles apart.
    much = uniform(1, 1, 1).clamp(min=0) * GAIN / 2
    gain = 1 + much * (uniform(3, 1, 1) + uniform(1, 1, 1))
    lift = much * uniform(1, 1, 1)
    recoloured = torch.minimum((colour * gain + opacity * lift).clamp(min=0), opacity)
    moved = torch.cat([recoloured, opacity], dim=1)

    softness = uniform(1, 1, 1).clamp(min=0)
    moved = torch.lerp(moved, _blur(moved), softness)
    level = uniform(1, 1, 1).clamp(min=0) * NOISE
    noise = torch.randn(moved.shape, generator=generator, device=pixels.device)
    return moved + level * noise


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


def _blur(pixels: Float[Tensor, "B C S S"]) -> Float[Tensor, "B C S S"]:
    """The binomial filter of five taps each way: a Gaussian of one pixel."""
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=pixels.device) / 16
    channels = pixels.shape[1]
    down = taps.reshape(1, 1, 5, 1).expand(channels, 1, 5, 1)
    rows = F.conv2d(pixels, down, padding=(2, 0), groups=channels)
    return F.conv2d(rows, down.transpose(2, 3), padding=(0, 2), groups=channels)


def _loss(
    verdict: Verdict, concepts: Int[Tensor, "B"], styles: Int[Tensor, "B"]
) -> Float[Tensor, ""]:
    concept = F.cross_entropy(verdict.concepts, concepts, label_smoothing=LABEL_SMOOTHING)
    return concept + F.cross_entropy(verdict.styles, styles, label_smoothing=LABEL_SMOOTHING)


def _rate_factor(step: int, steps: int) -> float:
    """Up linearly over the first tenth of the steps, then down along a cosine."""
    return min(step / (0.1 * steps), 0.5 + 0.5 * math.cos(math.pi * (step - 1) / steps))


def _new_judge(
    concepts: Sequence[str],
    styles: Sequence[str],
    channels: tuple[int, ...],
    size: int,
    seed: int,
) -> Judge:
    config = JudgeConfig(
        concepts=tuple(dict.fromkeys(concepts)),
        styles=tuple(dict.fromkeys(styles)),
        channels=channels,
        size=size,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Judge(config)


def _places(words: Sequence[str], known: tuple[str, ...]) -> Int[Tensor, "N"]:
    place = {word: index for index, word in enumerate(known)}
    unknown = [word for word in words if word not in place]
    if unknown:
        raise UsageError(
            f"the judge was not trained on {unknown[0]!r}; it knows {len(known)} words"
        )
    return torch.tensor([place[word] for word in words], dtype=torch.long)


def _finite(loss: Tensor, step: int) -> float:
    if not torch.isfinite(loss):
        raise TrainingError(
            f"the judge's loss is not finite at step {step}: lower its learning rate"
        )
    return loss.item()
