"""Restyling: what is painted looks as one picture does, drawn as a word or another picture says.

A style's picture is told by the word that its model has for it.

The content's maps are added to those of the U-Net. The style is one more text beside the prompt,
with a weight of its own, as the members of an AND have it; without words in the prompt it is the
only one.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from limner.checkpoints import Parts
from limner.data.captions import canonical
from limner.data.pixels import from_picture
from limner.data.records import Record
from limner.engine.asks import Ask, Denoise, Encode, Encoded, Look, Sight, Text
from limner.errors import RequestError
from limner.explain.heatmaps import NEGATIVE, Side
from limner.pipeline.adapters import TAG
from limner.pipeline.canvas import sized_like
from limner.pipeline.model import Model
from limner.pipeline.pictures import check_size, eight_bit, read_picture, resized
from limner.pipeline.plan import Feature, Moment, Plan, given
from limner.pipeline.request import Request
from limner.pipeline.scene import Scene, Told, changed
from limner.pipeline.script import trees
from limner.text.combine import same_length
from limner.types import Conditioning

STYLE = "style"  # the side of it that recorders name
Size = tuple[int, int]


def complete(request: Request, model: Model) -> Request:
    """The request with the defaults of restyling; RequestError for what it cannot be."""
    _check_weights(request)
    if request.style is not None:
        _check_style(request.style, model.parts)
        request = request.with_defaults(style_weight=1.0)
    if request.content is not None:
        _check_content(request.content, request, model.parts)
        box = (0, 0, *request.content.size)
        size = sized_like(box, model.sampling.size, model.multiple)
        request = request.with_defaults(size=size, content_weight=1.0)
    return request


def planned(request: Request, model: Model) -> Feature | None:
    """What leads the painting of a completed request beside its prompts."""
    if request.content is None and request.style is None:
        return None
    return Restyle(request=request, parts=model.parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Restyle(Feature):
    """A content, a style, or both."""

    request: Request
    parts: Parts

    def begin(self, plan: Plan) -> Generator[Ask, Any, tuple[Plan, Feature]]:
        """Look at the pictures; what they are taken for is said in words."""
        word, notes = yield from self._style_word()
        plan, said = yield from self._named(plan, word)
        clip_skip = given(plan.request.clip_skip)
        texts = tuple(Text.plain(each, clip_skip) for each in (word, ""))
        style, nothing = yield Encode(texts=texts, under=plan.adapted)
        told: Encoded | None = style if self.request.style is not None else None
        maps = yield from self._maps(nothing if told is None else told)
        return plan, Restyling(
            maps=maps,
            style=told,
            style_weight=float(given(self.request.style_weight)) if told is not None else 1.0,
            alone=not TAG.sub("", plan.request.prompt).strip(),
            notes=(*notes, *said),
        )

    def _style_word(self) -> Generator[Ask, Any, tuple[str, tuple[str, ...]]]:
        """The word for a style, of a picture the likeliest that the model has; empty for None."""
        style = self.request.style
        if style is None or isinstance(style, str):
            return style or "", ()
        namer = self.parts.style_namer
        assert namer is not None
        own = sized_like((0, 0, *style.size), self.parts.sampling.size, 1)
        pixels = _pixels(style, own, namer.config.picture_channels)
        word = yield Look(sight=Sight.STYLE, pixels=pixels)
        return word, (f"the style's picture is taken for {word!r}: a style word says otherwise",)

    def _named(self, plan: Plan, style: str) -> Generator[Ask, Any, tuple[Plan, tuple[str, ...]]]:
        """The plan with what the content shows as its prompt, where it has none.

        The content branch hands on outlines and colours; which thing it is, the model knows by
        name.
        """
        naming, content, request = self.parts.naming, self.request.content, plan.request
        if naming is None or content is None:
            return plan, ()
        if request.prompt.strip():
            return plan, ()
        config = naming.tower.config
        pixels = _pixels(content, (config.image_size, config.image_size), config.channels)
        name = yield Look(sight=Sight.NAME, pixels=pixels)
        said = canonical(Record(picture=0, concept=name, style=style))
        note = f"the content is taken for {said!r}: a prompt of your own says otherwise"
        tree, _ = trees(said, "", given(request.dialect), lenient=request.lenient)
        return plan.saying(said, tree), (note,)

    def _maps(self, style: Encoded) -> Generator[Ask, Any, tuple[Tensor, ...]]:
        """The content's maps for the U-Net, times its weight."""
        content, encoder = self.request.content, self.parts.content_encoder
        weight = self.request.content_weight
        if content is None or encoder is None or weight == 0:
            return ()
        pixels = _pixels(content, given(self.request.size), encoder.config.picture_channels)
        maps = yield Look(sight=Sight.CONTENT, pixels=pixels, style=style.conditioning)
        return tuple(float(given(weight)) * each for each in maps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Restyling(Feature):
    """maps: of the content, for the U-Net. alone: the prompt says nothing itself."""

    maps: tuple[Tensor, ...]
    style: Encoded | None
    style_weight: float
    alone: bool
    notes: tuple[str, ...]

    def asking(self, ask: Denoise, moment: Moment) -> Denoise:
        return replace(ask, added=self.maps)

    def told(self, told: Told) -> Told:
        """The style as one member more."""
        return told if self.style is None else changed(told, self._with_style)

    def _with_style(self, scene: Scene) -> Scene:
        if scene.swap is not None or scene.parts > 1:
            what = "a layout" if scene.swap is None else "a prompt's swap"
            raise RequestError(f"{what} cannot be combined with a style: one is right")
        said = () if self.alone else scene.members
        weights = () if self.alone else scene.weights
        sides = [side for side in scene.sides if side.name == NEGATIVE or not self.alone]
        style: Conditioning = given(self.style).conditioning
        negative, *members = same_length([scene.negative, *said, style])
        return replace(
            scene,
            negative=negative,
            members=tuple(members),
            weights=(*weights, self.style_weight),
            sides=(*sides, Side(name=STYLE, texts=(given(self.style).tokens,))),
        )


def read_style(style: Image.Image | str | Path) -> Image.Image | str:
    """A style as a request has it: the picture of a file, what else there is as it is.

    A text with a dot or a slash is a file's name. Raises RequestError as `read_picture` does.
    """
    if isinstance(style, Path) or (isinstance(style, str) and any(c in style for c in "./\\")):
        return read_picture(style)
    return style


def _pixels(picture: Image.Image, size: Size, channels: int) -> Tensor:
    """(1, P, H, W) in model pixels at a size; a picture without transparency is opaque."""
    return from_picture(resized(eight_bit(picture), size), channels)[None]


def _check_weights(request: Request) -> None:
    for name, command in (("content", "restyle PICTURE"), ("style", "restyle --style STYLE")):
        if getattr(request, f"{name}_weight") is not None and getattr(request, name) is None:
            raise RequestError(
                f"{name}_weight is of restyling, and there is no {name}: limner {command}, or "
                "Painter.restyle, gives one"
            )


def _check_content(content: Image.Image, request: Request, parts: Parts) -> None:
    if parts.content_encoder is None:
        raise RequestError(
            "this model has no content branch, so it cannot restyle: one that was trained with it "
            "is right; `limner restyle` without --model takes the one that comes with Limner"
        )
    if request.picture is not None:
        raise RequestError("an edit's picture and a content cannot be combined: one is right")
    check_size(content.size)
    eight_bit(content)


def _check_style(style: Image.Image | str, parts: Parts) -> None:
    if isinstance(style, Image.Image):
        if parts.style_namer is None:
            raise RequestError("this model names no styles: a word is right, or a model that does")
        check_size(style.size)
        eight_bit(style)
        return
    known = () if parts.words is None else parts.words.styles
    if known and style not in known:
        raise RequestError(
            f"style {style!r} is unknown: one of {', '.join(known)} is right, or a picture"
        )
