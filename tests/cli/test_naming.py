"""Names of the pictures of a batch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.cli.naming import LONGEST, Names
from limner.errors import RequestError, UsageError
from limner.pipeline import Request
from limner.pipeline.lines import Line

OUT = Path("out")


def line(prompt: str = "a cat", name: str | None = None, **fields: object) -> Line:
    return Line(number=1, asked={}, name=name, request=Request(prompt=prompt, **fields))


@pytest.mark.parametrize(
    ("pattern", "asked", "names"),
    [
        ("{index}-{prompt}", line("A Cat, 3d"), ["0007-a-cat-3d.png"]),
        ("{prompt}.webp", line(), ["a-cat.webp"]),
        ("{seed}", line(seed=5, count=3), ["5.png", "6.png", "7.png"]),
        ("{index}_{number}.jpg", line(count=2), ["0007_1.jpg", "0007_2.jpg"]),
        ("{index}", line(count=2), ["0007.png", "0007-2.png"]),
        ("{guidance} {solver} {size}", line(guidance=7.5, solver="Euler a", size=(64, 32)),
         ["7.5 euler_ancestral 64x32.png"]),
        ("{index}", line(name="My cat"), ["My cat.png"]),
        ("{index}", line(name="one.webp", count=2), ["one.webp", "one-2.webp"]),
        ("{index}", line(name="{seed}"), ["{seed}.png"]),
        ("{name}-{index}", line(name="one"), ["one-0007.png"]),
        ("{name}", line(), ["a-cat.png"]),
        ("{index}", line(name="../../etc/passwd"), ["etc-passwd.png"]),
        ("{index}", line(name="a\x00:b\n"), ["a-b.png"]),
        ("{index}", line(name="CON"), ["CON-.png"]),
        ("{index}", line(name="..."), ["picture.png"]),
    ],
)  # fmt: skip
def test_a_pattern_gives_every_picture_its_name(pattern, asked, names):
    assert Names(OUT, pattern).paths(7, asked) == [OUT / name for name in names]


def test_no_two_pictures_have_one_name_whatever_their_case():
    names = Names(OUT, "{prompt}")
    asked = [line(count=2), line("A CAT"), line(name="A-Cat"), line(name="a-cat-2"), line()]
    found = [path.name for each in asked for path in names.paths(1, each)]
    assert found == [
        "a-cat.png", "a-cat-2.png", "a-cat-3.png", "A-Cat-4.png", "a-cat-2-2.png", "a-cat-5.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{colour}", "{colour} is unknown: one of index, prompt, name, number"),
        ("{index:04}", "{index} is unknown"),
        ("{prompt!r}", "{prompt} is unknown"),
        ("{prompt.upper}", "{prompt.upper} is unknown"),
        ("{}", "{} is unknown"),
        ("{index", "expected '}' before end of string; {index}-{prompt} is right"),
        ("a/{index}", "'a/' cannot stand in a file's name"),
    ],
)
def test_what_is_no_pattern_says_so(pattern, said):
    with pytest.raises(UsageError, match="--pattern") as refusal:
        Names(OUT, pattern)
    assert said in str(refusal.value)


def test_a_field_that_nothing_gives_is_an_error_of_its_line():
    with pytest.raises(RequestError, match=r"has \{seed\} and the line says no seed"):
        Names(OUT, "{seed}").paths(1, line())


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(TEXT, st.none() | TEXT), max_size=4))
def test_every_name_is_a_file_name_of_its_own(asked):
    names = Names(OUT, "{prompt}")
    found = []
    for prompt, name in asked:
        prompt, name = (
            None if t is None else t.encode(errors="replace").decode() for t in (prompt, name)
        )
        found += names.paths(1, line(prompt, name))
    assert len({path.name.casefold() for path in found}) == len(found)
    for path in found:
        assert path.parent == OUT
        assert len(path.name.encode()) <= LONGEST + 12
        assert not path.name.startswith((".", "-"))
        assert not set(path.name) & set('/\\:*?"<>|\0\n')
