"""The options that every command which paints has, beside those of a request's fields."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import typer

from limner.cli import streams
from limner.cli.request_options import ALIASES, RequestOptions
from limner.cli.viewer import show
from limner.errors import UsageError
from limner.pipeline.fields import Group

if TYPE_CHECKING:
    from limner.pipeline import Painter, Request

OUTPUT = "Output"  # a heading of the help
LORA_RIGHT = "write [NAME=]FILE[:WEIGHT], as style.safetensors:0.8 or ink=style.safetensors"
NO_LORA_NAME = ':<>(),/\\"'  # what ends a name in prompts and records
DTYPE_HELP = (
    "What it computes in: fp32, bf16, fp16, or int8, which is approximate. Default: what fits the "
    "model and the machine."
)
_of_model = partial(typer.Option, rich_help_panel="Model")
_of_output = partial(typer.Option, rich_help_panel=OUTPUT)
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse a model whose files hold more than it.")
]
Prompt = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROMPT", help="What to paint, in quotes; with --from its own is the default."
    ),
]
Source = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="PICTURE",
        help="Repeat a painted picture, or the .txt beside it, but for options given here.",
        rich_help_panel=Group.PROMPT.value,
    ),
]


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model paints, what is put on it, and where."""

    model: Annotated[
        Path | None,
        _of_model(metavar="MODEL", help="A model's folder or file. Default: the shipped one."),
    ] = None
    vae: Annotated[
        Path | None,
        _of_model(metavar="FILE", help="A file with another autoencoder."),
    ] = None
    decoder: Annotated[
        Path | None,
        _of_model(metavar="FILE", help="A tiny decoder (TAESD), rough and fast."),
    ] = None
    loras: Annotated[
        list[str] | None,
        _of_model(
            "--lora",
            metavar="[NAME=]FILE[:WEIGHT]",
            help="Put a LoRA on the model; may be given more than once. A prompt names it by NAME, "
            "which is the file's where it is left out.",
        ),
    ] = None
    embeddings: Annotated[
        list[Path] | None,
        _of_model(
            "--embedding",
            metavar="FILE",
            help="Teach the model a word; may be given more than once.",
        ),
    ] = None
    lora_folder: Annotated[
        Path | None,
        _of_model(metavar="FOLDER", help="Where a prompt's <lora:name:weight> finds its file."),
    ] = None
    embedding_folder: Annotated[
        Path | None,
        _of_model(metavar="FOLDER", help="Files of words to learn where a prompt has their names."),
    ] = None
    upscaler: Annotated[
        Path | None,
        _of_model(metavar="FOLDER", help="A folder with an upscaler. Default: the shipped one."),
    ] = None
    device: Annotated[
        str | None,
        _of_model(metavar="NAME", help="cpu, cuda, mps. Default: the best."),
    ] = None
    engine: Annotated[
        str,
        _of_model(
            metavar="NAME",
            help="What runs the denoiser: auto, eager, compiled, openvino, cuda-graphs.",
        ),
    ] = "auto"
    dtype: Annotated[
        str | None,
        _of_model(metavar="NAME", help=DTYPE_HELP),
    ] = None
    strict: Annotated[
        bool,
        _of_model("--strict", metavar="", help="Refuse a model whose files hold more than it."),
    ] = False

    @property
    def origin(self) -> Path:
        """Where the model lies, which a picture's metadata name."""
        from limner.loading import found

        return found(self.model)

    def load(self) -> Painter:
        """The painter, with everything put on it."""
        weighted = [parse_lora(text) for text in self.loras or ()]
        from limner.engine.choosing import dtype_named
        from limner.loading import load

        painter = load(
            self.model,
            device=self.device,
            engine=self.engine,
            dtype=None if self.dtype is None else dtype_named(self.dtype),
            vae=self.vae,
            decoder=self.decoder,
            lora_folder=self.lora_folder,
            embedding_folder=self.embedding_folder,
            upscaler=self.upscaler,
            strict=self.strict,
        )
        for file, weight, name in weighted:
            if (file.stem if name is None else name) in dict(painter.adapters.loras):
                raise UsageError(f"--lora {file}: one of that name is on: write NAME={file}")
            painter.add_lora(file, weight, name)
        for file in self.embeddings or ():
            painter.add_embedding(file)
        return painter


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Where what was painted goes, and what is said meanwhile."""

    output: Annotated[
        str | None,
        _of_output(
            "--output",
            "-o",
            metavar="FILE",
            help="A .png, .jpg or .webp file, a folder, or - for standard output. Default: named "
            "after the prompt.",
        ),
    ] = None
    force: Annotated[
        bool,
        _of_output("--force", metavar="", help="Overwrite what stands there."),
    ] = False
    show: Annotated[
        bool,
        _of_output(
            "--open", metavar="", help="Show it with the system's viewer, of several the first."
        ),
    ] = False
    quiet: Annotated[
        bool,
        _of_output(
            "--quiet",
            "-q",
            metavar="",
            help="No progress and no warnings: only where the pictures are.",
        ),
    ] = False

    def target(self, name: str) -> Path:
        """The file to write, in a folder that can be written; `name`: where none was said."""
        from limner.cli import files

        path = files.target_path(self.output, name)
        if path == streams.STANDARD:
            self._check_standard_output()
        else:
            files.check_writable(path)
        return path

    def _check_standard_output(self) -> None:
        """Raise UsageError where no picture can go to standard output."""
        if self.show:
            raise UsageError("-o - makes no file that --open could show: name one")
        if sys.stdout is None or sys.stdout.isatty():
            raise UsageError("-o - writes a picture's bytes: lead them on, as in -o - | display")

    def warn(self, line: str) -> None:
        """Say in one line what the person may want to know, and go on."""
        if not self.quiet:
            streams.warn(line)

    def written(self, paths: Sequence[Path]) -> None:
        """Say where the files are, and show the first where that was asked for."""
        for path in paths:
            if path != streams.STANDARD:
                streams.tell(path)
        if self.show and paths and not show(paths[0]):
            streams.warn(f"no viewer was found here that opens {paths[0]}")


def flattened(function: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters of option classes are taken apart into options, in their place.

    typer reads the signature: each field of a dataclass, and each of `RequestOptions`, becomes an
    option of its own, and the function is called with what is made of them.
    """
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    groups: dict[str, tuple[Callable[[dict[str, Any]], Any], list[str]]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        kind, extras = _parted(hints[name])
        if not (isinstance(kind, type) and is_dataclass(kind)):
            parameters.append(parameter.replace(annotation=hints[name]))
            continue
        own, make = _options(kind, extras)
        groups[name] = make, [option.name for option in own]
        parameters += own

    @wraps(function)
    def command(**given: Any) -> None:
        made = {
            name: make({field: given.pop(field) for field in own})
            for name, (make, own) in groups.items()
        }
        function(**given, **made)

    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    own_words = {parameter.name.replace("_", "-") for parameter in parameters}
    command.aliases = {  # type: ignore[attr-defined]
        alias: name for alias, name in ALIASES.items() if alias not in own_words
    }
    command.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    return command


def _parted(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type and what `Annotated` says of it."""
    if get_origin(hint) is not Annotated:
        return hint, ()
    kind, *extras = get_args(hint)
    return kind, tuple(extras)


def _options(
    kind: Any, extras: tuple[Any, ...]
) -> tuple[list[inspect.Parameter], Callable[[dict[str, Any]], Any]]:
    """What stands for a class of options in a command, and what makes one of the values."""
    if kind is RequestOptions:
        return RequestOptions.parameters(extras), RequestOptions.made
    hints = get_type_hints(kind, include_extras=True)
    own = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
    ]
    return own, lambda values: kind(**values)


def one_prompt(words: list[str] | None, otherwise: str | None = None) -> str:
    """The prompt, which is one argument: loose words are more often a forgotten quote."""
    if not words:
        if otherwise is None:
            raise UsageError('a prompt is missing: limner "a red apple", or --from a picture')
        return otherwise
    if len(words) > 1:
        raise UsageError(f'a prompt goes in quotes: limner "{" ".join(words)}"')
    return words[0]


def repeated(source: Path | None, output: OutputOptions) -> Request | None:
    """What a picture says of how it was painted; what it says in vain is warned of."""
    if source is None:
        return None
    from limner.pipeline.metadata import read_record

    record = read_record(source)
    if record.others:
        unused = ", ".join(f"{key} {value[:40]!r}" for key, value in record.others.items())
        output.warn(f"of {source.name} not used: {unused[:400]}")
    return record.request


def parse_lora(text: str) -> tuple[Path, float, str | None]:
    """(file, weight, name) of "ink=style.safetensors:0.8"; 1 and None for what is left out.

    A file whose own name has an equals sign is that file, if it is there.
    """
    if not text.strip():
        raise UsageError(f"--lora {text!r}: write FILE or FILE:WEIGHT, as style.safetensors:0.8")
    file, colon, weight = text.rpartition(":")
    try:
        number = float(weight)
    except ValueError:
        file, number = text, 1.0
    else:
        if not colon or not file or not math.isfinite(number):
            raise UsageError(f"--lora {text}: {LORA_RIGHT}")
    name, equals, rest = file.partition("=")
    if not equals or Path(file).exists():
        return Path(file), number, None
    if not rest or not name or set(name) & set(NO_LORA_NAME):
        raise UsageError(f"--lora {text}: {LORA_RIGHT}; a NAME has none of {NO_LORA_NAME}")
    return Path(rest), number, name
