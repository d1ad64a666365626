"""Heat maps of words, on maps that are known."""

import pytest
import torch

from limner.errors import UsageError
from limner.explain.heatmaps import AttentionMaps, Moment, Side, occurrences
from limner.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train(["a red apple and a blue cat"] * 4, 600, length=12)
(IDS,) = TOKENIZER(["a red apple and a blue cat"])
(EMPTY,) = TOKENIZER([""])
SIDES = (Side(name="negative", texts=(EMPTY,)), Side(name="prompt", texts=(IDS,)))


def place(word):
    return IDS.tolist().index(*TOKENIZER.encode(word))


def moment(step, *, heads=1, count=1, sides=SIDES):
    """Layer "fine" of 4x4 places and "coarse" of 2x2, every number by its row, head and token."""
    rows = len(sides) * count
    number = (
        torch.arange(rows)[:, None, None, None] * 100
        + torch.arange(heads)[None, :, None, None] * 20
        + torch.arange(12)[None, None, :, None]
    )
    fine = (number + torch.arange(16) / 16).float() * step
    coarse = (number + torch.arange(4) / 4).float() * step
    return Moment(step=step, sides=sides, maps={"down.fine": fine, "up.coarse": coarse})


def recorded(*moments, count=1):
    return AttentionMaps(moments=moments, tokenizer=TOKENIZER, size=(4, 4), count=count)


def test_one_layer_at_the_latents_own_size():
    maps = recorded(moment(1))
    found = maps.heatmap("apple", layers=["down"])
    expected = 100 + place("apple") + torch.arange(16).reshape(4, 4) / 16
    torch.testing.assert_close(found, expected)


def test_a_smaller_layer_is_brought_to_that_size():
    found = recorded(moment(1)).heatmap("apple", layers=["up"])
    assert found.shape == (4, 4)
    corners = found[[0, 0, -1, -1], [0, -1, 0, -1]]
    torch.testing.assert_close(corners, 100 + place("apple") + torch.arange(4) / 4)


def test_layers_and_steps_are_averaged():
    maps = recorded(moment(1), moment(2), moment(3))
    whole = maps.heatmap("apple")
    layers = [maps.heatmap("apple", layers=[name]) for name in maps.layers]
    torch.testing.assert_close(whole, sum(layers) / 2)
    late = maps.heatmap("apple", steps=(2, 3))
    torch.testing.assert_close(late, 2.5 * maps.heatmap("apple", steps=(1, 1)))


def test_pictures_sides_and_heads():
    maps = recorded(moment(1, heads=2, count=3), count=3)
    second = maps.heatmap("apple", picture=1, layers=["down"], heads=[1])
    expected = 400 + 20 + place("apple") + torch.arange(16).reshape(4, 4) / 16
    torch.testing.assert_close(second, expected)
    assert maps.sides == ("negative", "prompt")
    with pytest.raises(UsageError, match="'apple' is not in the negative"):
        maps.heatmap("apple", side="negative")


def test_words_of_several_tokens_and_places():
    maps = recorded(moment(1))
    both = maps.heatmap("red apple")
    torch.testing.assert_close(both, (maps.heatmap("red") + maps.heatmap("apple")) / 2)
    twice = [p for p, i in enumerate(IDS.tolist()) if [i] == TOKENIZER.encode("a")]
    assert len(twice) == 2
    expected = 100 + sum(twice) / 2
    assert maps.heatmap("a", layers=["down"])[0, 0] == pytest.approx(expected)


def test_a_word_that_holds_at_some_steps_only():
    other = (SIDES[0], Side(name="prompt", texts=(EMPTY,)))
    maps = recorded(moment(1), moment(2, sides=other))
    assert torch.equal(maps.heatmap("apple"), maps.heatmap("apple", steps=(1, 1)))
    with pytest.raises(UsageError, match="'apple' is not in the prompt"):
        maps.heatmap("apple", steps=(2, 2))


@pytest.mark.parametrize(
    ("words", "where", "said"),
    [
        ("dog", {}, "'dog' is not in the prompt: its tokens are a red apple"),
        ("", {}, "are empty"),
        ("apple", {"steps": (0, 1)}, "from 1 to 1"),
        ("apple", {"layers": ["side"]}, "no layer begins with"),
        ("apple", {"heads": [1]}, "0 to 0 were recorded"),
        ("apple", {"picture": 1}, "0 to 0 is right"),
        ("apple", {"side": "prompt 2"}, "one of negative, prompt"),
    ],
)
def test_what_is_not_there_is_named(words, where, said):
    with pytest.raises(UsageError, match=said):
        recorded(moment(1)).heatmap(words, **where)


def test_occurrences():
    assert list(occurrences([1, 2, 1, 2, 3], [1, 2])) == [0, 1, 2, 3]
    assert list(occurrences([1], [1, 2])) == []
