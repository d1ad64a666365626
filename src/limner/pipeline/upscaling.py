"""Enlarging pictures by 2 or 4 with a trained upscaler, tile by tile.

A tile is solved on its own, with so much of its surroundings as its pixels can depend on over all
steps; noise is cut out of one plane. So the tiles are the whole picture, pixel by pixel, and the
memory is that of a tile, however large the picture is.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.checkpoints import Sampling
from limner.data.pixels import from_picture, to_picture
from limner.diffusion.philox import plane
from limner.diffusion.prediction import Prediction
from limner.diffusion.process import Level, Process
from limner.diffusion.sample import denoise_with, drive, last
from limner.diffusion.schedules import levels
from limner.diffusion.solvers import SOLVERS
from limner.engine.numerics import finite
from limner.errors import CheckpointError, RequestError
from limner.generators import finish
from limner.models.upscaler import Upscaler, enlarge
from limner.pipeline.pictures import check_size, eight_bit, read_picture
from limner.pipeline.request import FACTORS, MAX_SEED

MAX_STEPS = 100
TILE = 768  # pixels of the result along one side
LEAST_TILE = 64
REACH = 2  # pixels of the small picture on each side that bicubic enlargement looks at
START, ADDED = 0, 1  # planes of noise: that of the start, and that put on the small picture


@dataclass(frozen=True, kw_only=True)
class Upscaling:
    """What to make of a picture.

    by: how many times as wide and high, 2 or 4. steps: of the solver; None: the upscaler's own.
    seed: of the noise. noise: the deviation, in model pixels, of the noise that is put on the
        picture first; the upscaler knows of it and leans less on the picture's last detail.
    tile: pixels of the result along one side of what is computed at once.
    """

    by: int = 2
    steps: int | None = None
    seed: int = 0
    noise: float = 0.0
    tile: int = TILE

    def __post_init__(self) -> None:
        if self.by not in FACTORS:
            raise RequestError(f"by is {self.by}: {' or '.join(map(str, FACTORS))} is right")
        if self.steps is not None and not 1 <= self.steps <= MAX_STEPS:
            raise RequestError(f"steps is {self.steps}: a number from 1 to {MAX_STEPS} is right")
        if not 0 <= self.seed <= MAX_SEED:
            raise RequestError(f"seed is {self.seed}: a number from 0 to {MAX_SEED} is right")
        if not 0.0 <= self.noise <= 1.0:
            raise RequestError(f"noise is {self.noise}: a number from 0 to 1 is right")
        if self.tile < LEAST_TILE or self.tile % max(FACTORS):
            raise RequestError(
                f"tile is {self.tile}: a multiple of {max(FACTORS)} from {LEAST_TILE} up is right"
            )


@dataclass(frozen=True, kw_only=True)
class Box:
    """A part of a picture: from left, top up to right, bottom, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def grown(self, margin: int, within: tuple[int, int]) -> Box:
        """So much wider on each side, as far as a picture of (width, height) goes."""
        width, height = within
        return Box(
            left=max(0, self.left - margin),
            top=max(0, self.top - margin),
            right=min(width, self.right + margin),
            bottom=min(height, self.bottom + margin),
        )

    def divided(self, by: int) -> Box:
        """The same part of the picture that is `by` times smaller."""
        return Box(
            left=self.left // by,
            top=self.top // by,
            right=self.right // by,
            bottom=self.bottom // by,
        )

    def times(self, by: int) -> Box:
        """The same part of the picture that is `by` times larger."""
        return Box(
            left=self.left * by, top=self.top * by, right=self.right * by, bottom=self.bottom * by
        )

    def of(self, pixels: Float[Tensor, "*batch h w"], place: Box) -> Float[Tensor, "*batch H W"]:
        """This part of pixels that fill `place`."""
        rows = slice(self.top - place.top, self.bottom - place.top)
        return pixels[..., rows, self.left - place.left : self.right - place.left]


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A tile that is done: index counts from 1 to total."""

    index: int
    total: int


class Enlarger:
    """A loaded upscaler, ready to enlarge. Made by `limner.load_upscaler`."""

    def __init__(
        self, model: Upscaler, process: Process, prediction: Prediction, sampling: Sampling
    ) -> None:
        self.model = model.eval().requires_grad_(False)
        self.process = process
        self.prediction = prediction
        self.sampling = sampling
        self.solver = SOLVERS[sampling.solver]
        if self.solver.stochastic or self.solver.adaptive:
            raise CheckpointError(
                f"solver {sampling.solver} of an upscaler draws noise or chooses its steps, which "
                "no tile shares with the next: a deterministic one is right, such as euler"
            )

    def upscale(self, picture: Image.Image | str | Path, by: int = 2, **how: object) -> Image.Image:
        """A picture, or a file's, `by` times as wide and high; `how` are fields of `Upscaling`."""
        if not isinstance(picture, Image.Image):
            picture = read_picture(picture)
        asked = Upscaling(by=by, **how)  # type: ignore[arg-type]
        return finish(self.steps(picture, asked))

    @torch.inference_mode()
    def steps(self, picture: Image.Image, how: Upscaling) -> Generator[Tile, None, Image.Image]:
        """Enlarge tile by tile: yields each, returns the result; stop iterating to cancel.

        RGBA where the picture has transparency, else RGB. Raises RequestError where the picture or
        the result is too large.
        """
        size = enlarged_size(picture.size, how.by)
        picture = eight_bit(picture)
        result = Image.new(picture.mode, size)
        boxes = list(boxes_of(size, how.tile))
        for index, box in enumerate(boxes, start=1):
            pixels = self.tile(picture, how, box)
            result.paste(to_picture(pixels[: len(picture.getbands())]), (box.left, box.top))
            yield Tile(index=index, total=len(boxes))
        return result

    def tile(self, picture: Image.Image, how: Upscaling, box: Box) -> Float[Tensor, "4 H W"]:
        """The model pixels of one box of the result; picture: RGB or RGBA."""
        visited = self._levels(how)
        reach = self.model.config.halo * (self.solver.calls(visited) or 0)
        margin = math.ceil(reach / how.by) * how.by
        place = box.grown(margin, enlarged_size(picture.size, how.by))
        part = place.divided(how.by).grown(REACH, picture.size)
        low = shown(picture, part)
        given = low + how.noise * noise_of(how.seed, part, ADDED)
        enlarged = place.of(enlarge(given[None], how.by), part.times(how.by))
        residual = self._residual(enlarged, visited, how, place)
        high = box.of(enlarged + residual * self.model.config.residual_scale, place)[0]
        return finite(held(high, low, how.by, box, part), "upscaler")

    def _residual(
        self,
        enlarged: Float[Tensor, "1 4 H W"],
        visited: tuple[Level, ...],
        how: Upscaling,
        place: Box,
    ) -> Float[Tensor, "1 4 H W"]:
        """What the enlarged picture lacks, over `residual_scale`."""
        device = next(self.model.parameters()).device
        shown = enlarged.to(device)
        level = torch.full((1,), how.noise, device=device)

        def call(x: Tensor, t: Tensor) -> Tensor:
            return self.model(x, t, shown, level)

        denoise = denoise_with(call, self.process, self.prediction)
        noise = noise_of(how.seed, place, START)[None].to(device)
        x = visited[0].add_noise(torch.zeros_like(noise), noise)
        return last(drive(self.solver.solve(x, visited, no_noise), denoise)).to(enlarged)

    def _levels(self, how: Upscaling) -> tuple[Level, ...]:
        own = self.sampling
        steps = own.steps if how.steps is None else how.steps
        return levels(self.process, steps, own.schedule, shift=own.shift)


def enlarged_size(size: tuple[int, int], by: int) -> tuple[int, int]:
    """(width, height) of the result. Raises RequestError where it is too large."""
    check_size(size)
    larger = size[0] * by, size[1] * by
    check_size(larger)
    return larger


def boxes_of(size: tuple[int, int], tile: int) -> Iterator[Box]:
    """The tiles of a picture (width, height), row by row; the last ones may be smaller."""
    width, height = size
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            yield Box(
                left=left, top=top, right=min(left + tile, width), bottom=min(top + tile, height)
            )


def shown(picture: Image.Image, part: Box) -> Float[Tensor, "4 h w"]:
    """A part of an RGB or RGBA picture as premultiplied model pixels."""
    return from_picture(picture.crop((part.left, part.top, part.right, part.bottom)))


def noise_of(seed: int, place: Box, number: int) -> Float[Tensor, "4 h w"]:
    """Unit noise: the same at the same pixel of the picture, whichever tile asks."""
    return plane(
        seed, range(place.top, place.bottom), range(place.left, place.right), number=number
    )


def held(
    high: Float[Tensor, "4 H W"], low: Float[Tensor, "4 h w"], by: int, box: Box, part: Box
) -> Float[Tensor, "4 H W"]:
    """The result, each channel near what the small picture has there, and colours below opacity.

    Near is between the least and the most within `REACH` pixels, and as far beyond as these are
    apart: a thin line may be brighter than its mean, but what is the same all around stays exactly
    so, transparent, opaque or of one colour.
    box: where `high` lies. part: where `low` lies.
    """
    window = 2 * REACH + 1
    most = F.max_pool2d(low, window, stride=1, padding=REACH)
    least = -F.max_pool2d(-low, window, stride=1, padding=REACH)
    apart = most - least
    bounds = F.interpolate(torch.stack([least - apart, most + apart]), scale_factor=float(by))
    lowest, highest = box.of(bounds, part.times(by))
    within = high.clamp(lowest, highest).clamp(-1.0, 1.0)
    return torch.cat([torch.minimum(within[:3], within[3:]), within[3:]])


def no_noise(x: Tensor, interval: object = None) -> Tensor:
    """What a deterministic solver never asks for."""
    raise AssertionError("a deterministic solver draws no noise")
