"""The options that every command which paints has: what is asked for, and which model paints it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import typer

from limner.errors import UsageError

if TYPE_CHECKING:
    from limner.pipeline import Painter, Request


@dataclass(frozen=True, kw_only=True)
class RequestOptions:
    """The fields of a `Request`, but for the prompt; None where an option was left out."""

    negative: Annotated[str | None, typer.Option(help="What to keep out of the picture.")] = None
    seed: Annotated[int | None, typer.Option(help="The picture's number. Default: drawn.")] = None
    count: Annotated[
        int | None, typer.Option("--count", "-n", help="How many: seed, seed + 1, ... Default: 1.")
    ] = None
    dialect: Annotated[
        str | None, typer.Option(help="Whose prompts: a1111, compel, comfy, plain.")
    ] = None
    weighting: Annotated[
        str | None, typer.Option(help="What a weight does: scale, lerp, compel, ...")
    ] = None
    lenient: Annotated[
        bool | None, typer.Option("--lenient", help="Read a prompt even where it goes wrong.")
    ] = None
    layout: Annotated[
        str | None, typer.Option(help="Texts of an AND in parts of the picture: beside, stacked.")
    ] = None
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Pixels, as 128x96 or 128.")] = (
        None
    )
    steps: Annotated[int | None, typer.Option(help="Steps of the solver.")] = None
    guidance: Annotated[float | None, typer.Option(help="How strictly to follow words.")] = None
    guidance_rescale: Annotated[
        float | None, typer.Option(help="Against glare of strong guidance: 0 none, 1 all.")
    ] = None
    solver: Annotated[str | None, typer.Option(help="How noise is taken away.")] = None
    schedule: Annotated[str | None, typer.Option(help="The noise levels between steps.")] = None
    eta: Annotated[
        float | None, typer.Option(help="Fresh noise of solvers that take it: 0 none, 1 all.")
    ] = None
    clip_skip: Annotated[
        int | None, typer.Option("--clip-skip", help="Words from which layer: 1 last, 2 before it.")
    ] = None
    noise: Annotated[
        str | None, typer.Option(help="A seed's random numbers: cpu, nv (as CUDA's), batch.")
    ] = None
    variation_seed: Annotated[
        int | None, typer.Option(help="Lead the start towards this seed's. Default: drawn.")
    ] = None
    variation_strength: Annotated[
        float | None, typer.Option(help="How far: 0 not at all, 1 all the way.")
    ] = None
    upscale: Annotated[int | None, typer.Option(help="Enlarge what was painted, by 2 or 4.")] = None
    refine: Annotated[
        float | None,
        typer.Option(help="Paint over it once it is enlarged: 0 nothing new, 1 all; as 0.3."),
    ] = None

    def request(self, base: Request | None, prompt: str, **others: Any) -> Request:
        """What was asked, in place of what a repeated picture has; others: of no option."""
        from limner.pipeline import Request
        from limner.pipeline.kinds import size_named

        given = {name: value for name, value in vars(self).items() if value is not None}
        if "size" in given:
            given["size"] = size_named(given["size"])
        given |= {"prompt": prompt, **others}
        if base is None:
            return Request(**given)
        if given.get("variation_strength") == 0:  # then the picture's own seed for it means nothing
            given.setdefault("variation_seed", None)
        return replace(base, **given)


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model paints, what is put on it, and where."""

    model: Annotated[
        Path | None, typer.Option(help="A model's folder or file. Default: the shipped one.")
    ] = None
    vae: Annotated[Path | None, typer.Option(help="A file with another autoencoder.")] = None
    loras: Annotated[
        list[str] | None,
        typer.Option("--lora", metavar="FILE[:WEIGHT]", help="Put a LoRA on the model."),
    ] = None
    embeddings: Annotated[
        list[Path] | None,
        typer.Option("--embedding", metavar="FILE", help="Teach the model a word."),
    ] = None
    lora_folder: Annotated[
        Path | None, typer.Option(help="Where a prompt's <lora:name:weight> finds its file.")
    ] = None
    embedding_folder: Annotated[
        Path | None, typer.Option(help="Files of words to learn where a prompt has their names.")
    ] = None
    upscaler: Annotated[
        Path | None, typer.Option(help="A folder with an upscaler. Default: the shipped one.")
    ] = None
    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps. Default: the best.")] = None

    @property
    def origin(self) -> Path:
        """Where the model lies, which a picture's metadata name."""
        from limner.pipeline.loading import found

        return found(self.model)

    def load(self) -> Painter:
        """The painter, with everything put on it."""
        weighted = [parse_lora(text) for text in self.loras or ()]
        from limner.pipeline import load

        painter = load(
            self.model,
            device=self.device,
            vae=self.vae,
            lora_folder=self.lora_folder,
            embedding_folder=self.embedding_folder,
            upscaler=self.upscaler,
        )
        for file, weight in weighted:
            painter.add_lora(file, weight)
        for file in self.embeddings or ():
            painter.add_embedding(file)
        return painter


@dataclass(frozen=True)
class Without:
    """Beside a parameter of `flattened`: a field of its dataclass that is no option here."""

    field: str


def flattened(function: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters of dataclasses are taken apart into options, in their place.

    typer reads the signature: each field becomes an option of its own, and the function is called
    with the dataclasses made of them.
    """
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    groups: dict[str, tuple[type, list[str]]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        kind, extras = _parted(hints[name])
        if not (isinstance(kind, type) and is_dataclass(kind)):
            parameters.append(parameter.replace(annotation=hints[name]))
            continue
        own = _options(kind, {extra.field for extra in extras if isinstance(extra, Without)})
        groups[name] = kind, [option.name for option in own]
        parameters += own

    @wraps(function)
    def command(**given: Any) -> None:
        made = {
            name: kind(**{field: given.pop(field) for field in own})
            for name, (kind, own) in groups.items()
        }
        function(**given, **made)

    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    return command


def _parted(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type and what `Annotated` says of it."""
    if get_origin(hint) is not Annotated:
        return hint, ()
    kind, *extras = get_args(hint)
    return kind, tuple(extras)


def _options(kind: type, without: set[str]) -> list[inspect.Parameter]:
    """The fields of a dataclass as parameters of a command."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
        if field.name not in without
    ]


def one_prompt(words: list[str] | None, otherwise: str | None = None) -> str:
    """The prompt, which is one argument: loose words are more often a forgotten quote."""
    if not words:
        if otherwise is None:
            raise UsageError('a prompt is missing: limner "a red apple", or --from a picture')
        return otherwise
    if len(words) > 1:
        raise UsageError(f'a prompt goes in quotes: limner "{" ".join(words)}"')
    return words[0]


def repeated(source: Path | None) -> Request | None:
    """What a picture says of how it was painted; what it says in vain is warned of."""
    if source is None:
        return None
    from limner.pipeline.metadata import read_record

    record = read_record(source)
    if record.others:
        unused = ", ".join(f"{key} {value[:40]!r}" for key, value in record.others.items())
        warn(f"of {source.name} not used: {unused[:400]}")
    return record.request


def warn(line: str) -> None:
    """Say in one line what the person may want to know, and go on."""
    typer.echo(f"limner: warning: {line}", err=True)


def parse_lora(text: str) -> tuple[Path, float]:
    """(file, weight) of "style.safetensors:0.8", or of "style.safetensors" for 1."""
    file, colon, weight = text.rpartition(":")
    try:
        number = float(weight)
    except ValueError:
        return Path(text), 1.0
    if not colon or not file or not math.isfinite(number):
        raise UsageError(f"--lora {text}: write FILE or FILE:WEIGHT, as style.safetensors:0.8")
    return Path(file), number
