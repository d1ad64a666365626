"""The options of a request's fields, made from what `limner.pipeline.statement` says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limner.errors import UsageError
from limner.pipeline.fields import Field, Group
from limner.pipeline.kinds import Among, Choice, Named, Whole
from limner.pipeline.statement import FIELDS, STORED

if TYPE_CHECKING:
    from limner.pipeline import Request

ALWAYS = (Group.PROMPT, Group.PICTURE, Group.SAMPLING, Group.ENLARGING)
LONG = 10_000  # a range that ends beyond stands in no column of the help
ALIASES = {alias: name.replace("_", "-") for name in STORED for alias in FIELDS[name].about.aliases}
"""What an option is called elsewhere -> its name, both without the dashes."""


@dataclass(frozen=True)
class With:
    """Beside a parameter of `flattened`: fields of this group are options here, too."""

    group: Group


@dataclass(frozen=True)
class Without:
    """Beside a parameter of `flattened`: a field that is no option here."""

    field: str


@dataclass(frozen=True, kw_only=True)
class RequestOptions:
    """The fields of a request that were given as options; what was left out is not among them."""

    given: Mapping[str, Any]

    @classmethod
    def parameters(cls, extras: Iterable[object] = ()) -> list[Parameter]:
        """The options as parameters of a command, those of a group together."""
        extras = tuple(extras)
        groups = (*(extra.group for extra in extras if isinstance(extra, With)), *ALWAYS)
        left_out = {"prompt"} | {extra.field for extra in extras if isinstance(extra, Without)}
        found: list[Parameter] = []
        for group in groups:
            for name in STORED:
                if FIELDS[name].about.group is group and name not in left_out:
                    found.append(_parameter(name, _option(FIELDS[name])))
                    found += _SIDES if name == "size" else ()
        return found

    @classmethod
    def made(cls, values: Mapping[str, Any]) -> RequestOptions:
        """The options with these values, None for those that were left out."""
        given = {name: value for name, value in values.items() if value not in (None, [])}
        width, height = given.pop("width", None), given.pop("height", None)
        if width is not None or height is not None:
            if width is None or height is None or "size" in given:
                raise UsageError("--width goes with --height, or --size alone: --size 128x96")
            given["size"] = f"{width}x{height}"
        return cls(given={name: _value(name, value) for name, value in given.items()})

    def request(self, base: Request | None, prompt: str, **others: Any) -> Request:
        """What was asked, in place of what a repeated picture has; others: of no option."""
        from limner.pipeline import Request

        given = {**self.given, "prompt": prompt, **others}
        if base is None:
            return Request(**given)
        if given.get("variation_strength") == 0:  # then the picture's own seed for it means nothing
            given.setdefault("variation_seed", None)
        return replace(base, **given)


def _value(name: str, value: Any) -> Any:
    """What an option's value stands for; RequestError where the field does not take it."""
    field = FIELDS[name]
    read = field.about.kind.read
    if isinstance(value, list):  # of an option that is given once for each
        return field.check([read(each) for each in value])
    return field.check(read(value) if isinstance(value, str) else value)


def _parameter(name: str, annotation: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _option(field: Field) -> Any:
    """The type of a field's option, and what the help shows of it."""
    about = field.about
    flag = about.kind.option is bool
    names = (f"--{about.option or field.name.replace('_', '-')}", *about.flags)
    return Annotated[
        about.kind.option | None,
        typer.Option(
            *names,
            metavar="" if flag else _metavar(field),
            help=described(field),
            rich_help_panel=about.group.value,
        ),
    ]


def described(field: Field) -> str:
    """A field in the help: what it is, its values, its default, and other words for it."""
    about, kind = field.about, field.about.kind
    names = ", ".join(kind.names) if isinstance(kind, (Choice, Named)) else ""
    aliases = ", ".join(f"--{alias}" for alias in about.aliases)
    sentences = (
        about.help,
        f"One of {names}." if names else "",
        about.more,
        f"Default: {field.said_default}." if field.said_default else "",
        f"Also {aliases}." if aliases else "",
    )
    return " ".join(filter(None, sentences))


def _metavar(field: Field) -> str:
    """The values in a word: their range where it is a short one."""
    kind = field.about.kind
    if isinstance(kind, Whole) and kind.most <= LONG:
        return f"{kind.least}..{kind.most}"
    if isinstance(kind, Among):
        return "|".join(map(str, kind.numbers))
    return kind.metavar


_SIDES = tuple(
    _parameter(
        side,
        Annotated[
            int | None,
            typer.Option(
                metavar="PIXELS",
                help="Both in place of --size.",
                rich_help_panel=Group.PICTURE.value,
            ),
        ],
    )
    for side in ("width", "height")
)
