"""Words and what is nearest to them, from a small dictionary and vectors of our own."""

import torch

from limner.data.meanings import definitions, nearest_names
from limner.data.wordnet import Sense, WordNet

ANIMAL, FEELING = 5, 12
SENSES = {
    1: Sense(words=("dog", "domestic dog"), field=ANIMAL, kinds=(2,), gloss="a tame wolf"),
    2: Sense(words=("mutt", "cur"), field=ANIMAL, kinds=(), gloss="a bad dog"),
    3: Sense(words=("glee",), field=FEELING, kinds=(), gloss="great merriment"),
    4: Sense(words=("cat of the neighbours",), field=ANIMAL, kinds=(), gloss="not ours"),
    5: Sense(words=(), field=ANIMAL, kinds=(), gloss="the dog of Ulysses"),
    6: Sense(words=("big dog",), field=ANIMAL, kinds=(), gloss="a dog that is big"),
}
OF_WORD = {word: (number,) for number, sense in SENSES.items() for word in sense.words}
OF_WORD |= {"argos": (5,), "cur": (3, 2)}  # a proper name; mostly something else
NET = WordNet(senses=SENSES, of_word=OF_WORD, uses={})
NEAR = {"dog": (1.0, 0.0), "cat": (0.0, 1.0), "dog: a bad dog": (0.8, 0.6), "x": (0.6, -0.8)}


def vectors(texts):
    return torch.tensor([NEAR[text] for text in texts])


def test_definitions_are_of_things_that_no_caption_names():
    found = definitions(NET, read=["dog", "big"])
    assert found == {
        "domestic dog": "a tame wolf",
        "mutt": "dog: a bad dog",
        "cat of the neighbours": "not ours",
    }


def test_terms_are_as_short_as_people_type(monkeypatch):
    monkeypatch.setattr("limner.data.meanings.LONGEST", 1)
    assert [*definitions(NET, read=["dog", "big"])] == ["mutt"]


def test_nearest_name_or_none():
    defined = {"mutt": "dog: a bad dog", "odd": "x"}
    names = ["cat", "dog"]
    assert nearest_names(defined, names, vectors, least=0.5) == {"mutt": "dog", "odd": "dog"}
    assert nearest_names(defined, names, vectors, least=0.7) == {"mutt": "dog"}
    assert nearest_names(defined, names, vectors, least=0.9) == {}
