"""Words for known concepts: which are asked for, and how the answer is scored."""

import pytest
import torch

from limner.errors import UsageError
from limner.evaluate.judge import Judge, JudgeConfig, Verdict
from limner.evaluate.words import Asked, choose_words, judge_words

WORDS = {"dog": ("hound", "small puppy"), "cat": ("kitty", "mouser")}
STYLES = ("3d", "flat")


class Guesses(Judge):
    """Prefers the concepts by the first number of a picture, then in their order."""

    def __init__(self):
        words = {"concepts": tuple("abcdefg"), "styles": STYLES}
        super().__init__(JudgeConfig(**words, channels=(8,), feature_width=8, size=32))

    def see(self, pictures):
        first = pictures[:, 0, 0, 0].long()
        concepts = -(torch.arange(7) - first[:, None]).abs().float()
        return Verdict(features=concepts, concepts=concepts, styles=concepts)


def test_words_that_were_read_are_left_out():
    asked = choose_words(WORDS, STYLES, known=["a puppy of wood", "kitty"], count=10)
    assert {each.word for each in asked} == {"hound", "mouser"}
    assert {each.style for each in asked} <= set(STYLES)
    assert len(choose_words(WORDS, STYLES, known=(), count=3)) == 3
    again = choose_words(WORDS, STYLES, known=(), count=3)
    assert again == choose_words(WORDS, STYLES, known=(), count=3)


def test_the_prompt_has_the_word_and_not_the_concept():
    assert Asked(concept="dog", word="hound", style="3d").prompt == "a hound, 3d"


def test_scores():
    pictures = torch.zeros(4, 4, 32, 32, dtype=torch.uint8)
    pictures[:, 0, 0, 0] = torch.tensor([0, 0, 0, 0])
    asked = [Asked(concept=c, word="x", style="3d") for c in "abeg"]
    scores = judge_words(pictures, asked, Guesses())
    assert (scores.pictures, scores.top1, scores.top5) == (4, 1 / 4, 3 / 4)
    assert "25.0%" in scores.line("words")
    with pytest.raises(UsageError, match="one each"):
        judge_words(pictures, [], Guesses())
    unknown = [Asked(concept="z", word="x", style="3d")]
    with pytest.raises(UsageError, match="not trained on 'z'"):
        judge_words(pictures[:1], unknown, Guesses())
