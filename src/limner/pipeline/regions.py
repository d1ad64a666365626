"""A text for a part of a picture, and what a request takes for its regions.

Light to import, as all that the statement of a request's fields is made from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from limner.errors import RequestError
from limner.language.english import COLOURS
from limner.pipeline.kinds import SHOWN, Choice, Kind, Number, Pictured, Text, shown
from limner.text.dialect import LONGEST_PROMPT

if TYPE_CHECKING:
    from PIL import Image

NOT_STORED = "picture"  # what stands in a record for a mask, which no text can hold
MOST_REGIONS = 64
ROUNDING = 1e-6  # of a picture's side: what adds up to it, as 0.7 and 0.3 to 1, may be beyond it
OPTION = re.compile(r"(?P<kind>box|mask):(?P<place>[^=]*)=(?P<text>.*)", re.DOTALL)
TURNED = re.compile(r"(?P<box>[^:]*):(?P<colour>.*)", re.DOTALL)

Place = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Box(Kind):
    """(x, y, width, height) of a part of a picture, from its upper left corner."""

    right: str = "(x, y, width, height), numbers of 0 or more, width and height above 0,"
    written: str = "x,y,width,height"

    def check(self, name: str, value: Any) -> Place:
        if not isinstance(value, (list, tuple)) or len(value) != 4:
            raise self.wrong(name, value)
        x, y, width, height = (Number().check(name, each) for each in value)
        if min(x, y) < 0 or min(width, height) <= 0:
            raise self.wrong(name, value)
        if in_parts((x, y, width, height)) and max(x + width, y + height) > 1 + ROUNDING:
            raise RequestError(
                f"{name} is {value}, four numbers of at most 1, so parts of the picture, and "
                "leaves it: x + width and y + height of at most 1 are right"
            )
        return x, y, width, height

    def schema(self) -> dict[str, Any]:
        """That a box stays within the picture is said by no schema."""
        place = Number(least=0.0).schema()
        side = {"type": "number", "exclusiveMinimum": 0, "maximum": place["maximum"]}
        return {
            "type": "array", "prefixItems": [place, place, side, side],
            "minItems": 4, "maxItems": 4,
        }  # fmt: skip

    def read(self, text: str) -> Place:
        return self.check("box", [float(number) for number in text.split(",")])


def in_parts(box: Place) -> bool:
    """Whether a box is in parts of the picture's width and height, else in pixels."""
    return max(box) <= 1


KINDS: Mapping[str, Kind] = {
    "text": Text(most=LONGEST_PROMPT),
    "box": Box(),
    "mask": Pictured(metavar="MASK"),
    "colour": Choice(names=tuple(COLOURS)),
}


@dataclass(frozen=True, kw_only=True)
class Region:
    """A text for a part of a picture.

    text: what is there, written as the prompt is. box: (x, y, width, height) from the upper left
    corner; where none of the four is above 1 they are parts of the picture's width and height, else
    pixels. mask: in place of a box, a picture of the size of what is painted, white where the
    region is. colour: a basic colour that its main part is turned to, in a collage. Raises
    RequestError for a text that says nothing, and for other than one of box and mask.
    """

    text: str
    box: Place | None = None
    mask: Image.Image | str | None = None
    colour: str | None = None

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            if (value := getattr(self, name)) is not None or name == "text":
                object.__setattr__(self, name, kind.check(name, value))
        if not self.text.strip():
            raise RequestError("the text says nothing: what to paint there is right")
        if (self.box is None) == (self.mask is None):
            both = "neither a box nor a mask" if self.box is None else "a box and a mask"
            raise RequestError(f"{self.text[:SHOWN]!r} has {both}: one of the two is right")
        if isinstance(self.mask, str) and self.mask != NOT_STORED:
            raise RequestError(f"mask is {self.mask[:SHOWN]!r}: a PIL picture is right, or a box")

    @classmethod
    def of(cls, values: Any) -> Region:
        """A region of JSON's values by field, or as it is. Raises RequestError for what is none."""
        if isinstance(values, cls):
            return values
        if not isinstance(values, Mapping):
            raise RequestError(f"{shown(values)} is no region: a text with a box is one")
        for name in values:
            if name not in KINDS:
                raise RequestError(f"{str(name)[:40]!r} is unknown: {', '.join(KINDS)} are right")
        if "text" not in values:
            raise RequestError("its text is missing")
        return cls(**{name: KINDS[name].check(name, value) for name, value in values.items()})

    @property
    def stored(self) -> dict[str, Any]:
        """What JSON holds of it: of a mask, that there was one."""
        turned = {} if self.colour is None else {"colour": self.colour}
        if self.box is None:
            return {"text": self.text, "mask": NOT_STORED, **turned}
        return {"text": self.text, "box": list(self.box), **turned}


@dataclass(frozen=True, kw_only=True)
class Regions(Kind):
    """Some regions in an order, what is in front last."""

    right: str = "a list of regions, each a text with a box or a mask,"
    written: str = "box:x,y,w,h=TEXT, box:x,y,w,h:COLOUR=TEXT or mask:FILE=TEXT"
    metavar: str = "PLACE=TEXT"
    option: Any = list[str]
    axis: bool = False

    def check(self, name: str, value: Any) -> tuple[Region, ...]:
        if not isinstance(value, (list, tuple)):
            raise self.wrong(name, value)
        if len(value) > MOST_REGIONS:
            raise RequestError(
                f"{len(value)} {name} are too many: at most {MOST_REGIONS} are right"
            )
        return tuple(_region(number, each) for number, each in enumerate(value, 1))

    def schema(self) -> dict[str, Any]:
        """A mask is no part of it: JSON holds none."""
        region = {
            "type": "object",
            "properties": {
                "text": KINDS["text"].schema() | {"pattern": r"\S"},
                "box": Box().schema(),
                "colour": {"type": ["string", "null"], "enum": [*COLOURS, None]},
            },
            "required": ["text", "box"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": region, "maxItems": MOST_REGIONS}

    def read(self, text: str) -> Region:
        """One region as `written` has it; of several `=` the first ends the place.

        Raises RequestError for anything else.
        """
        match = OPTION.fullmatch(text)
        if match is None:
            raise RequestError(
                f"region {text[:SHOWN]!r}: write box:x,y,w,h=TEXT, as box:0,0,64,64=a cat, or "
                "mask:FILE=TEXT"
            )
        if match["kind"] == "mask":
            from limner.pipeline.pictures import read_picture

            return Region(text=match["text"], mask=read_picture(match["place"]))
        turned = TURNED.fullmatch(match["place"])
        try:
            box = Box().read(match["place"] if turned is None else turned["box"])
        except ValueError as error:
            raise RequestError(
                f"region {text[:SHOWN]!r}: box:x,y,w,h has four numbers, w and h above 0 ({error})"
            ) from None
        return Region(text=match["text"], box=box, colour=turned and turned["colour"])

    def stored(self, value: Any) -> Any:
        return None if value is None else [region.stored for region in value]


def _region(number: int, value: Any) -> Region:
    try:
        return Region.of(value)
    except RequestError as error:
        raise RequestError(f"region {number}: {error}") from None
