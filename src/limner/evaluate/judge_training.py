"""The training of a judge on real pictures, each time changed in another way."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from limner.engine.devices import emulates_bf16
from limner.errors import TrainingError
from limner.evaluate.judge import Judge, JudgeConfig, Verdict

# How far a training picture is changed. Pictures are not mirrored: "left arrow" is a concept.
ROTATION = math.radians(12)
ZOOM = 0.22  # natural logarithm of the largest enlargement
SHIFT = 0.12  # of half a side
GAIN = 0.15  # of a colour channel: enough for other renderings, too little to turn red into orange
NOISE = 0.06  # standard deviation in [0, 1]
LABEL_SMOOTHING = 0.1


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
    bf16: bool | None = None,
    device: torch.device | str = "cpu",
    report_every: int = 20,
) -> Generator[JudgeProgress, None, Judge]:
    """Trains a judge on real pictures; yields progress, returns the judge.

    concepts, styles: the label of each picture.
    bf16: autocast the convolutions to bf16 (weights stay fp32); None where the device has it.
    """
    if len(pictures) < 2 or not len(pictures) == len(concepts) == len(styles):
        raise TrainingError(
            f"{len(pictures)} pictures, {len(concepts)} concepts, {len(styles)} styles: "
            "a judge needs one of each a picture, and at least 2 pictures"
        )
    device = torch.device(device)
    lower = not emulates_bf16(device) if bf16 is None else bf16
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
        with torch.autocast(device.type, torch.bfloat16, enabled=lower):
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


def _finite(loss: Tensor, step: int) -> float:
    if not torch.isfinite(loss):
        raise TrainingError(
            f"the judge's loss is not finite at step {step}: lower its learning rate"
        )
    return loss.item()
