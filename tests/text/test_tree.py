"""What a tree says of itself."""

from __future__ import annotations

import pickle

import pytest

from limner.errors import PromptError, UsageError
from limner.prompt import Schedule, Stage, Text, Tree, Weight, parse
from limner.text.spans import Span


def test_repr_is_readable() -> None:
    tree = parse("a (red:1.3) [cat:dog:.5] <lora:x:.5> AND [b|]:2")
    assert repr(tree) == (
        "Tree(a1111, [And([Member([Text('a '), Weight(1.3, [Text('red')], False), Text(' '), "
        "Schedule([Text('cat')], [Text('dog')], 0.5, True), Text(' '), Lora('x', 0.5, 0.5, []), "
        "Text(' ')], 1), Member([Text(' '), Alternate([[Text('b')], []])], 2)])])"
    )


def test_places_are_of_the_prompt_as_written() -> None:
    prompt = r"a # note" + "\n" + r"<lora:x:1>(\(red\):1.3)"
    tree = parse(prompt)
    places = {type(node).__name__: prompt[slice(*node.place)] for node in tree.children}
    assert places["Weight"] == r"(\(red\):1.3)"
    assert places["Lora"] == "<lora:x:1>"
    assert tree.spans()[1] == Span("(red)", 1.3, (20, 27))


def test_equal_wherever_it_stands() -> None:
    assert parse("(a:1.10)") == parse("(a)") == Tree((Weight(1.1, (Text("a"),)),))
    assert parse("(a)") != parse("(b)")
    assert parse("a") != parse("a", "plain")


def test_a_prompt_of_several_parts_has_no_spans_of_its_own() -> None:
    tree = parse("a AND [b:c:5]")
    with pytest.raises(UsageError, match="has 2 parts"):
        tree.spans()
    first, second = tree.timeline(10)
    assert (first.first, first.last, second.first, second.last) == (1, 5, 6, 10)
    assert [spans[0].text for spans, _ in second.members] == ["a ", " c"]
    with pytest.raises(UsageError, match="has 2 parts"):
        _ = first.spans


def test_steps_are_counted_from_one() -> None:
    for step in (0, 21):
        with pytest.raises(UsageError, match=f"from 1 to 20, the number of steps, not {step}"):
            parse("a").spans(step)
    with pytest.raises(UsageError, match="steps must be at least 1"):
        parse("a").timeline(0)
    assert parse("a").timeline(1) == (Stage(1, 1, (((Span("a", 1.0, (0, 1)),), 1.0),)),)


def test_last_step_of_a_schedule() -> None:
    assert Schedule((), (), 0.3, fraction=True).last_step(10) == 3
    assert Schedule((), (), 12.0).last_step(10) == 10
    assert Schedule((), (), -1.0).last_step(10) == 0


def test_the_error_marks_the_place_in_long_and_wide_prompts() -> None:
    with pytest.raises(PromptError) as raised:
        parse("猫 " * 50 + "(a:1.2.3)" + " b" * 50)
    summary, shown, carets = str(raised.value).splitlines()
    assert summary == "a weight must be a number, not '1.2.3' (character 104)"
    assert shown.startswith("    ... ")
    assert shown.endswith(" ...")
    wide = sum(letter == "猫" for letter in shown)
    assert carets.index("^") == shown.index("1.2.3") + wide
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.place) == (str(raised.value), raised.value.place)
