"""The same prompt in another dialect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.errors import UsageError
from limner.prompt import Dialect, convert, parse
from limner.text.spans import Span


def words(tree) -> list[tuple[str, float]]:
    """Each word with its weight: what is between words is not the same in all dialects."""
    pairs = [(s.text, s.weight) for s in tree.spans() if isinstance(s, Span)]
    return [(word, pytest.approx(weight)) for text, weight in pairs for word in text.split()]


@pytest.mark.parametrize(
    ("source", "target", "prompt", "text"),
    [
        ("a1111", "compel", "a (red:1.3) ((cat))", "a (red)1.3 (cat)1.21"),
        ("a1111", "compel", "a (red:-1) c++ (b)", r"a (red).attend(-1) c\+\+ b+"),
        ("a1111", "comfy", r"a (red (cat:2):1.5) (b) \(c\)", r"a (red :1.5)(cat:3) (b:1.1) \(c\)"),
        ("comfy", "a1111", "(a (b:1.5):1.2) [c] x:y # AND", r"(a :1.2)(b:1.5) \[c\] x:y \# \AND"),
        ("compel", "a1111", "a cat++ (b)1.5 <x:y>", r"a (cat:1.21) (b:1.5) \<x:y>"),
        ("compel", "a1111", '("a b+", "c").and(1, 1)', "a (b) BREAK c"),
        ("a1111", "compel", "a (b) BREAK c", '("a b+", "c").and(1, 1)'),
        ("a1111", "compel", "a <lora:x:.5>", "a withLora(x, 0.5)"),
        ("comfy", "a1111", "(embedding:x:1.2)", "(x:1.2)"),
        ("plain", "a1111", "a (b) [c:d:5]", r"a \(b\) \[c:d:5\]"),
        ("a1111", "a1111", "( a )[b:c:.50]", "( a )[b:c:0.5]"),
    ],
)  # fmt: skip
def test_what_can_be_said(source: str, target: str, prompt: str, text: str) -> None:
    converted = convert(parse(prompt, source), target)
    assert (str(converted), converted.notes) == (text, ())
    assert converted.tree == parse(text, target)


@pytest.mark.parametrize(
    ("source", "target", "prompt", "text", "note"),
    [
        ("a1111", "compel", "[cat:dog:5]", "cat", "a schedule: what holds at the first step"),
        ("a1111", "comfy", "[cat|dog]", "cat", "an alternation"),
        ("a1111", "comfy", "a BREAK b", "a b", "BREAK"),
        ("a1111", "comfy", "a AND b", "a   b", "AND: its members are one text"),
        ("a1111", "plain", "(a:1.2)", "a", "a weight: all are 1"),
        ("a1111", "compel", "(a=b:1.2)", "(a b)1.2", "= in a text with a weight"),
        ("a1111", "comfy", "a<lora:x:1>", "a", "the tag of x"),
        ("a1111", "compel", "<q:r>a", "a", "the tag of q"),
        ("a1111", "compel", "<lora:x:1:0>", "withLora(x, 0)", "more than one strength"),
        ("a1111", "comfy", "(a:[1:2:5])", "a", "a weight that changes over time"),
        ("compel", "a1111", '("a","b").blend(1,2)', "a   b", ".blend()"),
        ("compel", "a1111", '("a","b").and(1,2)', "a BREAK (b:2)", "the weights of an .and()"),
        ("compel", "comfy", "a.swap(b) c", "b c", "a .swap(): its new words"),
        ("comfy", "compel", "embedding:x", "x", "its name is kept as text"),
    ],
)
def test_what_cannot_be_said(source: str, target: str, prompt: str, text: str, note: str) -> None:
    converted = convert(parse(prompt, source), target)
    assert str(converted) == text
    (said,) = converted.notes
    assert said.startswith(f"{target} cannot say ")
    assert note in said


WORDS = st.sampled_from(["cat", "a dog", "red, blue", "it's", "12:30", "c++", "(x)", "[y]", '"z"'])
WEIGHTS = st.sampled_from([0.5, 1.0, 1.1, 1.5, -0.5, 0.0])


@given(
    pieces=st.lists(st.tuples(WORDS, WEIGHTS), max_size=6),
    first=st.sampled_from(["a1111", "comfy"]),
    second=st.sampled_from(["a1111", "comfy"]),
)
def test_weights_survive(pieces: list[tuple[str, float]], first: str, second: str) -> None:
    """From one dialect to the next, each word keeps its weight."""
    escape = str.maketrans({"(": r"\(", ")": r"\)"})
    prompt = " ".join(f"({text.translate(escape)}:{weight})" for text, weight in pieces)
    tree = parse(prompt, "comfy")
    there = convert(tree, first)
    assert (words(there.tree), there.notes) == (words(tree), ())
    assert words(convert(there.tree, second).tree) == words(tree)


@given(
    pieces=st.lists(
        st.tuples(st.sampled_from(["cat", "a dog", "it's", "(x)"]), WEIGHTS), max_size=6
    )
)
def test_weights_survive_in_compel(pieces: list[tuple[str, float]]) -> None:
    escape = str.maketrans({"(": r"\(", ")": r"\)"})
    prompt = " ".join(f"({text.translate(escape)}:{weight})" for text, weight in pieces)
    there = convert(parse(prompt, "comfy"), "compel")
    assert (words(there.tree), there.notes) == (words(parse(prompt, "comfy")), ())
    assert words(convert(there.tree, "a1111").tree) == words(there.tree)


def test_unknown_dialect() -> None:
    with pytest.raises(UsageError, match="one of a1111, compel, comfy, plain, not 'midjourney'"):
        convert(parse("a"), "midjourney")
    with pytest.raises(UsageError, match="midjourney"):
        parse("a", "midjourney")
    assert {convert(parse("a b"), dialect).text for dialect in Dialect} == {"a b"}
