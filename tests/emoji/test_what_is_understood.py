"""353 sentences, written before the reader was tried on them, and what each says."""

from __future__ import annotations

import pytest
from sentence_tables import rows

from limner.checkpoints import Words
from limner.emoji.alone import SEVERAL, SINGLE, meanings
from limner.emoji.names import everyday_names, names_of
from limner.emoji.sorts import SORTS
from limner.emoji.tables import HAVING
from limner.emoji.understanding import Understander
from limner.emoji.words import LANGUAGES, characters, translations
from limner.language import canonical
from limner.language.english import phrases
from limner.language.foreign import FOREIGN


@pytest.fixture(scope="module")
def understander(words: Words) -> Understander:
    return Understander(words)


@pytest.mark.parametrize("row", rows("sentences.txt"))
def test_sentences(row: str, understander: Understander) -> None:
    sentence, _, expected = row.partition(" -> ")
    said, _, told = expected.partition("|")
    found = understander.understand(sentence)
    assert canonical(found.scene) == said.strip()
    corrected = (f"{word}: {known}" for word, known in found.corrected.items())
    notes = [*found.missing, *corrected, *found.reading.negated, *found.reading.writing]
    wanted = [word.strip() for word in told.split(",") if word.strip()]
    assert [note.casefold() for note in notes] == [word.casefold() for word in wanted]


def test_words_have_their_places(understander: Understander) -> None:
    text = 'draw  two Red cars, and a  "cat" on the moon'
    found = understander.understand(text)
    assert all(text[w.start : w.stop] == w.text for w in found.reading.words)
    starts = [word.start for word in found.reading.words]
    assert starts == sorted(starts)


def test_every_label_and_name_is_a_name(words: Words) -> None:
    labels = set(characters().values())
    assert everyday_names().keys() <= labels
    assert set(words.concepts) <= labels
    names = names_of(words.concepts)
    several = [name for each in names.values() for name in each]
    assert len(several) == len(set(several))
    assert all(names[concept][-1] == concept for concept in words.concepts)


def test_a_name_is_for_the_first_that_a_model_has() -> None:
    assert "moon" in names_of(["full moon face"])["full moon face"]
    both = names_of(["full moon face", "crescent moon"])
    assert "moon" in both["crescent moon"]
    assert "moon" not in both["full moon face"]
    assert "chair" not in names_of(["seat", "chair"])["seat"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a man with a beard", "man: beard"),
        ("a bald man", "man: bald"),
        ("a woman with red hair", "woman: red hair"),
        ("a woman on a bike", "woman biking"),
        ("a couple kissing", "kiss"),
        ("a laughing cat", "cat with tears of joy"),
        ("a cruise ship", "passenger ship"),
        ("a killer whale", "whale"),
    ],
)
def test_people_and_what_they_do_are_understood(shipped: Words, said: str, meant: str) -> None:
    found = Understander(shipped).understand(said)
    assert [(thing.concept, thing.colour) for thing in found.scene.things] == [(meant, "")]
    assert not found.missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_names_and_small_words(language: str) -> None:
    names = translations(language)
    assert len(names) > 2_000
    assert {"dog", "cat", "sun", "house"} <= set(names.values())
    assert FOREIGN[language].name == LANGUAGES[language]


@pytest.mark.parametrize(
    ("sentence", "said", "missing"),
    [
        ("happy", "a grinning face", []),
        ("I love you!", "a red heart", []),
        ("a happy dog", "a dog", ["happy"]),
        ("sad man", "a man frowning", []),
        ("an angry girl", "a woman pouting", []),
        ("princess with long blonde hair", "a princess", ["long blonde hair"]),
        ("a girl with blonde hair", "a woman: blond hair", []),
        # what it is in is told, where there is no picture of both
        ("a bottle of water", "a droplet", ["bottle of"]),
        ("a bowl of cherries", "cherries", ["bowl of"]),
        ("a bowl of ramen", "a steaming bowl", []),
        ("a glass of wine", "a wine glass", []),
        # whom it is for is no thing
        ("a cake for my dog", "a birthday cake", ["for my dog"]),
        ("draw an octopus for me", "an octopus", []),
        ("a card for my mum and dad", "a credit card", ["for my mum and dad"]),
        # what a picture has anyway
        ("queen with crown", "a person with crown", []),
        ("a king with a golden crown", "a person with crown", []),
        ("queen with a blue crown", "a person with crown with a blue crown", []),
        ("a cat with a crown", "a cat with a crown", []),
        # names that no dictionary has are no misspelt words
        ("lego", "", ["lego"]),
        ("a halloween cat", "a cat", ["halloween"]),
        ("a bigger apple and a smaller apple", "a big red apple and a small red apple", []),
        ("a gummy bear", "a candy", []),
        ("a sign", "a placard", []),
    ],
)
def test_what_people_type_first(
    shipped: Words, sentence: str, said: str, missing: list[str]
) -> None:
    found = Understander(shipped).understand(sentence)
    assert canonical(found.scene) == said
    assert [*found.missing] == missing


def test_what_things_have_is_known(shipped: Words) -> None:
    known = {*shipped.concepts}
    assert {*HAVING} <= known
    assert {thing for several in HAVING.values() for thing in several} <= known


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("happy", "a grinning face"),
        ("Good morning!", "a sunrise"),
        ("a rock", "a rock"),
        ("animals", "a dog and a cat and a rabbit"),
        ("some animals", "a dog and a cat and a rabbit"),
        ("animals, flat", "a dog and a cat and a rabbit, flat"),
        ("food, in the style of noto", "a hamburger and a pizza, noto"),
        ("love, blob", "a red heart, blob"),
        ("happy, cat", "a cat"),  # no word that is said alone
        ("a happy cat", "a grinning cat"),
        ("the sun behind clouds", "a sun behind cloud"),  # one sun
    ],
)
def test_what_is_said_alone(text: str, said: str, shipped: Words) -> None:
    assert canonical(Understander(shipped).understand(text).scene) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "three balloons: red, yellow and green",
            "a red balloon, a yellow balloon, a green balloon",
        ),
        ("two balloons, red and blue", "a red balloon and a blue balloon"),
        (
            "four birds: blue, red, green and orange",
            "a blue bird, a red bird, a green bird, an orange bird",
        ),
        ("two cats, black and brown, on a bed", "a black cat and a brown cat on a bed"),
        ("two cats, black and white", "two black cats"),
        ("zwei Ballons, rot und blau", "a red balloon and a blue balloon"),
        ("two balloons, red and blue cars", "two balloons and red cars"),
        ("three balloons, red and blue", "three red balloons"),  # "blue" is told
    ],
)
def test_as_many_colours_as_things_are_one_each(text: str, said: str, shipped: Words) -> None:
    understander = Understander(shipped)
    assert understander.understand(text).scene == understander.understand(said).scene


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("animals", "a dog and a cat and a rabbit"),
        ("an animal", "a dog"),
        ("two animals", "a dog and a cat"),
        ("five animals", "two dogs and two cats and a rabbit"),
        ("a farm with animals", "a dog and a cat and a rabbit on the grass"),
        ("animals in the forest", "a dog and a cat and a rabbit in the forest"),
        ("a girl with pets", "a girl with a dog and a cat and a hamster"),
        ("food on a table", "a hamburger and a pizza on a table"),
        ("blue vehicles", "a blue automobile and a blue bus and a blue bicycle"),
        ("an animal eating a vegetable", "a dog with a carrot"),
        ("a king with a sword and a crown", "a person with crown with a dagger"),
    ],
)
def test_a_sort_is_some_of_its_things(text: str, said: str, shipped: Words) -> None:
    assert canonical(Understander(shipped).understand(text).scene) == said


def test_all_things_of_sorts_are_known(shipped: Words) -> None:
    assert {thing for some in SORTS.values() for thing in some} <= {*shipped.concepts}
    english = Understander(shipped).english
    assert all(english.read(name).scene.things[0].concept == name for name in SORTS)


def test_all_that_is_said_alone_is_known(shipped: Words) -> None:
    rows = [*SINGLE, *SEVERAL]
    assert {concept for row in rows for concept in row.split("|")} <= {*shipped.concepts}
    words = [word for table in (SINGLE, SEVERAL) for row in table.values() for word in phrases(row)]
    assert len(words) == len({*words})
    assert {*words} <= {*meanings(Understander(shipped).names)}


def test_nothing_is_listed_twice_among_the_names() -> None:
    from importlib.resources import files

    rows = (files("limner.emoji") / "names.txt").read_text("utf-8").splitlines()
    labels = [row.rpartition(": ")[0] for row in rows if not row.startswith("#")]
    assert len(labels) == len({*labels}) == len(everyday_names())
