"""Super-resolution: what a reduced picture has lost, learned from pictures that are whole.

Each item is a patch of a picture, reduced by 2 or 4 and enlarged again; the denoiser is told of the
result and learns the noise in the difference (SR3, Saharia et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from limner.data.compose import over
from limner.data.pixels import to_model_range
from limner.data.records import PictureSet
from limner.diffusion.prediction import Prediction
from limner.diffusion.process import Process
from limner.diffusion.sample import predict
from limner.diffusion.times import TimeSampling
from limner.errors import TrainingError
from limner.models.upscaler import Upscaler, enlarge
from limner.pipeline.statement import FACTORS
from limner.training.draws import Draws

CHANNELS = 4
Pixels = Float[Tensor, "4 S S"]


@dataclass(frozen=True, kw_only=True)
class Patches:
    """How patches are cut and reduced.

    side: pixels along one side. halved: share that is cut twice as large and reduced by 2 first, so
    that there are sharp edges of every size. grounded: share that is laid on an opaque colour, as
    pictures without transparency are. clean: share whose reduced picture gets no noise; of the
    others the noise's deviation is even over 0..most_noise.
    """

    side: int = 64
    halved: float = 0.4
    mirrored: float = 0.5
    grounded: float = 0.3
    clean: float = 0.6
    most_noise: float = 0.25

    def __post_init__(self) -> None:
        if self.side < 4 or self.side % 4:
            raise TrainingError(f"patches have side {self.side}: a multiple of 4 is right")
        for name in ("halved", "mirrored", "grounded", "clean"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise TrainingError(
                    f"{name} is {getattr(self, name)}: a share from 0 to 1 is right"
                )
        if self.most_noise < 0.0:
            raise TrainingError(f"most_noise is {self.most_noise}: 0 or more is right")


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Patches and what is told of them: the reduced ones, enlarged, and the noise put on these."""

    high: Float[Tensor, "B 4 S S"]
    enlarged: Float[Tensor, "B 4 S S"]
    level: Float[Tensor, "B"]


class UpscalingObjective:
    """Mean square error of what the upscaler says of noisy residuals.

    pictures: RGBA, at least twice as large as a patch.
    """

    def __init__(
        self,
        model: Upscaler,
        pictures: PictureSet,
        *,
        patches: Patches,
        process: Process,
        prediction: Prediction,
        times: TimeSampling,
    ) -> None:
        _check(pictures, patches)
        self.modules = nn.ModuleDict({"upscaler": model})
        self.model = model
        self.pictures = pictures
        self.count = len(pictures)
        self.patches = patches
        self.process = process
        self.prediction = prediction
        self.times = times

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        device = next(self.model.parameters()).device
        shown = examples(self.pictures, indices, self.patches, draws)
        enlarged, level = shown.enlarged.to(device), shown.level.to(device)
        residual = (shown.high.to(device) - enlarged) / self.model.config.residual_scale
        noise = draws.normal(*residual.shape[1:]).to(residual)
        t = self.times.times_of(self.process, draws.uniform()).to(residual)
        alpha, sigma = self.process.alpha_sigma(t)
        x = self.process.add_noise(residual, noise, t)

        def call(x: Tensor, t: Tensor) -> Tensor:
            return self.model(x, t, enlarged, level).float()

        target = self.prediction.target(residual, noise, alpha, sigma)
        return {"total": F.mse_loss(predict(call, self.process, x, t), target)}


def examples(pictures: PictureSet, indices: Tensor, how: Patches, draws: Draws) -> Examples:
    """A patch of each of some records, (B,); all that is left to chance is drawn item by item."""
    made = [
        example(pictures.pictures[pictures.records[index].picture], how, chance)
        for index, chance in zip(indices.tolist(), draws.chances(), strict=True)
    ]
    high, enlarged, level = zip(*made, strict=True)
    return Examples(
        high=torch.stack(high), enlarged=torch.stack(enlarged), level=torch.tensor(level)
    )


def example(
    picture: UInt8[Tensor, "4 H W"], how: Patches, chance: torch.Generator
) -> tuple[Pixels, Pixels, float]:
    """(high, enlarged, level) of one patch of a picture, as `Examples` has them."""
    high = patch(picture, how, chance)
    by = FACTORS[int(torch.randint(len(FACTORS), (), generator=chance))]
    low = reduced(high, by, chance)
    noise = 0.0 if happens(how.clean, chance) else how.most_noise
    level = noise * float(torch.rand((), generator=chance))
    low = low + level * torch.randn(low.shape, generator=chance)
    return high, enlarge(low[None], by)[0], level


def patch(picture: UInt8[Tensor, "4 H W"], how: Patches, chance: torch.Generator) -> Pixels:
    """A square from somewhere in a picture, in model pixels."""
    by = 2 if happens(how.halved, chance) else 1
    side = by * how.side
    top, left = (
        int(torch.randint(length - side + 1, (), generator=chance)) for length in picture.shape[1:]
    )
    square = to_model_range(picture[:, top : top + side, left : left + side])
    square = reduced(square, by, chance)
    if happens(how.mirrored, chance):
        square = square.flip(-1)
    if happens(how.grounded, chance):
        colour = torch.rand(3, generator=chance) * 2.0 - 1.0
        ground = F.pad(colour, (0, 1), value=1.0)[:, None, None].expand_as(square)
        square = over(square[None], ground[None])[0]
    return square


def reduced(pixels: Pixels, by: int, chance: torch.Generator) -> Float[Tensor, "4 s s"]:
    """A picture made smaller: by means of squares or, as often, antialiased bicubically."""
    if happens(0.5, chance):
        return F.avg_pool2d(pixels, by)
    size = [length // by for length in pixels.shape[1:]]
    return F.interpolate(pixels[None], size, mode="bicubic", antialias=True)[0]


def happens(share: float, chance: torch.Generator) -> bool:
    """True in so large a share of the draws."""
    return bool(torch.rand((), generator=chance) < share)


def _check(pictures: PictureSet, patches: Patches) -> None:
    _, channels, height, width = pictures.pictures.shape
    if channels != CHANNELS:
        raise TrainingError("an upscaler learns from RGBA pictures: these have no transparency")
    if min(height, width) < 2 * patches.side:
        raise TrainingError(
            f"the pictures have {width}x{height} pixels: at least {2 * patches.side} both ways are "
            f"right for patches of {patches.side}"
        )
