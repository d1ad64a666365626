"""Spans to chunks, as each dialect splits."""

from __future__ import annotations

from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limner.errors import UsageError
from limner.text.chunks import NO_SPAN, Chunks, chunked
from limner.text.dialect import Dialect
from limner.text.spans import Break, Span, Spans
from limner.text.tokenizer import Tokenizer

A1111, COMPEL, COMFY, PLAIN = Dialect.A1111, Dialect.COMPEL, Dialect.COMFY, Dialect.PLAIN
ROOM = 75
CLIP = Tokenizer.clip()


def cats(count: int, **marks: str) -> str:
    """That many one-token words; marks: other one-token words at places, as p54=","."""
    words = ["cat"] * count
    for place, mark in marks.items():
        words[int(place[1:])] = mark
    return " ".join(words)


def sizes(spans: Spans, dialect: Dialect, tokenizer: Tokenizer = CLIP) -> list[int]:
    return [len(chunk) for chunk in chunked(spans, tokenizer, dialect).tokens]


def texts(chunks: Chunks) -> list[list[str]]:
    return [[token.text.removesuffix("</w>") for token in chunk] for chunk in chunks.tokens]


@pytest.mark.parametrize("dialect", Dialect)
def test_a_short_prompt_is_one_chunk(dialect: Dialect) -> None:
    spans = [Span("a "), Span("red cat", 1.5), Span("!", 0.0)]
    chunks = chunked(spans, CLIP, dialect)
    assert torch.equal(chunks.ids, CLIP(["a red cat!"]))
    assert chunks.weights.tolist() == [[1.0, 1.0, 1.5, 1.5, 0.0, *[1.0] * 72]]
    assert chunks.spans.tolist() == [[NO_SPAN, 0, 1, 1, 2, *[NO_SPAN] * 72]]
    assert chunks.weights.dtype == torch.float32


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("spans", [[], [Span("")], [Span("", 1.5), Span(" \n ", 0.5)]])
def test_an_empty_prompt_is_one_empty_chunk(dialect: Dialect, spans: Spans) -> None:
    chunks = chunked(spans, CLIP, dialect)
    assert torch.equal(chunks.ids, CLIP([""]))
    assert (chunks.weights == 1).all()


def test_each_span_is_tokenized_by_itself() -> None:
    chunks = chunked([Span("house"), Span("s", 1.2)], CLIP, A1111)
    assert texts(chunks) == [["house", "s"]]
    assert CLIP.tokens("houses") == ["houses</w>"]


@pytest.mark.parametrize("text", ["12:30", "16:9", "naïve café", "猫 🐈", "two\nlines\t here"])
@pytest.mark.parametrize("dialect", Dialect)
def test_any_text_keeps_its_tokens(text: str, dialect: Dialect) -> None:
    assert torch.equal(chunked([Span(text)], CLIP, dialect).ids, CLIP([text]))


@pytest.mark.parametrize("dialect", [A1111, COMPEL, COMFY])
def test_seventy_five_tokens_fit_and_seventy_six_do_not(dialect: Dialect) -> None:
    assert sizes([Span(cats(75))], dialect) == [75]
    assert sizes([Span(cats(76))], dialect) == [75, 1]
    assert sizes([Span(cats(151))], dialect) == [75, 75, 1]


@pytest.mark.parametrize(
    ("comma", "expected"),
    [
        (54, [75, 5]),  # one too far back
        (55, [56, 24]),
        (60, [61, 19]),
        (74, [75, 5]),  # nothing follows it
        (75, [75, 5]),  # the comma itself finds the chunk full
    ],
)
def test_a1111_moves_what_follows_a_late_comma(comma: int, expected: list[int]) -> None:
    spans = [Span(cats(80, **{f"p{comma}": ","}))]
    assert sizes(spans, A1111) == expected
    assert sizes(spans, COMFY) == [75, 5]


def test_a1111_goes_by_the_last_comma() -> None:
    assert sizes([Span(cats(80, p56=",", p70=","))], A1111) == [71, 9]
    assert sizes([Span(cats(80, p56=",", p75=","))], A1111) == [75, 5]
    assert sizes([Span(cats(75, p56=","))], A1111) == [75]  # nothing finds it full


def test_a1111_backtracks_in_each_chunk() -> None:
    assert sizes([Span(cats(150, p60=",", p130=","))], A1111) == [61, 70, 19]


def test_a_weighted_span_across_a_chunk_boundary() -> None:
    spans = [Span(cats(70)), Span("dog " * 10, 1.5), Span("end")]
    chunks = chunked(spans, CLIP, A1111)
    assert chunks.spans[0, 70:].tolist() == [0, 1, 1, 1, 1, 1, NO_SPAN]
    assert chunks.spans[1, :8].tolist() == [NO_SPAN, 1, 1, 1, 1, 1, 2, NO_SPAN]
    assert ((chunks.weights == 1.5) == (chunks.spans == 1)).all()


def test_a1111_weights_move_with_their_words() -> None:
    spans = [Span(cats(60) + ","), Span("dog " * 20, 1.5)]
    chunks = chunked(spans, CLIP, A1111)
    assert chunks.spans[0].max() == 0
    assert (chunks.weights[1] == 1.5).sum() == 20


BREAKS = [
    ("bare", [Break()], [0]),
    ("leading", [Break(), Span("a")], [0, 1]),
    ("trailing", [Span("a"), Break()], [1]),
    ("doubled", [Span("a"), Break(), Break(), Span("b")], [1, 0, 1]),
    ("between", [Span("a"), Break(), Span("b b")], [1, 2]),
    ("after a full chunk", [Span(cats(75)), Break(), Span("b")], [75, 1]),
    ("in a long prompt", [Span(cats(80)), Break(), Span(cats(80))], [75, 5, 75, 5]),
]


@pytest.mark.parametrize(("spans", "expected"), [b[1:] for b in BREAKS], ids=[b[0] for b in BREAKS])
def test_breaks(spans: Spans, expected: list[int]) -> None:
    assert sizes(spans, A1111) == expected


def test_a_break_counts_among_the_numbers_of_spans() -> None:
    chunks = chunked([Span("a"), Break(), Span("b", 2.0)], CLIP, A1111)
    assert chunks.spans[1, 1] == 2
    assert chunks.weights[1, :3].tolist() == [1.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ({"p20": ".", "p70": ","}, [21, 59]),  # a sentence before a phrase
        ({"p20": ".", "p40": "."}, [41, 39]),
        ({"p30": ";", "p10": ","}, [31, 49]),
        ({"p30": ":"}, [31, 49]),
        ({"p74": "."}, [75, 5]),
        ({"p75": "."}, [75, 5]),  # beyond what fits
        ({"p79": "."}, [75, 5]),
    ],
)
def test_compel_ends_at_sentences_then_phrases(marks: dict, expected: list[int]) -> None:
    assert sizes([Span(cats(80, **marks))], COMPEL) == expected


def test_compel_ends_at_words_else_where_the_chunk_is_full() -> None:
    long = "zqxjkvbpzqxjkvbp"  # several tokens
    tokens = len(CLIP.encode(long))
    assert tokens > 3
    spans = [Span(cats(73) + " " + long)]
    assert sizes(spans, COMPEL) == [73, tokens]
    assert sizes(spans, A1111) == [75, tokens - 2]
    unbroken = "zqxjkvbp" * 40
    assert sizes([Span(unbroken)], COMPEL)[0] == 75


def test_comfy_moves_short_segments_whole() -> None:
    assert sizes([Span(cats(70)), Span("dog " * 7, 1.2)], COMFY) == [70, 7]
    assert sizes([Span(cats(70)), Span("dog " * 8, 1.2)], COMFY) == [75, 3]
    assert sizes([Span(cats(70)), Span("dog " * 5, 1.2)], COMFY) == [75]
    assert sizes([Span(cats(70)), Span("dog " * 7, 1.2)], A1111) == [75, 2]


def test_comfy_goes_on_after_a_moved_segment() -> None:
    spans = [Span(cats(70)), Span("dog " * 7, 1.2), Span(cats(100))]
    chunks = chunked(spans, CLIP, COMFY)
    assert [len(chunk) for chunk in chunks.tokens] == [70, 75, 32]
    assert chunks.weights[1, 1:8].tolist() == pytest.approx([1.2] * 7)


def test_comfy_splits_what_is_short_but_fits_nowhere() -> None:
    tiny = CLIP.with_length(6)  # room for 4
    assert sizes([Span("a"), Span("dog " * 6)], COMFY, tiny) == [4, 3]


def test_plain_is_cut_as_by_a_tool_of_77_tokens() -> None:
    text = cats(200)
    assert torch.equal(chunked([Span(text)], CLIP, PLAIN).ids, CLIP([text]))
    assert sizes([Span(cats(50)), Span(cats(50), 1.5)], PLAIN) == [75]


def test_padding_is_the_tokenizers() -> None:
    end = CLIP.end
    assert chunked([Span("cat")], CLIP, A1111).ids[0, 2:].tolist() == [end] * 75
    open_clip = Tokenizer.clip(pad=0)
    spans = [Span(cats(70)), Break(), Span("cat")]
    ids = chunked(spans, open_clip, A1111).ids
    assert ids[0, 71:].tolist() == [end, 0, 0, 0, 0, 0]
    assert ids[1, 2:].tolist() == [end, *[0] * 74]


def test_a_tokenizer_of_another_length_makes_chunks_of_it() -> None:
    short = CLIP.with_length(32)
    assert sizes([Span(cats(31))], A1111, short) == [30, 1]
    assert sizes([Span(cats(31, p10=","))], A1111, short) == [11, 20]
    assert sizes([Span(cats(31, p9=","))], A1111, short) == [30, 1]
    assert chunked([Span(cats(31))], short, A1111).ids.shape == (2, 32)
    assert sizes([Span(cats(31))], PLAIN, short) == [30]


def test_a_length_without_room_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 3 to hold a token, not 2"):
        chunked([Span("a")], CLIP.with_length(2), A1111)


@pytest.fixture
def learned() -> Tokenizer:
    """CLIP's with a word of 5 vectors and one of 80."""
    tokenizer = Tokenizer.clip()
    ids = range(tokenizer.vocabulary_size, tokenizer.vocabulary_size + 85)
    tokenizer.learn({"toyword": ids[:5], "hugeword": ids[5:]})
    return tokenizer


def test_a_learned_word_is_never_split(learned: Tokenizer) -> None:
    spans = [Span(cats(73) + " toyword dog", 1.5)]
    assert sizes(spans, A1111, learned) == [73, 6]
    assert sizes(spans, COMPEL, learned) == [73, 6]
    assert sizes(spans, COMFY, learned) == [73, 6]
    two = [Span(cats(68) + " toyword toyword dog")]
    assert sizes(two, A1111, learned) == [73, 6]
    assert sizes(two, COMPEL, learned) == [73, 6]


def test_a_learned_word_that_finds_a_full_chunk_backtracks(learned: Tokenizer) -> None:
    assert sizes([Span(cats(75, p60=",") + " toyword")], A1111, learned) == [61, 19]
    assert sizes([Span(cats(74, p60=",") + " toyword")], A1111, learned) == [74, 5]  # not full


def test_a_learned_word_that_no_chunk_holds(learned: Tokenizer) -> None:
    with pytest.raises(UsageError, match=r"'hugeword' has 80 vectors: .* room for 75"):
        chunked([Span("a hugeword")], learned, A1111)
    assert sizes([Span("a hugeword")], COMPEL, learned) == [1, 75, 5]
    assert sizes([Span("a hugeword")], PLAIN, learned) == [75]


WORDS = st.lists(
    st.sampled_from(["cat", ",", ".", "toyword", "zqxjkvbpzq", "🐈", ":"]), max_size=60
)
SPANS = st.lists(st.builds(Span, WORDS.map(" ".join), st.sampled_from([0.5, 1.0, 1.5])), max_size=6)


@pytest.mark.parametrize("dialect", [A1111, COMPEL, COMFY])
@given(spans=SPANS, length=st.sampled_from([8, 32, 77]))
def test_nothing_is_lost_or_moved_about(dialect: Dialect, spans: Spans, length: int) -> None:
    tokenizer = CLIP.with_length(length)
    tokenizer.learn({"toyword": range(50_000, 50_005)})
    chunks = chunked(spans, tokenizer, dialect)
    expected = [i for span in spans for i in tokenizer.encode(span.text)]
    assert [token.id for token in chain(*chunks.tokens)] == expected
    assert all(0 < len(chunk) <= length - 2 for chunk in chunks.tokens) or expected == []
    numbers = [k for k in chunks.spans.flatten().tolist() if k != NO_SPAN]
    assert numbers == sorted(numbers)
    assert numbers == [token.span for token in chain(*chunks.tokens)]
    at = chunks.spans != NO_SPAN
    assert chunks.weights[at].tolist() == [spans[k].weight for k in numbers]
    assert (chunks.weights[~at] == 1).all()
