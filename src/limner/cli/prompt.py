"""`limner prompt`: what a prompt means, and the same prompt in another dialect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import streams
from limner.text.dialect import Dialect

if TYPE_CHECKING:
    from limner.text.tokenizer import Tokenizer

command = typer.Typer(add_completion=False)

DIALECT = typer.Option(help="Whose way of writing prompts.")
LENIENT = typer.Option("--lenient", help="Read even what that program misreads, as it does.")
NEGATIVE = typer.Option("--negative", help="It is a negative prompt: AND is a word in it.")


@command.callback()
def prompt() -> None:
    """Show what a prompt means, or write it for another program."""


@command.command("show")
def show(
    prompt: Annotated[str, typer.Argument(help="The prompt, in quotes.")],
    dialect: Annotated[Dialect, DIALECT] = Dialect.A1111,
    steps: Annotated[int, typer.Option(help="Steps of sampling.")] = 20,
    lenient: Annotated[bool, LENIENT] = False,
    negative: Annotated[bool, NEGATIVE] = False,
    model: Annotated[
        Path | None, typer.Option(help="Whose vocabulary. Default: CLIP's published one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write all of it as JSON.")] = False,
) -> None:
    """Show spans and weights, tokens and chunks, and what holds at which step."""
    from limner.prompt import parse

    tree = parse(prompt, dialect, lenient, negative)
    tree.timeline(steps)  # what is wrong with the steps is said before a vocabulary is read

    from limner.cli.prompt_report import lines
    from limner.explain.prompt_report import report

    shown = report(tree, steps, vocabulary(model))
    if as_json:
        streams.tell(json.dumps(shown, indent=1, ensure_ascii=False))
        return
    for line in lines(shown):
        streams.tell(line)


@command.command("convert")
def convert(
    prompt: Annotated[str, typer.Argument(help="The prompt, in quotes.")],
    target: Annotated[Dialect, typer.Option("--to", help="The dialect to write it in.")],
    source: Annotated[
        Dialect, typer.Option("--from", help="The dialect it is written in.")
    ] = Dialect.A1111,
    lenient: Annotated[bool, LENIENT] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Prompt and notes as JSON.")] = False,
) -> None:
    """Write a prompt in another dialect; what cannot be said there is noted on standard error."""
    from limner.prompt import convert, parse

    converted = convert(parse(prompt, source, lenient), target)
    if as_json:
        shown = {"prompt": converted.text, "notes": list(converted.notes)}
        streams.tell(json.dumps(shown, indent=1, ensure_ascii=False))
        return
    streams.tell(converted.text)
    for note in converted.notes:
        streams.say(f"limner: {note}")


def vocabulary(model: Path | None) -> Tokenizer:
    """CLIP's published tokenizer, or that of a model's folder."""
    from limner.errors import CheckpointError
    from limner.text.tokenizer import Tokenizer

    if model is None:
        return Tokenizer.clip()
    if not model.exists():
        raise CheckpointError(f"{model} is missing: --model names a model's folder or file")
    folder = model / "tokenizer"
    return Tokenizer.load(folder) if folder.is_dir() else Tokenizer.clip()
