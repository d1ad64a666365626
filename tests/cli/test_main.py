"""Finding the command, and what an error looks like from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from limner.cli import main
from limner.cli.main import COMMANDS, dispatch, invoke, load_command
from limner.errors import CheckpointError, LimnerError, RequestError, UsageError

RAISES = """
import sys
from limner.cli import words
from limner.cli.main import main
from limner.errors import *

def command() -> None:
    {statement}

words.command = command
sys.exit(main(["words", *sys.argv[1:]]))
"""


def program(statement: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in its own process, with a `words` command that runs the statement."""
    return subprocess.run(
        [sys.executable, "-c", RAISES.format(statement=statement), *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("words", "name", "rest"),
    [
        (["a red apple, 3d", "--seed", "7"], "paint", ["a red apple, 3d", "--seed", "7"]),
        (["--seed", "7", "a red apple"], "paint", ["--seed", "7", "a red apple"]),
        (["paint", "words"], "paint", ["words"]),
        (["words", "--search", "cat"], "words", ["--search", "cat"]),
        (["data", "emoji"], "data", ["emoji"]),
        (["train a dragon"], "paint", ["train a dragon"]),
        ([""], "paint", [""]),
    ],
)
def test_dispatch(words: list[str], name: str, rest: list[str]) -> None:
    assert dispatch(words) == (name, rest)


@pytest.mark.parametrize("name", ["paint", "words", "data"])
def test_commands_have_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"limner {name}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_overview_names_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out = capsys.readouterr().out
    assert all(f" {name} " in out for commands in COMMANDS.values() for name in commands)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["apple", "--seed", "seven"], "--seed"),
        (["apple", "--colour"], "--colour"),
        (["paint"], "prompt"),
        (["a", "red", "apple"], 'limner "a red apple"'),
        (["apple", "--size", "big"], "128x96"),
        (["apple", "-o", "apple.gif"], ".png"),
        (["data"], "command"),
        (["data", "emojis"], "emojis"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("limner: ")
    assert captured.err.count("\n") == 1
    assert says in captured.err


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError, 2), (RequestError, 2), (LimnerError, 1), (CheckpointError, 1)],
)
def test_errors_of_limner_are_one_line(error: type[LimnerError], code: int) -> None:
    done = program(f"raise {error.__name__}('no such thing: try another')")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == "limner: no such thing: try another\n"


def test_unexpected_error_is_one_line_and_says_how_to_see_more() -> None:
    done = program("raise ZeroDivisionError('two\\n lines')")
    assert done.returncode == 1
    assert done.stderr == "limner: unexpected ZeroDivisionError: two lines (--debug shows where)\n"


@pytest.mark.parametrize("how", ["option", "variable"])
def test_debug_shows_the_traceback(how: str) -> None:
    words = ["--debug"] if how == "option" else []
    environment = {} if how == "option" else {"LIMNER_DEBUG": "1"}
    done = program("1 / 0", *words, **environment)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_interrupt_is_exit_code_130() -> None:
    heed = "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    done = program(f"{heed}; os.kill(os.getpid(), signal.SIGINT)")
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_broken_pipe_is_quiet() -> None:
    code = RAISES.format(statement="[print('word' * 1000) for _ in range(1000)]")
    reader = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reader.stdout is not None
    assert reader.stderr is not None
    reader.stdout.readline()
    reader.stdout.close()
    errors = reader.stderr.read().decode()
    reader.stderr.close()
    assert reader.wait() != 0
    assert "Traceback" not in errors


def test_exit_code_of_a_command_is_the_programs() -> None:
    def command() -> None:
        raise typer.Exit(3)

    app = typer.Typer()
    app.command("x")(command)
    assert invoke(app, [], program="limner x") == 3


def test_group_with_one_command_stays_a_group(tmp_path: Path) -> None:
    """`limner data` alone must not build anything."""
    run: Callable[[list[str]], int] = lambda words: invoke(  # noqa: E731
        load_command("data"), words, program="limner data"
    )
    with pytest.raises(typer.TyperException, match="command"):
        run([])


def test_data_set_that_is_there_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "records.json").write_text("{}")
    assert main(["data", "emoji", "--output", str(tmp_path)]) == 1
    assert "--force" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["records.json"]
    assert (tmp_path / "records.json").read_text() == "{}"
