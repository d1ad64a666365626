"""Lines of requests: what each asks for, and what is wrong with the others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.errors import RequestError
from limner.pipeline.lines import MAX_LINE, Line, read_lines


def read(text: bytes, **common: object) -> list[Line | RequestError]:
    return list(read_lines(text.splitlines(keepends=True), common))


def only(text: bytes, **common: object) -> Line:
    (line,) = read(text, **common)
    assert isinstance(line, Line), line
    return line


def test_prompts_and_json_lines_stand_beside_each_other():
    found = read(
        b'a red apple, 3d\n\n   \n# no prompt\n  {"prompt": "a cat", "seed": 7, "size": [64, 32]}\n'
        b'{"prompt": "#1 dog", "name": "first"}'
    )
    assert [line.number for line in found] == [1, 5, 6]
    assert [line.request.prompt for line in found] == ["a red apple, 3d", "a cat", "#1 dog"]
    assert [line.name for line in found] == [None, None, "first"]
    assert (found[1].request.seed, found[1].request.size) == (7, (64, 32))
    assert found[1].asked == {"prompt": "a cat", "seed": 7, "size": [64, 32]}


def test_a_byte_order_mark_and_windows_line_ends():
    found = read("\ufeffa røød cat\r\n\r\n猫\r\n".encode())
    assert [line.request.prompt for line in found] == ["a røød cat", "猫"]


def test_what_holds_for_all_lines_stands_behind_what_a_line_says():
    text = b'a cat\n{"prompt": "a dog", "steps": 3, "negative": null}\n'
    first, second = read(text, steps=9, seed=5)
    assert isinstance(first, Line)
    assert (first.request.steps, first.request.seed) == (9, 5)
    assert "line 2: negative is None: text is right" in str(second)
    line = only(b'{"prompt": "a dog", "steps": 3}', steps=9, seed=5)
    assert (line.request.steps, line.request.seed) == (3, 5)


def test_a_line_takes_back_what_goes_with_another_field():
    text = b'{"prompt": "a dog", "variation_strength": 0, "upscale": null}'
    common = {"variation_strength": 0.5, "variation_seed": 3, "upscale": 2, "refine": 0.3}
    request = only(text, **common).request
    assert (request.variation_seed, request.upscale, request.refine) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a \xff cat", "byte 3 is no UTF-8: a file in UTF-8 is right"),
        (b"{a|b} cat", "begins with { and is no JSON"),
        (b'{"prompt": "a cat"', "begins with { and is no JSON"),
        (b'{"prompt": "a cat"} x', "begins with { and is no JSON"),
        (b"{" * 5000, "begins with { and is no JSON"),
        (b'{"seed": 1}', "a prompt is missing"),
        (b'{"prompt": "a cat", "step": 1}', "'step' is unknown: one of prompt, negative"),
        (b'{"prompt": "a cat", "picture": "a.png"}', "'picture' is unknown"),
        (b'{"prompt": "a cat", "attention": "mean"}', "'attention' is unknown"),
        (b'{"prompt": "a cat", "steps": "3"}', "steps is '3': a whole number from 1 to 10000"),
        (b'{"prompt": "a cat", "steps": 0}', "steps is 0: a whole number from 1 to 10000"),
        (b'{"prompt": "a cat", "guidance": NaN}', "guidance is nan: a finite number"),
        (b'{"prompt": "a cat", "seed": 1, "seed": 2}', "'seed' is given twice"),
        (b'{"prompt": "a cat", "name": 3}', "name is 3: text is right"),
        (b'{"prompt": "a cat", "name": " "}', "name is empty"),
        (b'{"prompt": "a \\ud800"}', "prompt is no Unicode text at character 3"),
        (b"x" * (MAX_LINE + 1), f"longer than {MAX_LINE} bytes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_the_line_and_the_others_are_read(text, said):
    first, wrong, last = read(b"a dog\n\n" + text + b"\na ghost\n")
    assert isinstance(wrong, RequestError)
    assert str(wrong).startswith("line 3: ")
    assert said in str(wrong)
    assert len(str(wrong)) < 600
    assert (first.request.prompt, last.request.prompt) == ("a dog", "a ghost")


def test_utf_16_is_told():
    found = read("a cat".encode("utf-16"))
    assert "line 1: this is UTF-16, or no text: a file in UTF-8 is right" in str(found[0])


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_any_bytes_are_requests_or_errors_with_their_line(lines):
    for found in read_lines(lines):
        assert isinstance(found, (Line, RequestError))
        if isinstance(found, RequestError):
            assert str(found).startswith("line ")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_prompt_can_be_written_as_json(prompt):
    assert only(json.dumps({"prompt": prompt}).encode()).request.prompt == prompt
