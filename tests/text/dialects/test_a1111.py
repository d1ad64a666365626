"""AUTOMATIC1111's dialect: every row of the reference, and what its order of work implies."""

from __future__ import annotations

import pytest

from limner.errors import PromptError
from limner.prompt import And, Lora, Tag, Tree, parse
from limner.text.spans import Span

Said = list[tuple[str, float] | str]


def said(tree: Tree, step: int = 1, steps: int = 20) -> Said:
    held = tree.spans(step, steps)
    return [(s.text, pytest.approx(s.weight)) if isinstance(s, Span) else "BREAK" for s in held]


def spans_of(expected: Said) -> Said:
    return [s if isinstance(s, str) else (s[0], pytest.approx(s[1])) for s in expected]


def over_time(prompt: str, steps: int = 10) -> list[tuple[int, str]]:
    """The last step of each range, and its text."""
    stages = parse(prompt).timeline(steps)
    return [(stage.last, "".join(span.text for span in stage.spans)) for stage in stages]


# With `lenient`, the number at the end of these is the weight of the whole.
WEIGHT_AT_END = ("(a:1.5", "16:9 at 12:00")


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(
    ("prompt", "spans"),
    [
        ("an (important) word", [("an ", 1), ("important", 1.1), (" word", 1)]),
        ("((a))", [("a", 1.21)]),
        ("[[a]]", [("a", 0.826446)]),
        ("(a: 1.5 )", [("a", 1.5)]),
        ("((a:1.3))", [("a", 1.43)]),
        ("(a (b:2) c)", [("a ", 1.1), ("b", 2.2), (" c", 1.1)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("a)b", [("a)b", 1)]),
        ("(a:1.5", [("a:1.5", 1.1)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1.0), (" c", 0.909091)]),
        (r"\(a\)", [("(a)", 1)]),
        (r"(\(a\):1.3)", [("(a)", 1.3)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        ("(a, b:1.2, c:1.3)", [("a, b:1.2, c", 1.3)]),
        ("(a:1e3)", [("a:1e3", 1.1)]),
        ("()", []),
        ("", []),
        ("a BREAK b", [("a", 1), "BREAK", ("b", 1)]),
        ("aBREAK break BREAKb", [("aBREAK break BREAKb", 1)]),
        ("BREAK BREAK a BREAK", ["BREAK", "BREAK", ("a", 1), "BREAK"]),
        ("16:9 at 12:00", [("16:9 at 12:00", 1)]),
        (r"\:\a\\ \[", [(r":a\ [", 1)]),
        ("a # (b\nc", [("a \nc", 1)]),
        ("(a:-1.5) [b]", [("a", -1.5), (" ", 1), ("b", 0.909091)]),
        ("(x (a [b:1.5) c] d)", [("x ", 1.1), ("a ", 1.65), ("b", 1.5), (" c", 1), (" d", 1.1)]),
    ],
)
def test_spans(prompt: str, spans: Said, lenient: bool) -> None:
    tree = parse(prompt, lenient=lenient)
    assert (said(tree) == spans_of(spans)) is not (lenient and prompt in WEIGHT_AT_END)


def test_the_schedule_is_read_before_the_emphasis() -> None:
    """The row `[a:1.5]` is of the emphasis alone: the prompt is a schedule, to all of the steps."""
    assert said(parse("[a:1.5]"), 20, 20) == []
    assert said(parse(r"[a\:1.5]")) == [("a:1.5", pytest.approx(0.909091))]


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
        ("[a:b:1]", [(1, "a"), (10, "b")]),
        ("[a:b:1.0]", [(10, "a")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("[fe|]male", [(n, "female" if n % 2 else "male") for n in range(1, 11)]),
        ("[a|a]", [(10, "a")]),
        ("[a::3]", [(3, "a"), (10, "")]),
        ("[a:b:0]", [(10, "b")]),
        ("[a:b:-1]", [(10, "b")]),
        ("[a:b:.25]", [(2, "a"), (10, "b")]),
        ("[a:b: 3 ]", [(3, "a"), (10, "b")]),
        ("[(a:1.2):b:3]", [(3, "a"), (10, "b")]),
        ("[note: blue]", [(10, "note: blue")]),
        ("a | b", [(10, "a | b")]),
    ],
)
def test_over_time(prompt: str, texts: list[tuple[int, str]]) -> None:
    assert over_time(prompt) == texts


def test_alternation_goes_round() -> None:
    assert [said(parse("[a|b|c]"), step, 7)[0][0] for step in range(1, 8)] == list("abcabca")


def test_a_weight_that_changes_over_time() -> None:
    tree = parse("(a:[1.2:[.5:2:8]:5]) b")
    assert [stage.spans[0].weight for stage in tree.timeline(10)] == [1.2, 0.5, 2.0]
    assert said(tree) == [("a", 1.2), (" b", 1)]


@pytest.mark.parametrize("lenient", [False, True])
def test_and(lenient: bool) -> None:
    tree = parse("a:1.2 AND b : 0.5", lenient=lenient)
    assert tree.kind is And
    assert [(said(part.tree), part.weight) for part in tree.parts] == [
        ([("a", 1)], 1.2),
        ([(" b", 1)], 0.5),
    ]
    assert [weight for _, weight in parse("a AND b :-1 <lora:x:1> AND c").members()] == [1, -1, 1]
    assert parse("a:1.2 AND b", negative=True).spans() == (Span("a:1.2 AND b", 1.0, (0, 11)),)
    assert parse("BAND AND2 and").kind is None


def test_a_weight_at_the_end_counts_only_beside_an_and() -> None:
    assert said(parse("a cat, 12:30")) == [("a cat, 12:30", 1)]
    (part,) = parse("a cat, 12:30", lenient=True).parts
    assert (said(part.tree), part.weight) == ([("a cat, 12", 1)], 30)


def test_a_break_in_a_bracket() -> None:
    assert said(parse("(a BREAK b:1.5)")) == [("a", 1.5), "BREAK", ("b", 1.5)]
    assert said(parse("(a BREAK b:1)")) == [("a", 1), "BREAK", ("b", 1)]
    scheduled = parse("[a BREAK b:c:5]", lenient=True)
    assert said(scheduled) == [("a", 1), "BREAK", ("b", 1)]


@pytest.mark.parametrize(
    ("prompt", "spans"),
    [
        ("(a BREAK b:1.5)", [("a", 1.5), ("BREAK", -1.5), ("b", 1.5)]),
        ("a [b\nBREAK  c]", [("a ", 1), ("b", 0.909091), ("BREAK", -0.909091), ("c", 0.909091)]),
        ("((a BREAK b))", [("a", 1.21), ("BREAK", -1.21), ("b", 1.21)]),
        ("a BREAK (b BREAK c", [("a", 1), "BREAK", ("b", 1.1), ("BREAK", -1.1), ("c", 1.1)]),
        ("(a BREAK b:1)", [("a", 1), "BREAK", ("b", 1)]),
        ("((a BREAK b:.5):2)", [("a", 1), "BREAK", ("b", 1)]),
    ],
)
def test_a_break_is_a_text_of_weight_minus_one_to_the_original(prompt: str, spans: Said) -> None:
    """Brackets multiply it with all else, and it breaks only where it is -1 in the end."""
    assert said(parse(prompt, lenient=True)) == spans_of(spans)


@pytest.mark.parametrize(
    ("prompt", "spans"),
    [
        ("a|b [c:d:5]", [("a|b ", 1), ("c:d:5", 0.909091)]),
        ("(a|b) [c:d:5]", [("a|b", 1.1), (" ", 1), ("c:d:5", 0.909091)]),
        ("[(a|b):c:5]", [("a|b", 1), (":c:5", 0.909091)]),
        ("[a|b] | [c|d]", [("a|b", 0.909091), (" | ", 1), ("c|d", 0.909091)]),
        ("[a|b", [("a|b", 0.909091)]),
        ("[c:d:5] \\", [("c:d:5", 0.909091), (" \\", 1)]),
    ],
)
def test_a_bar_outside_square_brackets_undoes_the_schedules_of_the_original(
    prompt: str, spans: Said
) -> None:
    assert said(parse(prompt, lenient=True)) == spans_of(spans)
    assert parse(str(parse(prompt, lenient=True)), lenient=True) == parse(prompt, lenient=True)


def test_an_escaped_bar_undoes_nothing() -> None:
    for prompt in (r"a \| [c:d:5]", "[a|b] [c|d]", "[x [a|b]:y:5]"):
        tree = parse(prompt, lenient=True)
        assert tree == parse(prompt)
        assert len(tree.timeline(10)) > 1
        assert parse(str(tree), lenient=True) == tree
    assert len(parse("a|b AND [c:d:5]", lenient=True).timeline(10)) == 2  # each by itself


def test_tags() -> None:
    tree = parse(
        "a <lora:one> b<lora:two:.5><lora:three:1:0:8>[<hyper:net:1>:<lora:f:unet=2:te=3:x=y>:5]"
    )
    assert said(tree) == [("a  b", 1)]
    assert tree.tags == (Tag("hyper", "net:1"),)
    assert tree.loras == (
        Lora("one", 1.0, 1.0),
        Lora("two", 0.5, 0.5),
        Lora("three", 1.0, 0.0, ("8",)),
        Lora("f", 3.0, 2.0, ("x=y",)),
    )
    assert [tree.source[slice(*tag.place)] for tag in tree.loras][:2] == [
        "<lora:one>",
        "<lora:two:.5>",
    ]
    assert parse(r"\<lora:one>").loras == ()


@pytest.mark.parametrize(
    ("prompt", "marked", "says", "lenient"),
    [
        ("a (a:1.5.2)", "1.5.2", "a weight must be a number", "a a:1.5.2"),
        ("(a:.)", ".", "a weight must be a number", "a:."),
        (f"(a:{'9' * 400})", "9" * 400, "a weight must be finite", f"a:{'9' * 400}"),
        ("a:1.2.3 AND b", "1.2.3", "a weight must be a number", None),
        ("x [a:b:c]", "c", "the step of a schedule", "x a:b:c"),
        ("[a:b:]", "", "the step of a schedule", "a:b:"),
        ("[a:b:1.2.3]", "1.2.3", "must be a number", "a:b:1.2.3"),
        ("[a:1.2.3]", "1.2.3", "must be a number", "a:1.2.3"),
        ("x [a:b:c:5] [d:e:5]", "[a:b:c:5]", "before:after:step", "x a:b:c:5 d:e:5"),
        ("[a|b:5]", "[a|b:5]", "one|other", "a|b:5"),
        ("[a:b:(c] d)", "[a:b:(c]", "half of another bracket", "a:b:c d"),
        ("(a [b) c|d]", "[b) c|d]", "half of another bracket", "a b c|d"),
        ("a <lora:x:big>", "<lora:x:big>", "in the text encoder must be a number", "a "),
    ],
)
def test_what_the_original_fails_at(
    prompt: str, marked: str, says: str, lenient: str | None
) -> None:
    """An error that marks the place; read leniently, text."""
    with pytest.raises(PromptError, match=says) as raised:
        parse(prompt)
    error = raised.value
    assert prompt[slice(*error.place)] == marked
    _, shown, carets = str(error).splitlines()
    column = carets.index("^")
    assert shown[column : column + min(len(marked), 5)] == marked[:5]
    if lenient is not None:
        spans = parse(prompt, lenient=True).spans()
        assert "".join(span.text for span in spans) == lenient
