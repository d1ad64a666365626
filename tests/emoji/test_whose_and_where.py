"""Whose a thing is, what is denied, several colours, and where things are in other languages."""

from __future__ import annotations

import pytest

from limner.checkpoints import Words
from limner.emoji.language import EmojiLanguage
from limner.emoji.understanding import Understander
from limner.language import canonical


@pytest.fixture(scope="module")
def understander(shipped: Words) -> Understander:
    return Understander(shipped)


@pytest.mark.parametrize(
    ("sentence", "said", "told"),
    [
        ("a lion's mane", "a lion", "not painted: 'mane' (not known)"),
        ("a hippo's mouth", "a hippopotamus", "not painted: 'mouth' (said of another thing)"),
        ("the cat\u2019s paw", "a cat", "not painted: 'paw' (said of another thing)"),
        ("the dog's red ball", "a red soccer ball", '"dog\'s" (said of another thing)'),
        ("a man's hat", "a top hat", '"man\'s" (said of another thing)'),
        ("a cow's face", "a cow face", ""),
        ("a woman's boot", "a woman's boot", ""),
    ],
)
def test_whose_a_thing_is(sentence: str, said: str, told: str, shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read(sentence)
    assert reading.prompt == f"{said}, 3d"
    notes = " ".join(reading.notes)
    assert told in notes
    assert bool(told) == ("not painted" in notes)


@pytest.mark.parametrize(
    ("sentence", "said", "negated"),
    [
        ("a cat not on the sofa", "a cat", "not on the sofa"),
        ("a dog not wearing a hat", "a dog", "not wearing a hat"),
        ("a cat, not sitting on a chair, and a dog", "a cat and a dog", "not sitting on a chair"),
        ("a cat not on the beach", "a cat", "not on the beach"),
        ("a dog without a hat and a bird", "a dog and a bird", "without a hat"),
    ],
)
def test_where_a_thing_is_not(
    sentence: str, said: str, negated: str, understander: Understander
) -> None:
    found = understander.understand(sentence)
    assert (canonical(found.scene), found.reading.negated) == (said, (negated,))


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("three balloons in different colors", "a red balloon and a yellow balloon and a blue"),
        ("two differently colored birds", "a red bird and a yellow bird"),
        ("colourful balloons", "a red balloon and a yellow balloon and a blue balloon"),
        ("a clown with big colorful balloons", "a clown face with a big red balloon and a big"),
        ("many multicolored fish", "a red fish and a yellow fish and a blue fish"),
    ],
)
def test_several_in_other_colours(sentence: str, said: str, understander: Understander) -> None:
    found = understander.understand(sentence)
    assert canonical(found.scene).startswith(said)
    assert not found.missing


def test_one_thing_of_all_colours_is_told(understander: Understander) -> None:
    assert understander.understand("a colorful bird").missing == ("colorful",)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        # a second name of the same thing, and two that are two
        ("cat, kitten, cute", "a cat"),
        ("a raccoon stealing trash from a bin", "a raccoon and a wastebasket"),
        ("tea in a cup", "a hot beverage"),
        ("a kitten and a cat", "two cats"),
        ("a puppy chasing a dog", "two dogs"),
        # as one picture shows them, or so many
        ("a stack of pancakes", "pancakes"),
        ("two pancakes", "two pancakes"),
        ("eight balls", "eight soccer balls"),
        ("an eight ball", "a pool 8 ball"),
        # what only says how much, and what is none of the thing's
        ("the best cat in the world", "a cat"),
        ("the letter A made of strawberries", "some strawberries"),
        ("a house made of candy", "a house"),
        ("a bear standing on one leg", "a bear"),
        ("a crocodile brushing its teeth", "a crocodile"),
        ("a pumpkin with a scary face", "a jack-o-lantern"),
        ("a bald man with a beard and glasses", "a man: bald with glasses"),
        ("a cat in a chair", "a cat on a chair"),
        ("a cat in a box", "a cat in a package"),
        ("a cloud with lightning bolt", "a cloud with lightning"),
        ("a spoon, a fork and a knife", "a spoon and a fork and knife"),
    ],
)
def test_what_is_one_thing(sentence: str, said: str, understander: Understander) -> None:
    assert canonical(understander.understand(sentence).scene) == said


@pytest.mark.parametrize(
    ("sentence", "said", "missing"),
    [
        # Verbs are no things
        ("zwei Kinder bauen einen Schneemann", "two children and a snowman", ("bauen",)),
        ("Kinder spielen im Garten", "some children in a garden", ("spielen",)),
        ("ولد يلعب كرة القدم", "a boy and a soccer ball", ("يلعب",)),
        # nor is what asks
        ("kannst du mir ein Einhorn malen?", "a unicorn", ()),
        ("puedes dibujar un perro con sombrero", "a dog with a top hat", ()),
        ("peux-tu me dessiner un chat sur une chaise", "a cat on a chair", ()),
        ("puoi disegnare un drago", "a dragon", ()),
        ("você pode desenhar um peixe azul", "a blue fish", ()),
        # nor how they are together, or taste
        (
            "el sol y la luna tomados de la mano",
            "a sun and a crescent moon",
            ("tomados de la mano",),
        ),
        ("una torta al cioccolato", "a birthday cake", ("al cioccolato",)),
        # places
        ("une maison bleue au bord de la mer", "a blue house on the beach", ()),
        ("ein Hund am Meer", "a dog on the beach", ()),
        ("un gato negro en un sofá rojo", "a black cat on a red couch and lamp", ()),
        # behind the thing
        ("红色的汽车停在房子前面", "a red automobile in front of a house", ()),
        ("房子后面的树", "a deciduous tree behind a house", ()),
        ("木の上の鳥", "a bird on a deciduous tree", ()),
        ("猫が箱の中にいる", "a cat in a package", ()),
        ("कुर्सी पर बिल्ली", "a cat on a chair", ()),
        # what it has before it
        ("一只戴帽子的熊猫", "a panda with a top hat", ()),
        ("熊猫戴帽子", "a panda with a top hat", ()),
        ("赤い帽子をかぶった犬", "a dog with a red top hat", ()),
        ("टोपी के साथ बिल्ली", "a cat with a top hat", ()),
        (
            "桜の木の下でお茶を飲むおばあさん",
            "an old woman with a hot beverage under a cherry blossom",
            (),
        ),
        # words of Arabic and Russian in other forms
        ("قطة سوداء فوق القمر", "a black cat above a crescent moon", ()),
        ("القطة السوداء", "a black cat", ()),
        ("три жёлтых цыплёнка", "three yellow baby chicks", ()),
    ],
)
def test_sentences_of_other_languages(
    sentence: str, said: str, missing: tuple[str, ...], understander: Understander
) -> None:
    found = understander.understand(sentence)
    assert (canonical(found.scene), found.missing) == (said, missing)


@pytest.mark.parametrize("sentence", ["een fiets tegen een boom", "dom w górach zimą nocą"])
def test_a_sentence_of_unknown_words_is_not_mended(
    sentence: str, understander: Understander
) -> None:
    found = understander.understand(sentence)
    assert (found.scene.things, dict(found.corrected)) == ((), {})
