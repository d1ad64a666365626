"""What holds of every dialect, whatever is written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from math import prod
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from limner.errors import PromptError
from limner.prompt import Dialect, Node, Text, Tree, Weight, parse
from limner.text.nodes import every
from limner.text.spans import Span

PIECES = st.sampled_from(
    [
        *"ab :|()[]\"'\\#<>,.+-=_1é猫\n\t",
        *("cat", "AND", " AND ", "BREAK", " BREAK ", ":1.2", ":.5)", ":2)", ":5]", "::3]"),
        *("1.5", "++", "--", "(a cat)", "[a:b:3]", "[a|b]", "<lora:x:.5>", "<q:r>", "\\(", "\\)"),
        *('("a","b").blend(1,2)', ".and(1,2)", '("', '", "', '").and()', ".swap(", ".attend(2)"),
        *(
            "embedding:x",
            "embedding:",
            "withLora(x, 2)",
            "useLora(y)",
            ":inf)",
            ":[1:2:3])",
            "(a:",
            ":1.2.3)",
        ),
    ]
)
PROMPTS = st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=20))


def parsed(prompt: str, dialect: str, lenient: bool) -> Tree | None:
    """The tree, or None where a good error says why there is none."""
    try:
        return parse(prompt, dialect, lenient)
    except PromptError as raised:
        error = raised
    start, stop = error.place
    assert not lenient
    assert 0 <= start <= stop <= len(prompt)
    assert "\n" not in error.summary
    assert str(error).count("\n") == 2
    return None


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("dialect", list(Dialect))
@settings(max_examples=300)
@given(prompt=PROMPTS)
@example(prompt="a [b AND c:1.5")
@example(prompt="a:<t:x>5 AND \\:5")
def test_a_tree_is_written_and_read_as_itself(dialect: str, lenient: bool, prompt: str) -> None:
    tree = parsed(prompt, dialect, lenient)
    if tree is None:
        return
    written = str(tree)
    again = parse(written, dialect, lenient and dialect != "compel")  # escapes of its own
    if dialect == "compel" and tree.kind is not None:
        tree, again = spaced(tree), spaced(again)
    assert again == tree
    assert hash(again) == hash(tree)
    assert repr(again) == repr(tree)
    for step in (1, 2, 5):
        texts = [_said(held) for held, _ in tree.members(step, 5)]
        assert texts == [_said(held) for held, _ in again.members(step, 5)]


def spaced(tree: Tree) -> Tree:
    """Compel puts spaces about the marks of a quoted member, unless a bracket in it is open."""
    marks = re.compile(r"\s*([.,=])\s*")

    def change(node: Node) -> tuple[Node, ...]:
        return (Text(marks.sub(r" \1 ", node.text).strip()) if isinstance(node, Text) else node,)

    return tree.changed(change)


def _said(spans: tuple) -> list:
    return [(s.text, s.weight) if isinstance(s, Span) else None for s in spans]


@pytest.mark.parametrize("dialect", list(Dialect))
@settings(max_examples=200)
@given(prompt=PROMPTS, steps=st.integers(1, 12))
def test_a_timeline_is_what_holds_at_each_step(dialect: str, prompt: str, steps: int) -> None:
    tree = parsed(prompt, dialect, lenient=False)
    if tree is None:
        return
    stages = tree.timeline(steps)
    covered = [step for stage in stages for step in range(stage.first, stage.last + 1)]
    assert covered == list(range(1, steps + 1))
    for stage in stages:
        for step in range(stage.first, stage.last + 1):
            held = [_said(spans) for spans, _ in tree.members(step, steps)]
            assert held == [_said(spans) for spans, _ in stage.members]
    for one, next_one in pairwise(stages):
        assert [_said(s) for s, _ in one.members] != [_said(s) for s, _ in next_one.members]


@pytest.mark.parametrize("dialect", list(Dialect))
@settings(max_examples=300)
@given(prompt=PROMPTS)
def test_places_lie_in_the_prompt(dialect: str, prompt: str) -> None:
    tree = parsed(prompt, dialect, lenient=False)
    for node in every(tree.children) if tree is not None else ():
        assert node.place is not None
        assert 0 <= node.place[0] <= node.place[1] <= len(prompt)
        for span in tree.members()[0][0]:
            assert span.place is not None


FACTORS = st.lists(st.sampled_from(["1.1", "1.5", "0.5", "2"]), min_size=1, max_size=6)


@given(factors=FACTORS)
def test_weights_multiply_over_nesting(factors: list[str]) -> None:
    expected = pytest.approx(prod(map(float, factors)))
    a1111 = "(" * len(factors) + "a" + "".join(f":{factor})" for factor in factors)
    assert [span.weight for span in parse(a1111).spans()] == [expected]
    compel = "(" * len(factors) + "a" + "".join(f"){factor}" for factor in factors)
    assert [span.weight for span in parse(compel, "compel").spans()] == [expected]


@given(factors=FACTORS, bare=st.integers(0, 3))
def test_weights_are_set_in_comfy(factors: list[str], bare: int) -> None:
    nested = "(" * bare + "a" + ")" * bare
    prompt = "(" * len(factors) + nested + "".join(f":{factor})" for factor in factors)
    (span,) = parse(prompt, "comfy").spans()
    assert span.weight == pytest.approx(float(factors[0]) * 1.1**bare)


@pytest.mark.parametrize("dialect", list(Dialect))
def test_hostile_prompts_take_less_than_a_second(dialect: str) -> None:
    """In a new interpreter, as the type checks of the tests take longer than what they check."""
    script = Path(__file__).with_name("hostile_prompts.py")
    done = subprocess.run(
        [sys.executable, str(script), dialect], capture_output=True, text=True, check=True
    )
    report = json.loads(done.stdout)
    assert report["prompts"] >= 5
    assert report["slow"] == []


@pytest.mark.parametrize(
    ("opened", "closed", "dialect"),
    [("(", ")", "a1111"), ("[", "]", "a1111"), ("(", ")+", "compel"), ("(", ")", "comfy")],
)
def test_fifty_brackets_may_be_nested(opened: str, closed: str, dialect: str) -> None:
    deep = parse(opened * 50 + "a" + closed * 50, dialect)
    assert sum(isinstance(node, Weight) for node in every(deep.children)) == 50
    with pytest.raises(PromptError, match="more than 50 deep") as raised:
        parse(opened * 51 + "a" + closed * 51, dialect)
    assert raised.value.place == (50, 51)
    prompt = opened * 51 + "a" + closed * 51
    assert _said(parse(prompt, dialect, lenient=True).spans()) == [(prompt, 1.0)]
