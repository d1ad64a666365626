"""Options that are made from the statement of a request's fields: names, aliases, help."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest
import typer

from limner.cli import main, paint
from limner.cli.main import invoke, load_command
from limner.cli.options import OutputOptions, flattened
from limner.cli.request_options import ALIASES, RequestOptions, described
from limner.errors import RequestError, UsageError
from limner.pipeline.kinds import Choice, Named
from limner.pipeline.statement import FIELDS, STORED

PAINTING = ("paint", "edit", "restyle", "explain", "grid", "batch")


def options_of(command: str) -> set[str]:
    target = import_module(f"limner.cli.{command}").command
    return {name.replace("_", "-") for name in inspect.signature(target).parameters}


def given(*words: str) -> dict[str, object]:
    """What `RequestOptions` are given by some words of the command line."""
    seen: list[RequestOptions] = []

    @flattened
    def command(*, options: RequestOptions) -> None:
        seen.append(options)

    app = typer.Typer(add_completion=False)
    aliases = command.aliases  # type: ignore[attr-defined]
    settings = {"token_normalize_func": lambda option: aliases.get(option, option)}
    app.command(context_settings=settings)(command)
    invoke(app, list(words), program="limner")
    return dict(seen[0].given)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--sampler", "Euler a"], {"solver": "Euler a"}),
        (["--scheduler", "Karras"], {"schedule": "karras"}),
        (["--cfg", "7"], {"guidance": 7.0}),
        (["--cfg-scale=7.5"], {"guidance": 7.5}),
        (["--guidance-scale", "-1"], {"guidance": -1.0}),
        (["--batch", "3"], {"count": 3}),
        (["-n", "3"], {"count": 3}),
        (["--negative-prompt", "--cfg"], {"negative": "--cfg"}),
        (["--num-inference-steps", "9"], {"steps": 9}),
        (["--subseed", "1", "--subseed-strength", "0.5"],
         {"variation_seed": 1, "variation_strength": 0.5}),
        (["--width", "64", "--height", "32"], {"size": (64, 32)}),
        (["--size", "64x32"], {"size": (64, 32)}),
        (["--lenient"], {"lenient": True}),
        ([], {}),
    ],
)  # fmt: skip
def test_other_programs_words_are_taken(words, found):
    assert given(*words) == found


@pytest.mark.parametrize(
    "words",
    [["--width", "64"], ["--height", "64"], ["--width", "64", "--height", "64", "--size", "64"]],
)
def test_a_side_goes_with_the_other(words):
    with pytest.raises(UsageError, match=r"--width goes with --height, or --size alone"):
        given(*words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scheduler", "EulerDiscreteScheduler"], "is the name of a solver: solver euler"),
        (["--dialect", "a111"], "one of a1111, compel, comfy, plain"),
        (["--width", "0", "--height", "64"], "two positive numbers"),
        (["--steps", "0"], "a whole number from 1 to 10000"),
    ],
)
def test_a_wrong_value_is_told_before_anything_is_done(words, said):
    with pytest.raises(RequestError, match=said):
        given(*words)


def test_an_alias_is_no_other_option():
    assert len(ALIASES) == sum(len(FIELDS[name].about.aliases) for name in STORED)
    for command in PAINTING:
        assert options_of(command).isdisjoint(ALIASES), command


@pytest.mark.parametrize("name", [name for name in STORED if name not in ("loras", "embeddings")])
def test_the_help_has_values_defaults_and_aliases(name):
    field = FIELDS[name]
    text = described(field)
    assert text.startswith(field.about.help)
    kind = field.about.kind
    names = kind.names if isinstance(kind, (Choice, Named)) else ()
    shown = (*names, *(f"--{alias}" for alias in field.about.aliases))
    assert all(f"{each}," in text or f"{each}." in text for each in shown)
    if field.said_default:
        assert f"Default: {field.said_default}." in text
    assert (FIELDS["count"].said_default, FIELDS["feather"].said_default) == ("1", "0")


@pytest.mark.parametrize("command", PAINTING)
@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_help_has_the_groups_in_every_width(command, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", columns)
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    headings = ("Prompt", "Picture", "Sampling", "Model", "Output")
    assert all(f"─ {heading} ─" in out for heading in headings)
    assert max(map(len, out.splitlines())) <= int(columns)
    assert "dpmpp_2m_sde_heun" in out
    assert all(f"--{name}" in out for name in ("sampler", "cfg-scale", "width", "quiet"))


def test_the_overview_shows_a_newcomer_what_to_write(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    main([])
    out = capsys.readouterr().out
    assert 'limner "a red apple, 3d"' in out
    assert all(f"─ {heading} ─" in out for heading in ("Paint", "Look inside", "Train"))


def test_paragraphs_of_the_help_are_wrapped_by_the_terminal(capsys):
    invoke(load_command("upscale"), ["--help"], program="limner upscale")
    assert "which paints;" in " ".join(capsys.readouterr().out.split())


def test_quiet_says_where_the_picture_is_and_nothing_else(tiny_model, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["qwerty", "--steps", "1", "-q", "--model", str(tiny_model)]) == 0
    assert capfd.readouterr() == ("qwerty.png\n", "")
    assert main(["qwerty", "--steps", "1", "--model", str(tiny_model)]) == 0
    assert "no word of 'qwerty'" in capfd.readouterr().err


def test_output_options_are_those_of_every_command_that_writes_a_picture():
    own = set(inspect.signature(OutputOptions).parameters)
    for command in ("paint", "edit", "restyle", "explain", "grid", "upscale"):
        assert {name.replace("_", "-") for name in own} <= options_of(command)
    assert set(inspect.signature(paint.command).parameters) >= own
