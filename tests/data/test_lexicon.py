"""A lexicon from a small WordNet of our own."""

import pytest

from limner.data.lexicon import build_lexicon, listed_words
from limner.data.records import Record
from limner.data.wordnet import Sense, WordNet
from limner.errors import DataError

ANIMAL = 5
SENSES = {
    1: Sense(words=("animal",), field=ANIMAL, kinds=(2, 3), gloss=""),
    2: Sense(words=("dog", "domestic dog"), field=ANIMAL, kinds=(4,), gloss=""),
    3: Sense(words=("cat",), field=ANIMAL, kinds=(6,), gloss=""),
    4: Sense(words=("poodle", "poodle dog"), field=ANIMAL, kinds=(5,), gloss=""),
    5: Sense(words=("toy poodle",), field=ANIMAL, kinds=(), gloss=""),
    6: Sense(words=("mouser", "fan"), field=ANIMAL, kinds=(), gloss=""),
}
OF_WORD = {word: (number,) for number, sense in SENSES.items() for word in sense.words}
OF_WORD["fan"] = (99, 6)  # mostly something else
NET = WordNet(senses=SENSES, of_word=OF_WORD, uses={})


def record(concept):
    return Record(picture=0, concept=concept, group="animals-nature")


def test_words_lead_to_the_nearest_concept():
    lexicon = build_lexicon([record("dog"), record("cat")], NET, read=["dog", "cat", "toy"])
    assert lexicon == {
        "domestic dog": "dog",
        "mouser": "cat",
        "poodle": "dog",
        "poodle dog": "dog",
        "toy poodle": "dog",
    }
    nearer = build_lexicon([record("dog"), record("poodle")], NET, read=["dog", "poodle"])
    assert nearer == {"domestic dog": "dog", "toy poodle": "poodle"}


def test_words_that_mean_something_else_have_no_entry(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("# by hand\npoodle dog\n\nmouser\n")
    words = listed_words(file)
    lexicon = build_lexicon([record("dog"), record("cat")], NET, read=["dog", "cat"], without=words)
    assert lexicon.keys() == {"domestic dog", "poodle", "toy poodle"}
    with pytest.raises(DataError, match=r"missing\.txt holds no list of words"):
        listed_words(tmp_path / "missing.txt")


def test_no_further_than_asked():
    assert "toy poodle" not in build_lexicon([record("dog")], NET, read=["dog"], deepest=1)


def test_a_concept_that_is_in_no_lexicon():
    assert build_lexicon([record("grinning face")], NET, read=[]) == {}
