"""Restyling: what is painted looks as one picture does, drawn as a word or another picture says.

A style's picture is told by the word that its model has for it.

The content's maps are handed to each call of the U-Net. The style is one more text beside the
prompt, with a weight of its own, as the members of an AND have it; without words in the prompt it
is the only one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from torch import Tensor

from limner.checkpoints import Parts
from limner.data.captions import canonical
from limner.data.pixels import from_picture
from limner.data.records import Record
from limner.errors import RequestError
from limner.explain.heatmaps import NEGATIVE, Side
from limner.models.content import added_by, mean_token
from limner.pipeline.adapters import TAG
from limner.pipeline.canvas import sized_like
from limner.pipeline.encodings import Encodings
from limner.pipeline.pictures import check_size, eight_bit, read_picture, resized
from limner.pipeline.request import Request
from limner.pipeline.script import Scene
from limner.text.combine import same_length
from limner.types import Conditioning

OF_RESTYLING = ("content_weight", "style", "style_weight")  # fields of a `Request`
STYLE = "style"  # the side of it that recorders name
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Restyling:
    """What leads a painting beside its prompts.

    maps: of the content, for the U-Net. style: of one row. alone: the prompt says nothing itself.
    notes: what the person may want to know.
    """

    parts: Parts
    maps: tuple[Tensor, ...] = ()
    content_weight: float = 1.0
    style: Conditioning | None = None
    style_weight: float = 1.0
    side: Side | None = None
    alone: bool = False
    notes: tuple[str, ...] = ()

    def added(self, rows: int) -> tuple[Tensor, ...]:
        """What a call of the U-Net with so many rows adds to its maps: the content's."""
        return added_by(self.maps, rows, self.content_weight)

    def told(self, scenes: Mapping[int, Scene]) -> dict[int, Scene]:
        """What is said over the steps, with the style."""
        if self.style is None:
            return dict(scenes)
        styled = {
            scene: self._styled(scene, self.style) for scene in dict.fromkeys(scenes.values())
        }
        return {last: styled[scene] for last, scene in scenes.items()}

    def _styled(self, scene: Scene, style: Conditioning) -> Scene:
        if scene.swap is not None or scene.parts > 1:
            what = "a layout" if scene.swap is None else "a prompt's swap"
            raise RequestError(f"{what} cannot be combined with a style: one is right")
        said = () if self.alone else scene.members
        weights = () if self.alone else scene.weights
        sides = [side for side in scene.sides if side.name == NEGATIVE or not self.alone]
        negative, *members = same_length([scene.negative, *said, style])
        assert self.side is not None
        return replace(
            scene,
            negative=negative,
            members=tuple(members),
            weights=(*weights, self.style_weight),
            sides=(*sides, self.side),
        )


def restyling_of(request: Request, parts: Parts, encode: Encodings) -> Restyling:
    """What a completed request asks for; nothing where it has neither content nor style."""
    word = style_word(request.style, parts)
    style, side = _style(word, request, parts, encode)
    made = Restyling(
        parts=parts,
        style=style,
        side=side,
        style_weight=_weight(request.style_weight),
        content_weight=_weight(request.content_weight),
        alone=not TAG.sub("", request.prompt).strip(),
        notes=_notes(word, request, parts),
    )
    content = request.content
    if content is None or parts.content_encoder is None:
        return made
    assert request.size is not None
    told = encode([""], request.clip_skip) if style is None else style
    encoder = parts.content_encoder
    pixels = _pixels(content, request.size, encoder.config.picture_channels)
    weights = next(encoder.parameters())
    vector = mean_token(told.context, told.mask)
    return replace(made, maps=tuple(encoder(pixels.to(weights), vector.to(weights))))


def complete_restyling(request: Request, parts: Parts, multiple: int) -> Request:
    """The request with the defaults of restyling; RequestError for what it cannot be.

    multiple: what sides of pictures divide by.
    """
    _check_weights(request)
    if request.style is not None:
        _check_style(request.style, parts)
        request = request.with_defaults(style_weight=1.0)
    content = request.content
    if content is not None:
        _check_content(content, request, parts)
        box = (0, 0, *content.size)
        size = sized_like(box, parts.sampling.size, multiple)
        request = request.with_defaults(size=size, content_weight=1.0)
        if not request.prompt.strip():
            word = style_word(request.style, parts)
            request = replace(request, prompt=said_of(content, word, parts))
    return request


def said_of(content: Image.Image, style: str, parts: Parts) -> str:
    """What a picture shows, in a prompt's words, with the style; empty for a model that names none.

    The content branch hands on outlines and colours; which thing it is, the model knows by name.
    """
    if parts.naming is None:
        return ""
    config = parts.naming.tower.config
    pixels = _pixels(content, (config.image_size, config.image_size), config.channels)
    (name,) = parts.naming(pixels)
    return canonical(Record(picture=0, concept=name, style=style))


def style_word(style: Image.Image | str | None, parts: Parts) -> str:
    """The word for a style, of a picture the likeliest that the model has; empty for None."""
    if style is None or isinstance(style, str):
        return style or ""
    namer = parts.style_namer
    assert namer is not None
    own = sized_like((0, 0, *style.size), parts.sampling.size, 1)
    (word,) = namer.name(_pixels(style, own, namer.config.picture_channels))
    return word


def read_style(style: Image.Image | str | Path) -> Image.Image | str:
    """A style as a request has it: the picture of a file, what else there is as it is.

    A text with a dot or a slash is a file's name. Raises RequestError as `read_picture` does.
    """
    if isinstance(style, Path) or (isinstance(style, str) and any(c in style for c in "./\\")):
        return read_picture(style)
    return style


def _style(
    word: str, request: Request, parts: Parts, encode: Encodings
) -> tuple[Conditioning | None, Side | None]:
    """The tokens of the style that is asked for, and what a recorder is told of them."""
    if request.style is None:
        return None, None
    ids = parts.tokenizer([word])[0]
    return encode([word], request.clip_skip), Side(name=STYLE, texts=(ids,))


def _notes(word: str, request: Request, parts: Parts) -> tuple[str, ...]:
    """What pictures were taken for."""
    notes = []
    if isinstance(request.style, Image.Image):
        notes.append(f"the style's picture is taken for {word!r}: a style word says otherwise")
    content, said = request.content, request.prompt
    if content is not None and said and said == said_of(content, word, parts):
        notes.append(f"the content is taken for {said!r}: a prompt of your own says otherwise")
    return tuple(notes)


def _pixels(picture: Image.Image, size: Size, channels: int) -> Tensor:
    """(1, P, H, W) in model pixels at a size; a picture without transparency is opaque."""
    return from_picture(resized(eight_bit(picture), size), channels)[None]


def _weight(given: float | None) -> float:
    return 1.0 if given is None else float(given)


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
            "this model has no content branch, so it cannot restyle: emoji-restyle has one, and "
            "`limner train emoji-restyle` gives one to a model with a U-Net"
        )
    if request.picture is not None:
        raise RequestError("an edit's picture and a content cannot be combined: one is right")
    check_size(content.size)
    eight_bit(content)


def _check_style(style: Image.Image | str, parts: Parts) -> None:
    if isinstance(style, Image.Image):
        if parts.style_namer is None:
            raise RequestError("this model names no styles: a word, or emoji-restyle, is right")
        check_size(style.size)
        eight_bit(style)
        return
    known = () if parts.words is None else parts.words.styles
    if known and style not in known:
        raise RequestError(
            f"style {style!r} is unknown: one of {', '.join(known)} is right, or a picture"
        )
