"""ComfyUI's dialect: every row of the reference."""

from __future__ import annotations

import pytest

from limner.errors import PromptError
from limner.prompt import Embedding, parse


@pytest.mark.parametrize(
    ("prompt", "spans"),
    [
        ("((a:1.5):1.2)", [("a", 1.5)]),
        ("(a (b):1.2)", [("a ", 1.2), ("b", 1.32)]),
        ("(a (b:1.5):1.2)", [("a ", 1.2), ("b", 1.5)]),
        ("(a", [("(a", 1)]),
        ("a) (b)", [("a) ", 1), ("b", 1.1)]),
        ("(a:1.2:1.3)", [("a:1.2", 1.3)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("(a:1e1)", [("a", 10)]),
        ("(a)(b)", [("a", 1.1), ("b", 1.1)]),
        (r"\(a\) \n", [(r"(a) \n", 1)]),
        ("[a:b:5] BREAK a AND b:2", [("[a:b:5] BREAK a AND b:2", 1)]),
        ("", []),
    ],
)
def test_spans(prompt: str, spans: list[tuple[str, float]]) -> None:
    held = parse(prompt, "comfy").spans()
    assert [(s.text, s.weight) for s in held] == [(t, pytest.approx(w)) for t, w in spans]


@pytest.mark.parametrize(
    ("prompt", "spans", "leniently"),
    [
        ("(:1.2)", [], [(":1.2", 1.1)]),
        ("a (: )", [("a ", 1), (": ", 1.1)], [("a ", 1), (": ", 1.1)]),
        (r"(\(:1.2)", [("(", 1.2)], [("(", 1.2)]),
        ("a) (b)", [("a) ", 1), ("b", 1.1)], [("a) (b)", 1)]),
        ("a) ((b)) c", [("a) ", 1), ("b", 1.21), (" c", 1)], [("a) (", 1), ("b", 1.1), (") c", 1)]),
        ("(a (b)", [("(a ", 1), ("b", 1.1)], [("a (b", 1.1)]),
        ("((a:1.5:1.2)", [("(", 1), ("a:1.5", 1.2)], [("(a:1.5", 1.2)]),
        ("(a:1.2)) (b)", [("a", 1.2), (") ", 1), ("b", 1.1)], [("a", 1.2), (") (b)", 1)]),
        ("x (a", [("x (a", 1)], [("x ", 1), ("(a", 1)]),
    ],
)
def test_what_the_original_reads_in_its_own_way(
    prompt: str, spans: list[tuple[str, float]], leniently: list[tuple[str, float]]
) -> None:
    """It counts openers less closers, and cuts where the count is 0: worked out by hand."""
    for lenient, expected in ((False, spans), (True, leniently)):
        held = parse(prompt, "comfy", lenient=lenient).spans()
        said = [(s.text, s.weight) for s in held]
        joined = "".join(text for text, _ in expected)
        assert "".join(text for text, _ in said) == joined
        if joined != prompt:  # texts of one weight are merged
            assert said == [(t, pytest.approx(w)) for t, w in expected]


def test_embeddings() -> None:
    tree = parse("a (embedding:old-photo:1.2), embedding:x.", "comfy")
    assert tree.embeddings == (Embedding("old-photo"), Embedding("x."))
    assert [(s.text, s.weight) for s in tree.spans()][1] == ("old-photo", 1.2)


@pytest.mark.parametrize("number", ["inf", "-infinity", "nan", "1e999"])
def test_a_weight_that_is_not_finite(number: str) -> None:
    with pytest.raises(PromptError, match="a weight must be finite") as raised:
        parse(f"b (a:{number})", "comfy")
    assert raised.value.place == (5, 5 + len(number))
    (_, span) = parse(f"b (a:{number})", "comfy", lenient=True).spans()
    assert (span.text, span.weight) == (f"a:{number}", 1.1)
