"""Sentences in other languages: what says how a thing is is no second thing."""

from __future__ import annotations

import pytest

from limner.checkpoints import Words
from limner.emoji.language import EmojiLanguage
from limner.emoji.understanding import Understander
from limner.emoji.words import descriptions, languages_of, translations
from limner.language import canonical
from limner.language.foreign import FOREIGN
from limner.language.grammar import ENGLISH


@pytest.fixture(scope="module")
def understander(shipped: Words) -> Understander:
    return Understander(shipped)


@pytest.mark.parametrize(
    ("sentence", "said", "missing", "language"),
    [
        ("un perro feliz", "a dog", ["feliz"], "Spanish"),
        ("un chien heureux", "a dog", ["heureux"], "French"),
        ("ein Mann rennt", "a man", ["rennt"], "German"),
        ("um gato dormindo", "a cat", ["dormindo"], "Portuguese"),
        ("快乐的狗", "a dog", ["快乐"], "Chinese"),
        ("笑う犬", "a dog", ["笑う"], "Japanese"),
        # what is known with the thing in it stands for both
        ("uma mulher grávida", "a pregnant woman", [], "Portuguese"),
        ("бородатый мужчина", "a man: beard", [], "Russian"),
        ("un uomo con la barba", "a man: beard", [], "Italian"),
        # people, by words of their own
        ("ein bärtiger Mann mit einem Hund", "a man: beard with a dog", [], "German"),
        ("un homme chauve", "a man: bald", [], "French"),
        ("eine alte Frau mit Katze", "an old woman with a cat", [], "German"),
        # a word for a girl is a size where a thing belongs to it
        ("una chica", "a girl", [], "Spanish"),
        ("un gato chico", "a small cat", [], "Spanish"),
        # things beside each other are things
        ("un perro y un gato", "a dog and a cat", [], "Spanish"),
        ("ein Mann und eine Frau", "a man and a woman", [], "German"),
    ],
)
def test_what_says_how_a_thing_is_is_no_thing(
    understander: Understander, sentence: str, said: str, missing: list[str], language: str
) -> None:
    found = understander.understand(sentence)
    assert canonical(found.scene) == said
    assert [*found.missing] == missing
    assert found.language == language


@pytest.mark.parametrize(
    ("sentence", "said", "language"),
    [
        ("кошка на столе", "a cat on a table", "Russian"),
        ("собака на пляже ночью", "a dog on the beach at night", "Russian"),
        ("森の熊", "a bear in the forest", "Japanese"),
        ("机の上の本", "an open book on a table", "Japanese"),
        ("海滩上的一只猫", "a cat on the beach", "Chinese"),
        ("masada bir kedi", "a cat on a table", "Turkish"),
        ("kucing di atas meja", "a cat on a table", "Indonesian"),
        ("con mèo trên bàn", "a cat on a table", "Vietnamese"),
        ("قطة على الطاولة", "a cat on a table", "Arabic"),
        ("मेज पर बिल्ली", "a cat on a table", "Hindi"),
        ("ein Hund auf dem Tisch", "a dog on a table", "German"),
        ("un chat sous la pluie", "a cat in the rain", "French"),
        ("un gato en la ciudad de noche", "a cat in the city at night", "Spanish"),
        ("un gatto sulla luna", "a cat on the moon", "Italian"),
        ("um cachorro na praia ao pôr do sol", "a dog on the beach at sunset", "Portuguese"),
        ("ein Wald bei Nacht", "three evergreen trees in the forest at night", "German"),
        ("un bosque con un oso", "a bear in the forest", "Spanish"),
        # words in other cases than the tables', and those that stand between things
        ("кошка в шляпе", "a cat in a top hat", "Russian"),
        ("вижу кошку с собакой", "a cat with a dog", "Russian"),  # noqa: RUF001
        ("две кошки под деревом", "two cats under a deciduous tree", "Russian"),
        # written together with an article or an "and"
        ("قطة سوداء وكلب أبيض", "a black cat and a white dog", "Arabic"),
        ("القطة على الطاولة", "a cat on a table", "Arabic"),
        ("وردة حمراء", "a red rose", "Arabic"),
        # words of many signs, other signs for the same, words before a colour
        ("オートバイ", "a motorcycle", "Japanese"),
        ("赤いリンゴ", "a red apple", "Japanese"),
        ("一隻藍色的貓", "a blue cat", "Chinese"),
        ("quả táo màu xanh dương", "a blue apple", "Vietnamese"),
        # of other letters than English a word is enough
        ("красивая кошка играет на пианино", "a cat on a musical keyboard", "Russian"),
        ("قطة تعزف على البيانو", "a cat on a musical keyboard", "Arabic"),
    ],
)
def test_where_things_are(
    understander: Understander, sentence: str, said: str, language: str
) -> None:
    found = understander.understand(sentence)
    assert canonical(found.scene).replace("blue red", "blue") == said
    assert found.language == language


@pytest.mark.parametrize(
    ("word", "thing"),
    [("danke", "folded hands"), ("liebe", "red heart"), ("heureux", "smiling face")],
)
def test_by_itself_it_is_what_it_is_known_as(
    understander: Understander, word: str, thing: str
) -> None:
    assert [each.concept for each in understander.understand(word).scene.things] == [thing]


def test_a_label_is_told_in_words(shipped: Words) -> None:
    (note,) = EmojiLanguage(shipped).read("ein bärtiger Mann").notes
    assert note == "read as: a man with a beard (German)"


def test_a_word_of_another_language_is_not_misspelt(understander: Understander) -> None:
    """By its letters "chica" is near a chick; the article tells that it is not English."""
    assert understander.understand("una chikc").corrected == {}
    assert understander.understand("a chikc").corrected == {"chikc": "chick"}


def test_descriptions_are_translated_too() -> None:
    for language in ("de", "fr", "es", "pt", "it", "ru", "ja", "zh"):
        assert len(descriptions(language)) > 200
        assert descriptions(language) <= translations(language).keys()
    assert "hund" not in descriptions("de")


def test_kana_is_japanese() -> None:
    assert languages_of("悲しい猫") == ("ja",)
    assert languages_of("猫") == ("zh", "ja")
    assert set(languages_of("a 猫")) > {"de", "zh", "ja"}


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("赤い車", "a red automobile (Japanese)"),
        ("白い犬", "a white dog (Japanese; colours turned afterwards)"),
        ("三匹の猫", "three cats (Japanese; each painted by itself)"),
        ("红色的车", "a red automobile (Chinese)"),
        ("两只猫", "two cats (Chinese; each painted by itself)"),
        ("чёрный кот", "a black cat (Russian)"),
        ("три собаки", "three dogs (Russian; each painted by itself)"),
        ("सफेद घोड़ा", "a white horse (Hindi; colours turned afterwards)"),
        ("قط أسود", "a black cat (Arabic)"),
        ("bintang kuning", "a yellow star (Indonesian)"),
        ("dua kucing", "two cats (Indonesian; each painted by itself)"),
        ("üç kedi", "three cats (Turkish; each painted by itself)"),
        ("zehn Hunde", "ten dogs (German; each painted by itself)"),
        ("ein roter und ein blauer Ball", "a red soccer ball and a blue soccer ball (German; each"),
        (
            "links eine Katze, rechts ein Hund",
            "a cat left of a dog (German; each painted by itself)",
        ),
        ("ein trauriges Gesicht", "a crying face (German)"),
        ("carita feliz", "a grinning face (Spanish)"),
        ("誕生日ケーキ", "a birthday cake (Japanese)"),
    ],
)
def test_colours_and_numbers_of_many_languages(prompt: str, read: str, shipped: Words) -> None:
    notes = EmojiLanguage(shipped).read(prompt).notes
    assert len(notes) == 1
    assert notes[0].startswith(f"read as: {read}")


def test_what_the_model_lacks_is_told_by_its_english_name(shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read("ein Mann mit langen Haaren")
    assert reading.prompt == "a man, 3d"
    assert reading.notes[1] == "not painted: 'langen', 'Haaren (hair)' (not known)"


def test_grammars_of_few_words_say_each_colour_once() -> None:
    for grammar in FOREIGN.values():
        words = [word for several in grammar.colours.values() for word in several]
        assert len(words) == len(set(words)), grammar.name
        assert grammar.colours.keys() in (ENGLISH.colours.keys(), set()), grammar.name
