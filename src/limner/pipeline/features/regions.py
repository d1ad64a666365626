"""Regions: texts for parts of the picture, over the prompt, which is the ground of all of it.

A place looks at the tokens of the region that lies there and at those of the ground; where regions
overlap, at those of the one in front, which is the later one: what is behind it is not seen there.
A ground without words says nothing beside a region, and is looked at where there is none. Self-
attention and convolutions see the whole picture (see `limner.nn.regions`).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from PIL import Image
from torch import Tensor

from limner.engine.asks import Ask, Denoise
from limner.errors import RequestError
from limner.explain.heatmaps import NEGATIVE, Side
from limner.nn.regions import visible_at
from limner.pipeline.canvas import Box, Size, canvas_of
from limner.pipeline.masks import HALF, black_and_white
from limner.pipeline.model import Model
from limner.pipeline.plan import Feature, Moment, Plan, given
from limner.pipeline.regions import ROUNDING, Place, Region, in_parts
from limner.pipeline.request import Request
from limner.pipeline.scene import Scene, Told
from limner.pipeline.script import (
    EMPTY,
    Reader,
    encoded,
    holding,
    members_of,
    sides_of,
    trees,
    trees_of_regions,
)
from limner.prompt import And, Stage, Tree
from limner.text.alignment import filled
from limner.text.combine import in_turn, same_length
from limner.text.spans import Break

Said = dict[object, Scene]


def complete(request: Request, model: Model) -> Request:
    """The request with the size of a region's mask, where it says none.

    Raises RequestError for what cannot be combined with regions.
    """
    if not request.regions:
        return request
    for name in ("layout", "style"):
        if getattr(request, name) is not None:
            raise RequestError(f"regions cannot be combined with a {name}: one of the two is right")
    dialect = given(request.with_defaults(dialect=model.sampling.dialect).dialect)
    prompt, _ = trees(request.prompt, "", dialect, lenient=request.lenient)
    said = {"the prompt": prompt}
    for number, tree in enumerate(trees_of_regions(request, dialect), 1):
        said[f"region {number}"] = tree
    for whose, tree in said.items():
        _check_one_text(whose, tree)
    for number, region in enumerate(request.regions, 1):
        if region.colour is not None:
            raise RequestError(
                f"region {number} has the colour {region.colour!r}, to which parts of a collage "
                "alone are turned: layout collage is right, or the word in its text"
            )
    masks = [each.mask.size for each in request.regions if isinstance(each.mask, Image.Image)]
    return request.with_defaults(size=masks[0]) if masks and request.picture is None else request


def planned(request: Request, model: Model) -> Feature | None:
    """Where the regions of a completed request lie. Raises RequestError where one lies nowhere."""
    if not request.regions:
        return None
    whole, (width, height) = whole_of(request, model), given(request.size)
    canvas = canvas_of(request, model.sampling.size, model.multiple)
    box = (0, 0, *whole) if canvas is None else canvas.box
    size = height // model.space.stride, width // model.space.stride
    place = torch.zeros(size, dtype=torch.long)
    for number, region in enumerate(request.regions, 1):
        covered = _covered(region, number, whole, box, size)
        if not covered.any():
            raise RequestError(
                f"region {number}, {region.text!r}, has no place in what is painted: of "
                f"{size[1]}x{size[0]} places of the latent, {model.space.stride} pixels a side, "
                "the middle of one at least is right"
            )
        place[covered] = number
    hidden = set(range(1, len(request.regions) + 1)) - set(place.unique().tolist())
    return OverGround(
        place=place,
        notes=tuple(
            f"region {number}, {request.regions[number - 1].text!r}, is hidden by later ones"
            for number in sorted(hidden)
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class OverGround(Feature):
    """place: the number of the region that each place of the latent has, from 1; 0: none."""

    place: Int[Tensor, "h w"]
    notes: tuple[str, ...] = ()

    def begin(self, plan: Plan) -> Generator[Ask, Any, tuple[Plan, Feature]]:
        """Have the texts of the regions encoded, as those of the prompt are."""
        steps = given(plan.request.steps)
        stages = [tree.edited.timeline(steps) for tree in plan.regions]
        said = [spans for each in stages for stage in each for spans, _ in stage.members]
        reader = yield from encoded((*said, EMPTY), plan)
        ground = plan.prompt.edited.timeline(steps)
        return plan, Regional(self, tuple(zip(plan.regions, stages, strict=True)), ground, reader)


@dataclass(frozen=True)
class Regional(Feature):
    """texts: each region's, and what they say over the steps. ground: what the prompt says."""

    asked: OverGround
    texts: tuple[tuple[Tree, Sequence[Stage]], ...]
    ground: Sequence[Stage]
    reader: Reader

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.asked.notes

    def told(self, told: Told) -> Told:
        """The texts of the regions behind those of the ground, and the negative as often."""
        lasts, made = set(told), Said()
        lasts |= {stage.last for _, stages in self.texts for stage in stages}
        found: dict[int, Scene] = {}
        for last in sorted(lasts):
            scene = next(scene for until, scene in told.items() if last <= until)
            now = tuple(holding(stages, last) for _, stages in self.texts)
            says = _says_something(holding(self.ground, last))
            key = id(scene), says, tuple(stage.members for stage in now)
            if key not in made:
                made[key] = self._scene(scene, now, grounded=says)
            found[last] = made[key]
        return found

    def asking(self, ask: Denoise, moment: Moment) -> Denoise:
        """Each place of x looks at its own texts of the scene."""
        tokens, scene = ask.texts[0].context.shape[1], moment.scene
        place = self.asked.place.to(ask.x.device)
        visible = visible_at(place, tokens, scene.parts, ground=scene.grounded)
        return replace(ask, visible=visible)

    def _scene(self, scene: Scene, now: Sequence[Stage], *, grounded: bool) -> Scene:
        reader, (ground,) = self.reader, scene.members
        own = [members_of(t, n, reader)[0][0] for (t, _), n in zip(self.texts, now, strict=True)]
        sides = [sides_of("", t, n, reader)[0] for (t, _), n in zip(self.texts, now, strict=True)]
        negative, *texts = same_length([scene.negative, ground, *own])
        length = negative.context.shape[1]
        return replace(
            scene,
            negative=in_turn([negative] * len(texts)),
            members=(in_turn(texts),),
            sides=tuple(_side(side, sides, length) for side in scene.sides),
            parts=len(texts),
            grounded=grounded,
        )


def whole_of(request: Request, model: Model) -> Size:
    """(width, height) of what regions of a completed request lie in: of an edit the picture with
    the room round it, else what is painted."""
    canvas = canvas_of(request, model.sampling.size, model.multiple)
    return given(request.size) if canvas is None else canvas.picture.size


def enlarged(
    regions: Sequence[Region] | None, size: Size, larger: Size, room: Size
) -> tuple[Region, ...] | None:
    """The regions of a picture of one size on the same picture at a larger one.

    room: (width, height) with the room that the larger one has on its right and below.
    """
    if regions is None:
        return None
    return tuple(_enlarged(region, size, larger, room) for region in regions)


def _enlarged(region: Region, size: Size, larger: Size, room: Size) -> Region:
    if isinstance(region.mask, Image.Image):
        mask = black_and_white(region.mask, size).resize(larger, Image.Resampling.NEAREST)
        return replace(region, mask=mask.crop((0, 0, *room)))
    x, y, width, height = box = given(region.box)
    whole = room if in_parts(box) else size  # parts stay parts, of the larger one with its room
    across, down = larger[0] / whole[0], larger[1] / whole[1]
    return replace(region, box=(x * across, y * down, width * across, height * down))


def in_pixels(box: Place, size: Size) -> Place:
    """A box's (x, y, width, height) in pixels of a picture of (width, height)."""
    x, y, width, height = box
    across, down = size if in_parts(box) else (1, 1)
    return x * across, y * down, width * across, height * down


def _covered(
    region: Region, number: int, whole: Size, shown: Box, size: tuple[int, int]
) -> Bool[Tensor, "h w"]:
    """The places of a latent of (h, w) that a region has: those whose middle lies in its box, or
    at least half in its mask. shown: the box of the whole picture that is painted."""
    if region.mask is not None:
        return _covered_by_mask(region.mask, number, whole, shown, size)
    box = given(region.box)
    x, y, width, height = in_pixels(box, whole)
    most = (1 + ROUNDING) * whole[0], (1 + ROUNDING) * whole[1]
    if not in_parts(box) and (x + width > most[0] or y + height > most[1]):
        raise RequestError(
            f"region {number}, {region.text!r}, leaves the picture, which is {whole[0]}x{whole[1]}"
        )
    left, top, right, bottom = shown
    across = left + (torch.arange(size[1]) + 0.5) * (right - left) / size[1]
    down = top + (torch.arange(size[0]) + 0.5) * (bottom - top) / size[0]
    return ((down >= y) & (down < y + height))[:, None] & ((across >= x) & (across < x + width))


def _covered_by_mask(
    mask: Image.Image | str, number: int, whole: Size, shown: Box, size: tuple[int, int]
) -> Bool[Tensor, "h w"]:
    if isinstance(mask, str):
        raise RequestError(
            f"region {number} has a mask, which no record of a picture holds: regions given anew "
            "are right"
        )
    try:
        white = black_and_white(mask, whole).crop(shown)
    except RequestError as error:
        raise RequestError(f"region {number}: {error}") from None
    share = torch.from_numpy(np.asarray(white) >= HALF).float()
    return F.adaptive_avg_pool2d(share[None], size)[0] >= 0.5


def _check_one_text(whose: str, tree: Tree) -> None:
    if tree.kind is And or tree.swaps:
        what = "swaps" if tree.swaps else "AND"
        raise RequestError(
            f"{whose} has {what}, which regions cannot be combined with: one text is"
        )


def _says_something(stage: Stage) -> bool:
    """Whether there is a word in a prompt at some steps."""
    every = [span for spans, _ in stage.members for span in spans]
    return any(not isinstance(span, Break) and span.text.strip() for span in every)


def _side(side: Side, regions: Sequence[Side], length: int) -> Side:
    """A side of the ground with the tokens of the regions behind its own, for those who look at
    words; of the negative as often as it is told."""

    def text(number: int) -> Tensor:
        if side.name == NEGATIVE:
            return filled(side.texts[number], length).repeat(1 + len(regions))
        own = [each.texts[min(number, len(each.texts) - 1)] for each in (side, *regions)]
        return torch.cat([filled(ids, length) for ids in own])

    blended = [side, *(regions if side.name != NEGATIVE else ())]
    return replace(side, texts=tuple(map(text, range(max(len(each.texts) for each in blended)))))
