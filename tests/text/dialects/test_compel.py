"""Compel's dialect: every row of the reference, and the compel package as the oracle."""

from __future__ import annotations

import random
from typing import Any

import pytest
from compel.prompt_parser import PromptParser
from often import often

from limner.errors import PromptError
from limner.prompt import Blend, Conjunction, Lora, SwapLimits, Tree, parse
from limner.text.spans import Span


def said(tree: Tree) -> list[tuple[str, float]]:
    return [(s.text, round(s.weight, 9)) for s in tree.spans() if isinstance(s, Span)]


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(
    ("prompt", "fragments"),
    [
        ("a cat++ x", [("a", 1), ("cat", 1.21), ("x", 1)]),
        ("cat---", [("cat", 0.729)]),
        ("(a cat)1.5", [("a cat", 1.5)]),
        ("(a cat) 1.5", [("a cat 1.5", 1)]),
        ("(b).5", [("b", 0.5)]),
        ("a (b (c)1.5)2.0", [("a", 1), ("b", 2), ("c", 3)]),
        ("(b+)++", [("b", 1.331)]),
        ("((a)1.2 b)0.5", [("a", 0.6), ("b", 0.5)]),
        ("a, b,c++ d", [("a, b,", 1), ("c", 1.21), ("d", 1)]),
        ("hot-dog+", [("hot-dog", 1.1)]),
        ("a + b", [("a + b", 1)]),
        ("+a", [("+a", 1)]),
        ("a+b", [("a+b", 1)]),
        ("a++b", [("a", 1.21), ("b", 1)]),
        ("cat+,", [("cat", 1.1), (",", 1)]),
        ("(a, b)+", [("a , b", 1.1)]),
        ('"a cat"+', [("a cat", 1.1)]),
        (r"(\(a\))+", [("(a)", 1.1)]),
        (r"\"a\"", [('"a"', 1)]),
        ("(a", [("(a", 1)]),
        ("(cat).attend(1.5) dog.attend(--)", [("cat", 1.5), ("dog", 0.81)]),
        ("()+", []),
    ],
)
def test_fragments(prompt: str, fragments: list[tuple[str, float]], lenient: bool) -> None:
    assert said(parse(prompt, "compel", lenient)) == fragments


def test_members() -> None:
    blend = parse('("a","b").blend(0.7,0.3)', "compel")
    assert (blend.kind, [p.weight for p in blend.parts]) == (Blend, [0.7, 0.3])
    assert [said(part.tree) for part in blend.parts] == [[("a", 1)], [("b", 1)]]
    both = parse('("a","b").and(1,0.5)', "compel")
    assert (both.kind, [p.weight for p in both.parts]) == (Conjunction, [1, 0.5])
    assert [p.weight for p in parse('("a", "b").and()', "compel").parts] == [1, 1]
    (sum_of_both,) = parse('("a","b").blend(1,-1,no_normalize)', "compel").children
    assert isinstance(sum_of_both, Blend)
    assert not sum_of_both.mean


def test_swap() -> None:
    tree = parse("a (big cat).swap(dog+, s_start=.1, shape_freedom=.5) x", "compel")
    assert said(tree) == [("a big cat x", 1)]
    assert said(tree.edited) == [("a", 1), ("dog", 1.1), ("x", 1)]
    (swap,) = tree.swaps
    limits = SwapLimits(s_start=0.1, s_end=1 - 0.5 ** (1 / 3), t_start=0.2, t_end=1.0)
    assert swap.limits == limits


def test_escapes_beyond_the_original() -> None:
    assert said(parse(r"c\+\+ \\ a\-", "compel")) == [("c++ \\ a-", 1)]
    assert said(parse(r"c\+ a", "compel", lenient=True)) == [(r"c\+ a", 1)]


def test_loras() -> None:
    assert parse("withLora(x, 0.5) a withLora(y)", "compel").loras == (
        Lora("x", 0.5, 0.5),
        Lora("y", 1.0, 1.0),
    )


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(
    "prompt",
    [
        "a useLora(x, 0.5) cat",
        "useLora ( x )",
        '("a","b").blend(1,0.5) withLora(x, 0.5)',
        '("a","b").blend(1,0.5)useLora(x)  withLora(y,-1)',
        'withLora(x) useLora(z, 2) ("a","b").blend(1,0.5) withLora(y)',
        '("a withLora(x, 2)","b").blend(1,1)',
        'withLora(x) ("a","b").and(1,1)',
        "useLora(x",
    ],
)
def test_loras_wherever_the_package_takes_them(prompt: str, lenient: bool) -> None:
    tree, root = parse(prompt, "compel", lenient), PromptParser().parse_conjunction(prompt)
    assert ours(tree) == theirs(root)
    assert [(e.name, e.unet) for e in tree.loras] == [
        (e.model, e.weight) for e in root.lora_weights
    ]
    assert parse(str(tree), "compel") == tree


def test_the_original_heeds_nothing_behind_an_and() -> None:
    prompt = '("a","b").and(1,0.5) withLora(x) tail'
    tree = parse(prompt, "compel", lenient=True)
    assert ours(tree) == theirs(PromptParser().parse_conjunction(prompt))
    assert (tree.kind, tree.loras) == (Conjunction, ())


@pytest.mark.parametrize(
    ("prompt", "marked", "says"),
    [
        ('("a","b").blend(1,-1)', "1,-1", "must not add up to 0"),
        ('("a","b").blend(0.7)', "0.7", "one weight for each of its 2 prompts, not 1"),
        ('("a","b").and(1,2,3)', "1,2,3", "not 3"),
        ('("a","b").blend(1,x)', "x", "a weight must be a number"),
        ('("a","b").blend(1,1) tail', "tail", "nothing may stand behind .blend"),
        ('("a","b").blend(1,1) withLora(x) c', "c", "nothing may stand behind .blend"),
        ('("a.swap(b)", "c").blend(1,1)', "a.swap(b)", "cannot hold a .swap"),
        ("a.swap(b, loud=1)", "loud", "an option of .swap"),
        ("a.swap(b, c)", "c", "an option of .swap"),
        ("a.swap(b, t_end=2)", "2", "must be from 0 to 1"),
        ("withLora(x, big)", "big", "the weight of a LoRA must be a number"),
    ],
)
def test_what_the_original_fails_at(prompt: str, marked: str, says: str) -> None:
    with pytest.raises(PromptError, match=says) as raised:
        parse(prompt, "compel")
    assert prompt[slice(*raised.value.place)] == marked
    assert parse(prompt, "compel", lenient=True).children


WORDS = ["cat", "dog", "a-b", "it's", "b2", "x_y", "c:d", "é", "(cat)", '"a cat"', "1.5", ",", "."]
SWAPS = ["cat.swap(dog)", "(a cat).swap(a dog+, s_start=.1)", 'b.swap("c, d", shape_freedom=0.5)']


def generated(rng: random.Random) -> str:
    """A prompt of the grammar: words, brackets in brackets, swaps; some of them as members."""

    def item(depth: int) -> str:
        kind = rng.random()
        if kind < 0.5 or depth == 3:
            word = rng.choice(WORDS)
            return word + rng.choice(["", "", "+", "++", "-", "---"]) if word[0].isalpha() else word
        if kind < 0.6 and depth == 0:
            return rng.choice(SWAPS)
        body = " ".join(item(depth + 1) for _ in range(rng.randrange(1, 3)))
        return f"({body}){rng.choice(['', '+', '--', '1.5', '.5', '2.', '0'])}"

    if rng.random() < 0.3:
        count = rng.randrange(1, 4)
        members = [item(2).replace('"', "") for _ in range(count)]
        weights = [rng.choice(["1", "0.5", "2", ".25"]) for _ in range(count)]
        quoted = ", ".join(f'"{member}"' for member in members)
        return f"({quoted}).{rng.choice(['and', 'blend'])}({', '.join(weights)})"
    return rng.choice([" ", ", ", "  "]).join(item(0) for _ in range(rng.randrange(1, 5)))


@pytest.mark.parametrize("number", often(60, 200))
def test_prompts_parse_as_the_package_parses_them(number: int) -> None:
    rng = random.Random(0)
    prompts = {generated(rng): None for _ in range(300)}
    assert len(prompts) >= number
    oracle = PromptParser()
    for prompt in list(prompts)[:number]:
        assert ours(parse(prompt, "compel")) == theirs(oracle.parse_conjunction(prompt)), prompt


def ours(tree: Tree) -> Any:
    blend = [tree.kind.__name__ if tree.kind is Blend else "", *(p.weight for p in tree.parts)]
    parts = [
        (said(p.tree), said(p.tree.edited), [s.limits for s in p.tree.swaps]) for p in tree.parts
    ]
    return blend, parts


def theirs(root: Any) -> Any:
    """Their fragments in the same form; no fragment is a prompt without spans."""
    blended = [p for p in root.prompts if type(p).__name__ == "Blend"]
    prompts = blended[0].prompts if blended else root.prompts
    weights = blended[0].weights if blended else root.weights
    parts = [
        (_merged(p.children, "original"), _merged(p.children, "edited"), _limits(p.children))
        for p in prompts
    ]
    return ["Blend" if blended else "", *(weights or [1.0])], parts or [([], [], [])]


def _merged(fragments: list[Any], which: str) -> list[tuple[str, float]]:
    """Fragments with one side of every swap; what becomes neighbours of one weight is merged."""
    flat = [part for f in fragments for part in (getattr(f, which) if hasattr(f, which) else [f])]
    merged: list[tuple[str, float]] = []
    for text, weight in ((f.text, round(f.weight, 9)) for f in flat if f.text):
        if merged and merged[-1][1] == weight:
            merged[-1] = (f"{merged[-1][0]} {text}", weight)
        else:
            merged.append((text, weight))
    return merged


def _limits(fragments: list[Any]) -> list[SwapLimits]:
    return [SwapLimits(**f.options) for f in fragments if hasattr(f, "options")]
