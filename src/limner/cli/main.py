"""Finds the command that was asked for, and turns every error into one line and an exit code.

Exit codes: 0 done, 1 failed, 2 cannot be done as asked, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import cleandoc

import typer

import limner
from limner.cli import streams
from limner.cli.paths import named
from limner.cli.progress import StoppedError
from limner.errors import LimnerError, UsageError

COMMANDS = {
    "Paint": {
        "paint": "Paint a prompt; the word paint may be left out.",
        "batch": "Paint every line of a file of prompts.",
        "edit": "Paint over a picture, all of it, a part, or room round it.",
        "restyle": "Paint what a picture shows in another style.",
        "upscale": "Make a picture larger, by 2 or 4, and paint over it where asked.",
        "grid": "Paint a prompt over one or two of its settings, as one sheet.",
    },
    "Serve": {"serve": "Paint for programs and pages over HTTP."},
    "Look inside": {
        "explain": "Paint a prompt, and show which word painted what.",
        "prompt": "Show what a prompt means, or write it for another program.",
        "words": "List the concepts and styles that a model knows.",
        "text": "Ask the text encoder what is alike: nearest words, analogies, a matrix.",
        "schema": "Print the JSON schema of a request, for programs.",
    },
    "Train": {
        "finetune": "Teach a model your own pictures: a LoRA, a new word, or the whole of it.",
        "data": "Build the data sets of the recipes.",
        "train": "Train a model by a recipe.",
        "rebuild": "Give a trained model another average of its weights.",
        "evaluate": "Measure a model, and write its contact sheet.",
    },
    "Model files": {
        "inspect": "Say what a model file or folder is, and what in it does not match.",
        "convert": "Turn a model file into a folder or back, change its dtype, open a pickle.",
    },
}
"""Heading of the help -> the commands under it, each with its line."""

INTERRUPTED = 130
LONGEST = 100  # characters that are shown of a file's name
LONGEST_LINE = 500

OVERVIEW = """Words in, a picture out.

limner "a red apple, 3d"                    writes a-red-apple-3d.png
limner "a cat, flat" --seed 7 -o cat.png    the same picture at every run
limner "a ghost, noto" -n 6 --grid          six of them, on one sheet

What does not begin with a command below is a prompt; limner paint --help has the options.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (without the program's name) and return the exit code.

    arguments: None are those of the process, whose streams are then made ready first.
    """
    if arguments is None:
        streams.prepare()
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or os.environ.get("LIMNER_DEBUG", "") not in ("", "0")
    try:
        return run([word for word in words if word != "--debug"])
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except typer.TyperException as error:
        return fail(f"{error.format_message()} (limner --help says more)", error.exit_code)
    except StoppedError as error:
        return fail(str(error), INTERRUPTED)
    except LimnerError as error:
        return fail(str(error), 2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:  # whoever read the names has left
        return 1
    except Exception as error:
        if debug:
            streams.say(traceback.format_exc().rstrip())
            return 1
        return fail(f"{unexpected(error)} (--debug shows where)", 1)


def unexpected(error: Exception) -> str:
    """One line of an error that is none of Limner's: a file's by its name, of no endless length."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        name = str(error.filename)
        return f"{name[:LONGEST]}{'...' * (len(name) > LONGEST)}: {error.strerror}"
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"unexpected {text[:LONGEST_LINE]}"


def run(words: list[str]) -> int:
    """Run the command that the words name; words that name none are those of `paint`."""
    if words and words[0] == "--version":
        streams.tell(f"limner {limner.__version__}")
        return 0
    if not words or words[0] in ("--help", "-h"):
        return invoke(overview(), ["--help"], program="limner")
    name, rest = dispatch(words)
    return invoke(load_command(name), rest, program=f"limner {name}")


def dispatch(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command's name and its own arguments."""
    if any(words[0] in commands for commands in COMMANDS.values()):
        return words[0], list(words[1:])
    return "paint", list(words)


def load_command(name: str) -> typer.Typer:
    """Import the module of a command and make its parser."""
    target = import_module(f"limner.cli.{name}").command
    if isinstance(target, typer.Typer):
        for one in target.registered_commands:
            if one.callback is not None:
                named(one.callback)
        return target
    named(target)
    aliases: Mapping[str, str] = getattr(target, "aliases", {})
    app = typer.Typer(add_completion=False)
    app.command(
        name,
        help=unwrapped(target.__doc__ or ""),
        context_settings={"token_normalize_func": lambda option: aliases.get(option, option)},
    )(target)
    return app


def unwrapped(text: str) -> str:
    """A docstring with a line a paragraph, for the terminal to wrap."""
    return "\n\n".join(" ".join(part.split()) for part in cleandoc(text).split("\n\n"))


def invoke(app: typer.Typer, words: list[str], *, program: str) -> int:
    """Parse the words and run; errors come out as exceptions, a wanted exit as its code."""
    code = typer.main.get_command(app).main(words, prog_name=program, standalone_mode=False)
    if code == INTERRUPTED:  # the parser turns Ctrl-C into an exit code of its own
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def overview() -> typer.Typer:
    """What `limner --help` shows. Its commands are names and lines only: nothing is imported."""
    app = typer.Typer(
        help=OVERVIEW,
        add_completion=False,
        options_metavar="",
        subcommand_metavar='"PROMPT" [OPTIONS]... | COMMAND [OPTIONS]...',
    )

    @app.callback()
    def options(
        version: bool = typer.Option(False, "--version", help="Print the version."),
        debug: bool = typer.Option(False, "--debug", help="Show where an unexpected error arose."),
    ) -> None: ...

    for heading, commands in COMMANDS.items():
        for name, line in commands.items():
            app.command(name, help=line, rich_help_panel=heading)(lambda: None)
    return app


def fail(line: str, code: int) -> int:
    """Say in one line what was wrong."""
    streams.say(f"limner: {line}")
    return code
