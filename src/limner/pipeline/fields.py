"""What is said of a field of a request, once; everything that shows fields is made from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from enum import StrEnum
from typing import Any

from limner.pipeline.kinds import Kind


class Group(StrEnum):
    """What fields belong together, under the heading that the help has for them."""

    PROMPT = "Prompt"
    PICTURE = "Picture"
    SAMPLING = "Sampling"
    EDITING = "Painting over a picture"
    RESTYLING = "Restyling"
    ENLARGING = "Enlarging"
    ADAPTERS = "Adapters"
    TENSORS = "For programs"


@dataclass(frozen=True, kw_only=True)
class About:
    """What is said of a field beside its name, type and default.

    kind: what it takes. help: what it is, in the words of the help. more: what a reader of the
    reference wants to know beyond that. unset: what holds where it is None, if that is not the
    model's own. aliases: other programs' words for it, as options without the dashes. option: its
    own, where that is not its name: of one that is given once for each value. flags: short options,
    with the dash. infotext: its key in A1111's infotext (the values' spelling is
    `limner.pipeline.infotext`'s). stored: whether a text can hold it, JSON and metadata do then.
    """

    kind: Kind
    help: str
    group: Group
    more: str = ""
    unset: str = ""
    aliases: tuple[str, ...] = ()
    option: str = ""
    flags: tuple[str, ...] = ()
    infotext: str = ""
    stored: bool = True


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a request: its name, its default, and what is said of it."""

    name: str
    default: Any
    about: About

    @property
    def required(self) -> bool:
        """Whether every request gives it."""
        return self.default is MISSING

    @property
    def optional(self) -> bool:
        """Whether it may be None."""
        return self.default is None

    @property
    def said_default(self) -> str:
        """What holds where it is left out; empty where that is the model's own."""
        if self.optional:
            return self.about.unset
        if self.required or self.default == "" or self.default is False:
            return ""
        default = self.default
        return f"{default:g}" if isinstance(default, float) else str(default)

    @property
    def description(self) -> str:
        """What the field is, and what holds where it is left out."""
        otherwise = f"Default: {self.said_default}." if self.said_default else ""
        return " ".join(filter(None, (self.about.help, self.about.more, otherwise)))

    def check(self, value: Any) -> Any:
        """The value as a request keeps it; RequestError for one that it cannot take."""
        if value is None and self.optional:
            return None
        return self.about.kind.check(self.name, value)

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the field."""
        said = self.about.kind.schema()
        if self.optional:
            said["type"] = [said["type"], "null"]
            said |= {"enum": [*said["enum"], None]} if "enum" in said else {}
        described = {"description": self.description}
        return described | said | ({} if self.required else {"default": self.default})


def about(kind: Kind, help: str, group: Group, **more: Any) -> dict[str, About]:
    """The metadata of a dataclass's field; `more` is that of `About`."""
    return {"about": About(kind=kind, help=help, group=group, **more)}


def fields_of(request: type) -> Mapping[str, Field]:
    """The fields of a dataclass whose metadata are made by `about`, by name, in their order."""
    return {
        field.name: Field(name=field.name, default=field.default, about=field.metadata["about"])
        for field in dataclasses.fields(request)
    }
