"""What the words of a sentence are, in English and in the languages whose small words are known."""

from __future__ import annotations

import pytest

from limner.language import Vocabulary, canonical
from limner.language.foreign import FOREIGN
from limner.language.grammar import ENGLISH, Grammar
from limner.language.read import Reader
from limner.language.words import Kind, split

WORDS = Vocabulary(
    concepts={"cat": ("cat",), "dog": ("dog",), "orange": ("orange",), "t-shirt": ("t-shirt",)},
    styles={"flat": ("flat",)},
    kinds={"siamese cat": "cat", "brown dog": "cat"},
    other_styles=("oil painting",),
    unpainted=("at noon",),
)
NAMES = {  # cat, dog, house
    "de": ("katze", "hund", "haus"),
    "fr": ("chat", "chien", "maison"),
    "es": ("gato", "perro", "casa"),
    "pt": ("gato", "cachorro", "casa"),
    "it": ("gatto", "cane", "casa"),
}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(WORDS)


def kinds(reader: Reader, text: str) -> list[tuple[str, str]]:
    return [(word.text, word.kind.value) for word in reader.read(text).words]


def test_each_word_is_told(reader: Reader) -> None:
    assert kinds(reader, "Two cute red cats next to an orange on the beach, flat style: mat") == [
        ("Two", "number"),
        ("cute", "filler"),
        ("red", "colour"),
        ("cats", "concept"),
        ("next to", "relation"),
        ("an", "article"),
        ("orange", "concept"),
        ("on the beach", "ground"),
        (",", "pause"),
        ("flat style", "style"),
        (":", "pause"),
        ("mat", "unknown"),
    ]


@pytest.mark.parametrize(
    ("text", "scene", "modifiers"),
    [
        ("a cat dog", "a dog", ("cat",)),
        ("cat dog", "a dog", ("cat",)),
        ("two cat dogs and a cat", "two dogs and a cat", ("cat",)),
        ("a baby cat", "a small cat", ()),
        ("a baby and a cat", "a baby and a cat", ()),
        ("a cat baby", "a baby", ("cat",)),
        ("a dog cooking", "a dog", ("cooking",)),
        ("a blue cat dog baby", "a blue baby", ("cat", "dog")),
        ("cat dog baby", "a cat and a dog and a baby", ()),
        ("cats dogs", "some cats and some dogs", ()),
        ("cat, dog", "a cat and a dog", ()),
        ("a cat a dog", "a cat and a dog", ()),
        ("\U0001f408\U0001f415", "a cat and a dog", ()),
    ],
)
def test_a_name_before_a_name_says_what_sort_it_is(
    text: str, scene: str, modifiers: tuple[str, ...]
) -> None:
    concepts = {"cat": ("cat", "\U0001f408"), "dog": ("dog", "\U0001f415")}
    concepts |= {"baby": ("baby",), "cooking": ("cooking",)}
    reading = Reader(Vocabulary(concepts=concepts)).read(text)
    assert canonical(reading.scene) == scene
    assert reading.modifiers == modifiers


def test_in_other_languages_names_do_not_stack() -> None:
    reader = Reader(Vocabulary(concepts={"cat": ("gato",), "dog": ("perro",)}), FOREIGN["es"])
    assert canonical(reader.read("un gato perro").scene) == "a cat and a dog"


def test_an_orange_is_a_colour_where_a_thing_belongs_to_it(reader: Reader) -> None:
    assert canonical(reader.read("an orange cat").scene) == "an orange cat"
    assert canonical(reader.read("an orange and a cat").scene) == "an orange and a cat"
    assert canonical(reader.read("a cat orange").scene) == "an orange cat"


def test_kinds_are_read_and_told_but_not_for_a_colour(reader: Reader) -> None:
    siamese = reader.read("a siamese cat")
    assert [word.kind_of for word in siamese.words] == [False, True]
    assert canonical(siamese.scene) == "a cat"
    assert canonical(reader.read("a brown dog").scene) == "a brown dog"


def test_what_nothing_stands_for_is_told_as_a_whole(reader: Reader) -> None:
    reading = reader.read("a cat at noon, oil painting")
    assert reading.unknown == ("at noon", "oil painting")


@pytest.mark.parametrize(
    ("text", "negated", "said"),
    [
        ("a cat without a dog", ("without a dog",), "a cat"),
        ("a cat without dogs and cats", ("without dogs and cats",), "a cat"),
        ("a cat without a hat and a dog", ("without a hat",), "a cat and a dog"),
        ("no dogs, a cat", ("no dogs",), "a cat"),
        ("a cat without a dog on the beach", ("without a dog",), "a cat on the beach"),
        ("a cat with no background", (), "a cat"),
    ],
)
def test_negations(text: str, negated: tuple[str, ...], said: str, reader: Reader) -> None:
    reading = reader.read(text)
    assert reading.negated == negated
    assert canonical(reading.scene) == said


@pytest.mark.parametrize(
    ("text", "writing"),
    [
        ('a t-shirt that says "a dog"', ("a dog",)),
        ("a t-shirt saying hello there, flat", ("hello there",)),
        ("a cat “Tom”", ("Tom",)),
        ('a cat 5" tall', ()),  # one mark alone quotes nothing
    ],
)
def test_writing(text: str, writing: tuple[str, ...], reader: Reader) -> None:
    reading = reader.read(text)
    assert reading.writing == writing
    assert len(reading.scene.things) == 1


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a t-shirt, please", ["a", "t-shirt", ",", "please"]),
        ("猫と犬", ["猫", "と", "犬"]),
        ("🍕🔥", ["🍕", "🔥"]),
        ("👩‍🚀❤️", ["👩‍🚀", "❤️"]),
        ("👍🏽ok", ["👍🏽", "ok"]),
        ("बिल्ली", ["बिल्ली"]),
        ('"a cat" b', ['"a cat"', "b"]),
        ("", []),
    ],
)
def test_pieces(text: str, pieces: list[str]) -> None:
    assert [text[start:stop] for start, stop in split(text)] == pieces


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("de", "eine schwarze Katze und zwei Hunde", "a black cat and two dogs"),
        ("de", "der Hund hinter dem Haus", "a dog behind a house"),
        ("de", "ein Hund ohne Katze im Wald", "a dog in the forest"),
        ("fr", "deux chats noirs sur une maison", "two black cats on a house"),
        ("fr", "un chien à droite d\u2019un chat", "a dog right of a cat"),
        ("fr", "une petite maison rouge sur fond bleu", "a small red house on a blue background"),
        ("es", "un perro pequeño debajo de una casa blanca", "a small dog under a white house"),
        ("es", "tres gatos en estilo flat", "three cats, flat"),
        ("pt", "dois gatos à esquerda de um cachorro", "two cats left of a dog"),
        ("pt", "um cachorro marrom na rua", "a brown dog on the street"),
        ("it", "due gatti neri davanti a una casa", "two black cats in front of a house"),
        ("it", "un cane accanto a un gatto", "a dog and a cat"),
    ],
)
def test_small_words_of_other_languages(language: str, text: str, said: str) -> None:
    names = dict(zip(("cat", "dog", "house"), ((name,) for name in NAMES[language]), strict=True))
    reader = Reader(Vocabulary(concepts=names, styles={"flat": ("flat",)}), FOREIGN[language])
    reading = reader.read(text)
    assert canonical(reading.scene) == said
    assert not reading.unknown


@pytest.mark.parametrize("grammar", [FOREIGN[name] for name in NAMES], ids=list(NAMES))
def test_the_five_languages_say_all_that_english_says(grammar: Grammar) -> None:
    assert grammar.colours.keys() == ENGLISH.colours.keys()
    assert grammar.relations.keys() == ENGLISH.relations.keys()
    assert grammar.grounds.keys() == ENGLISH.grounds.keys()
    assert grammar.sizes.keys() == ENGLISH.sizes.keys()
    assert set(range(1, 9)) <= grammar.numbers.keys()


def test_further_words_are_read_as_known_ones(reader: Reader) -> None:
    reading = reader.read("a catt", {"catt": "cat"})
    assert canonical(reading.scene) == "a cat"
    assert reading.words[-1].text == "catt"
    assert reading.words[-1].kind is Kind.CONCEPT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("on the cat a dog", "a dog on a cat"),
        ("in an orange a cat and a dog", "a cat and a dog in an orange"),
        ("to the left of the dog is a cat with an orange", "a cat with an orange left of a dog"),
        ("on the left a cat, on the right a dog", "a cat left of a dog"),
        ("on the left of the picture a cat, on the right a dog", "a cat left of a dog"),
        ("with the dog a cat", "a dog and a cat"),
        ("on the cat and the dog", "a cat and a dog"),
    ],
)
def test_a_place_that_is_said_first_is_of_what_comes_after(
    text: str, said: str, reader: Reader
) -> None:
    reading = reader.read(text)
    assert (canonical(reading.scene), reading.unknown, reading.unused) == (said, (), ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a cat between two dogs", "a dog left of a cat left of a dog"),
        ("a cat between dogs", "a dog left of a cat left of a dog"),
        (
            "a blue cat between a dog and a red orange",
            "a dog left of a blue cat left of a red orange",
        ),
        ("between two dogs a cat", "a dog left of a cat left of a dog"),
        (
            "two cats between two dogs on an orange",
            "a dog left of two cats left of a dog on an orange",
        ),
    ],
)
def test_what_is_between_two_stands_in_the_middle(text: str, said: str, reader: Reader) -> None:
    reading = reader.read(text)
    assert (canonical(reading.scene), reading.unknown) == (said, ())


@pytest.mark.parametrize("text", ["a cat between", "a cat between three dogs", "between two cats"])
def test_between_without_two_things_is_told(text: str, reader: Reader) -> None:
    assert reader.read(text).unknown == ("between",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("two cats, one black and one white", "a black cat and a white cat"),
        ("two cats, a black one and a white one", "a black cat and a white cat"),
        ("three cats: one red, two small blue", "a red cat and two small blue cats"),
        ("three cats, one red and a dog", "a red cat and two cats and a dog"),
        ("cats, one black and one white", "a black cat and a white cat"),
        ("two cats, black and white", "two black cats"),
        ("two cats, three black", "two black cats"),
    ],
)
def test_some_of_several_have_their_own_colours(text: str, said: str, reader: Reader) -> None:
    assert canonical(reader.read(text).scene) == said


def test_what_belongs_to_a_thing_may_have_an_article() -> None:
    words = Vocabulary(concepts={"house with garden": ("house with garden", "man with red hair")})
    reader = Reader(words)
    for text in ("a house with a garden", "house with garden", "a man with red hair"):
        assert canonical(reader.read(text).scene) == "a house with garden"


def test_a_number_of_any_length_is_read() -> None:
    assert canonical(Reader(WORDS).read("999 cats").scene) == "999 cats"
    assert Reader(WORDS).read("9" * 5000 + " cats").unknown == ("9" * 5000,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a red and a blue cat", "a red cat and a blue cat"),
        ("a dog and a red and two small blue cats", "a dog and a red cat and two small blue cats"),
        (
            "a red, a blue and a green cat on a dog",
            "a red cat and a blue cat and a green cat on a dog",
        ),
        ("a red and blue cat", "a red cat"),
        ("a red mat and a blue cat", "a blue cat"),
    ],
)
def test_a_thing_that_is_described_twice_is_two(text: str, said: str, reader: Reader) -> None:
    assert canonical(reader.read(text).scene) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a dog with a cat under it", "a cat under a dog"),
        ("a dog with a cat in it, flat", "a cat in a dog, flat"),
        ("a dog, behind it a cat", "a cat behind a dog"),
        ("an orange and a dog, behind it a cat", "an orange and a dog in front of a cat"),
        ("above the cat is a dog, below it an orange", "a dog above a cat above an orange"),
        ("a dog with an orange on top", "a dog under an orange"),
        (
            "a dog and a cat between two oranges",
            "an orange left of a dog and a cat left of an orange",
        ),
        ("it is a cat with it", "a cat"),
    ],
)
def test_a_word_for_what_was_named_is_of_that(text: str, said: str, reader: Reader) -> None:
    reading = reader.read(text)
    assert (canonical(reading.scene), reading.unknown) == (said, ())


def test_a_colour_that_no_thing_comes_for_is_told(reader: Reader) -> None:
    reading = reader.read("a cat and a red and a blue")
    assert canonical(reading.scene) == "a cat"
    assert reading.unused == ("red", "blue")


def test_a_name_goes_before_a_measure(reader: Reader) -> None:
    words = Vocabulary(concepts={"banknote": ("dollar banknote",), "star": ("star",)})
    assert canonical(Reader(words).read("two dollar banknotes").scene) == "two banknotes"
    assert canonical(Reader(words).read("one star").scene) == "a star"
    assert reader.read("a two dollar cat").unknown == ("two dollar",)


def test_parts_are_of_a_thing_where_it_has_them() -> None:
    words = Vocabulary(concepts={"cat": ("cat",), "ear": ("ear",)}, parts=frozenset({"ear"}))
    reader = Reader(words)
    for text, said in [
        ("a cat with red ears", "a cat"),
        ("a cat with a cat on its ear", "a cat with a cat"),
        ("a cat left of an ear", "a cat left of an ear"),
        ("a cat and a red ear", "a cat and a red ear"),
        ("an ear", "an ear"),
    ]:
        assert canonical(reader.read(text).scene) == said
