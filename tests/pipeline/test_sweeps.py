"""Axes of a sheet: how they are read, and the requests that they make."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.errors import PromptError, RequestError, UsageError
from limner.pipeline import Request
from limner.pipeline.request import STORED
from limner.pipeline.sweeps import Axis, axis, fields_of_axes, settled, sweep

APPLE = Request(prompt="a red apple, 3d")


def values(text: str) -> list[object]:
    return list(axis(text).values)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("guidance=1,2,4.5", [1.0, 2.0, 4.5]),
        ("seed=0..3", [0, 1, 2, 3]),
        ("eta=0..1:0.25", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("guidance=0..1:.3, 8", [0.0, 0.3, 0.6, 0.9, 8.0]),
        ("steps=20..5:5", [20, 15, 10, 5]),
        ("weight:red=-1..1", [-1.0, 0.0, 1.0]),
        ("size=64,32x16", [(64, 64), (32, 16)]),
        ("lenient=true, False", [True, False]),
        ("solver=euler,heun", ["euler", "heun"]),
        ("negative=0..3", ["0..3"]),
        ('prompt="a cat, 3d","a ""big"" dog"', ["a cat, 3d", 'a "big" dog']),
        ("word:cat=dog,", ["dog", ""]),
        ("negative=a=b", ["a=b"]),
    ],
)
def test_values(text, found):
    assert values(text) == found
    assert [type(value) for value in values(text)] == [type(value) for value in found]


@given(
    first=st.decimals(-100, 100, places=2),
    step=st.decimals("0.01", 10, places=2),
    count=st.integers(1, 40),
    beyond=st.floats(0, 0.99),
    down=st.booleans(),
)
def test_a_range_has_both_ends_and_equal_steps(first, step, count, beyond, down):
    sign = -1 if down else 1
    last = first + sign * ((count - 1) * step + (step * Decimal(beyond)).quantize(Decimal("1e-9")))
    found = values(f"guidance={first}..{last:f}:{step}")
    direction = 1 if last >= first else -1
    assert found == [float(first + direction * n * step) for n in range(count)]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1))
def test_quoted_texts_are_any_texts(texts):
    quoted = ",".join('"' + text.replace('"', '""') + '"' for text in texts)
    assert values(f"prompt={quoted}") == [text.strip() for text in texts]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("guidance", "'guidance' is no axis: write FIELD=VALUES"),
        ("guidence=1", "'guidence' cannot be an axis: one of prompt, negative, dialect"),
        ("count=1,2", "'count' cannot be an axis"),
        ("maps=1", "'maps' cannot be an axis"),
        ("seed=0.5", "seed cannot be '0.5': a whole number is right"),
        ("seed=0..1:0.5", "seed cannot be '0.5': a whole number is right"),
        ("guidance=strong", "guidance cannot be 'strong': a finite number is right"),
        ("weight:red=nan", "weight:red cannot be 'nan': a finite number"),
        ("size=big", "size cannot be 'big': WIDTHxHEIGHT in pixels is right"),
        ("lenient=1", "lenient cannot be '1': true or false is right"),
        ("seed=", "seed has no values: write seed=FIRST,SECOND"),
        ("seed=1,,2", "seed cannot be '': a whole number"),
        ("seed=1..2:0", "seed=1..2:0: a step above 0 is right"),
        ("seed=0..99999999999", "more than 400 values"),
        ("weight:=1", "weight: names no word: write weight:WORD"),
        ('prompt="a cat', "prompt: quotes do not match"),
    ],
)
def test_what_is_no_axis_says_what_would_be(text, said):
    with pytest.raises(UsageError) as raised:
        axis(text)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ([], "0 axes: a sheet has one"),
        (["seed=1", "steps=1", "eta=1"], "3 axes: a sheet has one"),
        (["seed=1", "seed=2"], "both axes are seed"),
        (["seed=0..20", "steps=1..20"], "420 pictures are more than 400"),
        (["steps=1,0"], "steps is 0"),
        (["solver=euler,eulr"], "solver 'eulr' is unknown"),
        (["weight:dog=1"], "weight:dog: 'dog' is not in the prompt 'a red apple, 3d'"),
        (["word:app=pear"], "'app' is not in the prompt"),
        (["dialect=a1111,plain", "weight:red=1"], "plain prompts have no weights"),
    ],
)
def test_what_is_no_sheet_says_why(axes, said):
    with pytest.raises(UsageError) as raised:
        sweep(APPLE, axes)
    assert said in str(raised.value)


def test_every_field_that_can_be_written_is_an_axis():
    """All but the number of pictures, tuples that are no size, and what no text can hold."""
    no_text = {"count", "extend", "loras", "embeddings", "regions"}
    assert set(fields_of_axes()) == set(STORED) - no_text
    assert {"guidance", "seed", "solver", "size", "lenient", "mask"} < set(fields_of_axes())


def test_the_first_axis_runs_to_the_right_and_the_second_down():
    rows = sweep(APPLE, ["guidance=1,2,4", "seed=7,8"])
    assert [[(c.guidance, c.seed) for c in row] for row in rows] == [
        [(1, 7), (2, 7), (4, 7)],
        [(1, 8), (2, 8), (4, 8)],
    ]


def test_fields_that_need_one_another_vary_together():
    (row,) = sweep(APPLE, ["solver=DPM++ 2M Karras,Euler"])
    assert [(c.solver, c.schedule) for c in row] == [("dpmpp_2m", "karras"), ("euler", None)]
    rows = sweep(APPLE, ["variation_seed=1,2", "variation_strength=0.5,1"])
    assert [(c.variation_seed, c.variation_strength) for c in rows[1]] == [(1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("dialect", "prompt", "weighted"),
    [
        ("a1111", "a red cat, Red \\(dog\\)", "a (red:0.5) cat, (Red:0.5) \\(dog\\)"),
        ("a1111", "a (red:1.5) [red:blue:3]", "a ((red:0.5):1.5) [(red:0.5):blue:3]"),
        ("compel", "a red apple", "a (red)0.5 apple"),
        ("comfy", "a red apple", "a (red:0.5) apple"),
    ],
)
def test_a_weight_in_every_dialect(dialect, prompt, weighted):
    ((cell,),) = sweep(Request(prompt=prompt), ["weight:red=0.5"], dialect=dialect)
    assert cell.prompt == weighted
    own = Request(prompt=prompt, dialect=dialect)
    assert sweep(own, ["weight:red=0.5"], dialect="plain")[0][0].prompt == weighted


def test_another_word_is_text_and_nothing_else():
    (row,) = sweep(APPLE, ["word:red apple=pear,cat (big),"])
    assert [c.prompt for c in row] == ["a pear, 3d", "a cat \\(big\\), 3d", "a , 3d"]


def test_labels():
    seen = [("guidance", 2.0), ("weight:red", 0.5), ("word:cat", "dog"), ("word:cat", "")]
    seen += [("size", (64, 32)), ("prompt", "a cat"), ("lenient", True)]
    said = [Axis(name=name, values=(value,)).label(value) for name, value in seen]
    assert said == [
        "guidance 2", "red 0.5", "dog", "(nothing)", "size 64x32", "a cat", "lenient True",
    ]  # fmt: skip


def test_what_is_drawn_is_drawn_once(painter):
    rows, _ = settled(painter, sweep(APPLE, ["variation_strength=0,0.5,1", "guidance=1,2"]))
    cells = [cell for row in rows for cell in row]
    assert len({cell.seed for cell in cells}) == 1
    assert len({cell.variation_seed for cell in cells if cell.variation_strength}) == 1
    assert [cell.variation_seed for cell in cells if not cell.variation_strength] == [None, None]
    (row,), _ = settled(painter, sweep(APPLE, ["seed=3,4"]))
    assert [cell.seed for cell in row] == [3, 4]


def test_what_cannot_be_painted_is_said_before_any_is(painter):
    with pytest.raises(RequestError, match="multiples of 4"):
        settled(painter, sweep(APPLE, ["size=16,17"]))
    with pytest.raises(PromptError):
        settled(painter, sweep(APPLE, ['prompt="a cat","a (cat:1.5.2)"']))


def test_a_cell_is_the_picture_of_its_request_alone(painter):
    request = replace(APPLE, seed=3, steps=2, weighting="lerp")
    rows, _ = settled(painter, sweep(request, ["weight:red=0,1,2", "guidance=1,3"]))
    for row, guidance in zip(rows, (1, 3), strict=True):
        for cell, weight in zip(row, (0, 1, 2), strict=True):
            alone = painter.generate(
                f"a (red:{weight}) apple, 3d",
                seed=3,
                steps=2,
                guidance=float(guidance),
                weighting="lerp",
            )
            assert painter.paint(cell).latents.equal(alone.latents)
