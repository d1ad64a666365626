"""Prompts of the shipped model as they are painted, and what is told of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sentence_tables import rows

from limner.checkpoints import Words
from limner.data.captions import canonical
from limner.data.colours import Colour
from limner.data.grounds import Place
from limner.data.records import Record
from limner.emoji import LANGUAGES, EmojiLanguage
from limner.pipeline.language import Language

COLLAGES = {row.partition(" -> ")[0]: row.partition(" -> ")[2] for row in rows("collages.txt")}


@pytest.fixture(scope="module")
def language(words: Words) -> EmojiLanguage:
    return EmojiLanguage(words)


def test_the_shipped_model_names_its_language(shipped: Words) -> None:
    assert isinstance(LANGUAGES[shipped.language](shipped), Language)
    assert shipped.plain_style in shipped.styles


@pytest.mark.parametrize("row", rows("prompts.txt"))
def test_sixty_ordinary_prompts_as_one_painting(row: str, language: EmojiLanguage) -> None:
    prompt, _, expected = row.partition(" -> ")
    painted, layout, notes = expected.split(" | ", 2)
    reading = language.read(prompt, collages=False)
    assert reading.prompt == painted
    assert (reading.layout or "-") == layout
    assert " || ".join(reading.notes) == notes


@pytest.mark.parametrize("row", rows("prompts.txt"))
def test_sixty_ordinary_prompts(row: str, language: EmojiLanguage) -> None:
    """What one painting does not say all of is a collage; all others are as they were."""
    prompt, _, _ = row.partition(" -> ")
    reading = language.read(prompt)
    expected = COLLAGES.get(prompt)
    if expected is None:
        assert reading == language.read(prompt, collages=False)
        return
    name, parts, notes = expected.split(" | ", 2)
    said = [f"{r.text} [{r.colour}]" if r.colour else r.text for r in reading.regions]
    behind = f" on {reading.ground}" if reading.ground else ""
    assert reading.layout == "collage"
    assert (reading.prompt, " + ".join(said) + behind) == (name, parts)
    assert " || ".join(reading.notes) == notes


@pytest.mark.parametrize(
    ("prompt", "painted", "layout"),
    [
        ("a cat <lora:x:1> left of a dog", "a cat AND a dog <lora:x:1>", "beside"),
        ("<lora:x:.5>a crown above a frog <q:r>",
         "a crown AND a frog <lora:x:.5> <q:r>", "stacked"),
        ("a car:1.2 <lora:x:1> AND a dog", "an automobile:1.2 AND a dog <lora:x:1>", None),
        ("a catt, noto <lora:x:1>", "a cat, noto <lora:x:1>", None),
        *((same, same, None) for same in (
            "<lora:x:.5> a red apple, 3d",  # nothing to change: the tag stays where it is
            "a zyzzyva cat <lora:x:1> and a dog",  # a word that the LoRA may have taught
            "(a cat:1.2) <lora:x:1> and a dog",
            "[<lora:x:1>:a cat:5]",
        )),
    ],
)  # fmt: skip
def test_a_tag_is_of_the_whole_sentence(
    prompt: str, painted: str, layout: str | None, language: EmojiLanguage
) -> None:
    reading = language.read(prompt, collages=False)
    assert (reading.prompt, reading.layout) == (painted, layout)
    assert language.read(reading.prompt, collages=False).prompt == painted


def test_a_tag_is_of_every_part_of_a_collage(language: EmojiLanguage) -> None:
    reading = language.read("a cat <lora:x:1> left of a dog")
    assert reading.prompt == "a cat <lora:x:1> left of a dog"
    assert [r.text for r in reading.regions] == ["a cat <lora:x:1>", "a dog <lora:x:1>"]


@pytest.mark.parametrize("prompt", ["un chat noir", "eine kleine blaue Katze", "a big green catt"])
def test_what_is_not_painted_is_told_once(prompt: str, language: EmojiLanguage) -> None:
    reading = language.read(prompt, collages=False)
    assert reading.prompt == "a cat, 3d"
    assert reading.notes[0].startswith("read as: a cat (")
    assert "not painted: the colour" in reading.notes[1]


@pytest.mark.parametrize("row", [*rows("prompts.txt"), *rows("sentences.txt")])
def test_what_comes_of_a_reading_is_read_as_itself(row: str, language: EmojiLanguage) -> None:
    first = language.read(row.partition(" -> ")[0])
    again = language.read(first.prompt)
    assert again.prompt == first.prompt
    assert (again.regions, again.ground) == (first.regions, first.ground)
    if first.regions:
        assert all(note.startswith("read as") for note in again.notes)
        return
    assert all("is a guess" in note for note in again.notes[:1])
    if not first.notes or "is a guess" not in first.notes[0]:
        assert again.notes == ()


def test_captions_of_the_training_are_read_as_themselves(shipped: Words) -> None:
    language = EmojiLanguage(replace(shipped, accuracy={}))  # what of them it paints badly is told
    for concept in shipped.concepts:
        for style in shipped.styles:
            prompt = canonical(Record(picture=0, concept=concept, style=style))
            reading = language.read(prompt)
            assert (reading.prompt, reading.layout, reading.notes) == (prompt, None, ())


@pytest.mark.parametrize(
    ("prompt", "painted", "told"),
    [
        ("a dog house", "a house, 3d", "not painted: 'dog' (said of another thing)"),
        ("a dog tree", "a deciduous tree, 3d", "not painted: 'dog' (said of another thing)"),
    ],
)
def test_a_name_before_a_name_is_told(
    language: EmojiLanguage, prompt: str, painted: str, told: str
) -> None:
    reading = language.read(prompt)
    assert (reading.prompt, reading.notes) == (painted, (told,))


@pytest.mark.parametrize(
    ("prompt", "unused"),
    [
        ("a car on the moon at night", "at night"),
        ("a car on the beach in the city at night", "in the city"),
        ("a blue red cat", "red"),
        ("a blue cat, red", "red"),
        ("a small big cat", "big"),
        ("a cat, 3d, flat", "flat"),
        ("un chat noir et blanc", "blanc"),
        ("a red red apple, small and tiny, 3d, 3d", None),
    ],
)
def test_of_what_is_said_twice_the_first_counts_and_it_is_told(
    language: EmojiLanguage, prompt: str, unused: str | None
) -> None:
    told = f"not painted: {unused!r} (the first that is said counts)"
    notes = [note for note in language.read(prompt).notes if note.startswith("not painted")]
    assert notes == ([] if unused is None else [told])


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("a cat on a mat", "not painted: 'mat' (not known)"),
        ("a blue cat", "not painted: the colour 'blue' of 'cat'"),
        ("a tiny cat", "not painted: the size 'small' of 'cat'"),
        ("a cat at the beach", "not painted: 'at the beach' (no grounds)"),
        ("a cat without a tail", "(what is not wanted is for the negative prompt)"),
        ('a cat, "MIAU"', "not painted: 'MIAU' (it writes no text)"),
        ("a cat behind a dog", "'behind' (painted beside)"),
        ("a rabbit in a top hat", "'in' (painted above)"),
        ("seven cats", "not painted: 7 things: 4 at most are painted"),
        ("three cats", "3 things apart (more than 2 in a row may run together)"),
        ("a cat, anime", "(its styles are 3d, flat, twemoji, noto, blob, emojione)"),
        ("a catt", "read as: a cat (catt: cat)"),
        ("a poodle", "read as: a dog (poodle: a kind of dog)"),
        ("ein Hund", "read as: a dog (German)"),
        ("a cat and a dog", "read as: a cat and a dog (side by side)"),
        ("🤖", "no word of '🤖' is one that this model knows"),
        ("a 🤖 and a cat", "not painted: '🤖 (robot)' (not known)"),
    ],
)
def test_every_note(prompt: str, told: str, language: EmojiLanguage) -> None:
    assert any(told in note for note in language.read(prompt, collages=False).notes)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("a blue cat", "read as: a blue cat (colours turned afterwards)"),
        ("seven cats", "read as: seven cats (each painted by itself)"),
        ("thirteen cats", "not painted: 13 things: 12 at most are painted"),
        ("40 cats", "not painted: 40 things: 12 at most are painted"),
        ("a cat on a mat at night", "not painted: 'mat' (not known)"),
        ("a rainbow at the beach", "('rainbow' is a whole picture by itself)"),
        ("a cat on the grass, anime", "(its styles are 3d, flat, twemoji, noto, blob, emojione)"),
    ],
)
def test_every_note_of_a_collage(prompt: str, told: str, language: EmojiLanguage) -> None:
    assert any(told in note for note in language.read(prompt).notes)


@pytest.mark.parametrize(
    "prompt", ["a red car", "a grey elephant", "a cat", "a car, flat", "cute cat, high quality", ""]
)
def test_nothing_is_told_where_all_is_painted(prompt: str, language: EmojiLanguage) -> None:
    assert language.read(prompt).notes == ()


def test_what_a_model_has_is_painted_and_not_told(words: Words) -> None:
    able = EmojiLanguage(replace(words, colours=("blue",), grounds=("beach",), plain_style=""))
    reading = able.read("a blue cat on the beach")
    assert reading.prompt == "a blue cat on the beach"
    assert reading.notes == ()


@pytest.mark.parametrize(
    ("prompt", "colour"),
    [
        ("a blue butterfly", "blue"),  # which is orange by itself
        ("a white snowflake", "white"),
        ("a black top hat", "black"),
        ("a red credit card", "red"),  # whose name has the letters of a colour in it
        ("a red apple", None),
        ("a green frog", None),
    ],
)
def test_a_colour_is_turned_where_the_thing_has_not_got_it(
    prompt: str, colour: str | None, shipped: Words
) -> None:
    reading = EmojiLanguage(shipped).read(prompt)
    assert [region.colour for region in reading.regions] == ([colour] if colour else [])


def test_concepts_that_are_painted_badly_are_told(words: Words) -> None:
    poor = EmojiLanguage(replace(words, accuracy={"cat": 0.38, "dog": 0.5}))
    assert poor.read("two cats").notes[-1] == "mostly painted wrongly: 'cat' (38% right)"
    assert poor.read("a dog").notes == ()


def test_each_is_told_in_a_line_so_that_its_own_picture_adds_none(words: Words) -> None:
    poor = EmojiLanguage(replace(words, accuracy={"cat": 0.38, "dog": 0.2}))
    alone = (*poor.read("a cat").notes, *poor.read("a dog").notes)
    assert len(alone) == 2
    assert poor.read("a cat and a dog").notes[-2:] == alone


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("(a car:1.3), 3d", "(an automobile:1.3), 3d"),
        ("a [car|boat], flat", "a [automobile|sailboat], flat"),
        ("[cat:dog:0.5]", "[cat:dog:0.5]"),
        ("a car <lora:car:0.7>", "an automobile <lora:car:0.7>"),
        ("a car AND a tree", "an automobile, 3d AND a deciduous tree, 3d"),
        (
            "a car, flat :1.2 AND a tree, flat :0.5",
            "an automobile, flat :1.2 AND a deciduous tree, flat :0.5",
        ),
        ("a cat, 3d AND (a car:1.2)", "a cat, 3d AND (an automobile:1.2)"),
        ("a car BREAK a tree", "an automobile BREAK a deciduous tree"),
    ],
)
def test_prompts_of_a_dialect_keep_their_meaning(
    prompt: str, read: str, language: EmojiLanguage
) -> None:
    reading = language.read(prompt)
    assert reading.prompt == read
    assert reading.layout is None
    assert reading.notes == ()
    assert language.read(read).prompt == read


def test_learned_words_are_kept(language: EmojiLanguage) -> None:
    assert language.read("a Sks cat", kept=("sks",)).prompt == "a Sks cat"
    assert language.read("a cat", kept=("sks",)).prompt == "a cat, 3d"


def test_one_text_for_the_whole(language: EmojiLanguage) -> None:
    reading = language.read("a car left of two trees, flat", whole=True)
    assert reading.prompt == "an automobile and a deciduous tree and a deciduous tree, flat"
    assert reading.layout is None
    assert language.read("a car", whole=True).prompt == "an automobile"
    assert language.read("a car").prompt == "an automobile, 3d"


def test_a_prompt_in_brackets_that_nobody_knows_is_a_guess(language: EmojiLanguage) -> None:
    [note] = language.read("(xyzzy:1.2)").notes
    assert "is a guess" in note


@pytest.fixture(scope="module")
def taught(words: Words) -> EmojiLanguage:
    """The language of a model that was taught colours and grounds beside."""
    colours = tuple(colour.value for colour in Colour)
    grounds = tuple(place.value for place in Place if place is not Place.PLAIN)
    return EmojiLanguage(replace(words, colours=colours, grounds=grounds))


@pytest.mark.parametrize(
    ("prompt", "painted"),
    [
        ("a blue cat", "a blue cat, 3d"),
        ("un chat noir, flat", "a black cat, flat"),
        ("a violet car", "a purple automobile, 3d"),
        ("a blue apple", "a blue apple, 3d"),
        ("a red apple", "a red apple, 3d"),
        ("a yellow banana", "a banana, 3d"),
        ("a cat at the beach", "a cat on the beach, 3d"),
        ("a rocket under the stars", "a rocket at night, 3d"),
        ("a cat on a blue background", "a cat on a blue background, 3d"),
        (
            "a green car left of a yellow house in the snow",
            "a green automobile in the snow, 3d AND a yellow house in the snow, 3d",
        ),
    ],
)
def test_colours_and_grounds_that_were_taught_are_painted(
    prompt: str, painted: str, taught: EmojiLanguage
) -> None:
    reading = taught.read(prompt, collages=False)
    assert reading.prompt == painted
    assert not any("not painted" in note for note in reading.notes)
    assert taught.read(painted, collages=False).prompt == painted


def test_picture_of_a_whole_place_has_no_ground_and_that_is_told(taught: EmojiLanguage) -> None:
    reading = taught.read("a rainbow over the sea")
    assert reading.prompt == "a rainbow, 3d"
    assert reading.notes == (
        "not painted: 'over the sea' ('rainbow' is a whole picture by itself)",
    )


def test_ground_that_was_not_taught_is_told(words: Words) -> None:
    few = EmojiLanguage(replace(words, grounds=("beach",)))
    assert few.read("a cat on the beach").notes == ()
    alone = few.read("a cat in the snow", collages=False)
    assert "'in the snow' (not among its grounds)" in alone.notes[0]
    assert few.read("a cat in the snow").ground == "snow"


@pytest.mark.parametrize(
    ("prompt", "painted"),
    [
        ("thinking emoji", "a thinking face, 3d"),
        ("a sad emoji", "a crying face, 3d"),
        ("cool emoji", "a smiling face with sunglasses, 3d"),
        ("dog emoji", "a dog, 3d"),
        ("emoji of a fire", "a fire, 3d"),
        ("a letter", "an envelope, 3d"),
        ("a house with a garden", "a house with garden, 3d"),
    ],
)
def test_emoji_as_people_call_them(prompt: str, painted: str, shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read(prompt)
    assert (reading.prompt, reading.notes) == (painted, ())


@pytest.mark.parametrize("prompt", ["the letter A", "american flag", "hello there", "so cool"])
def test_what_names_nothing_is_told_as_a_guess(prompt: str, shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read(prompt)
    assert reading.prompt == prompt
    assert "is a guess" in reading.notes[0]


@pytest.mark.parametrize("prompt", ["no cat", "without a top hat"])
def test_of_what_is_not_to_be_there_nothing_is_painted(prompt: str, shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read(prompt)
    guess = f"{prompt!r} says of nothing that it is to be there, so the picture is a guess"
    told = f"not painted: {prompt!r} (what is not wanted is for the negative prompt)"
    assert (reading.prompt, reading.notes) == ("", (guess, told))


def test_many_of_one_kind_are_counted(shipped: Words) -> None:
    language = EmojiLanguage(shipped)
    for prompt in ("\N{CAT}\N{CAT}\N{CAT}", "a cat and a cat and a cat"):
        assert language.read(prompt).notes[0].startswith("read as: three cats")
    assert len(language.read("\N{CAT}" * 1000).regions) == 12


@pytest.mark.parametrize(
    ("prompt", "painted", "sign"),
    [
        ("two (cars)", "two (automobiles)", "("),
        ("a blue (thing:1.2) on a mat, cat", "a blue (thing:1.2) on a mat, cat", "("),
        ("(best quality:1.2), two cats", "(best quality:1.2), two cats", "("),
    ],
)
def test_what_a_dialect_keeps_from_being_laid_out_is_told(
    prompt: str, painted: str, sign: str, language: EmojiLanguage
) -> None:
    reading = language.read(prompt)
    assert (reading.prompt, reading.regions) == (painted, ())
    assert reading.notes == (
        "one text for all of it, not laid out: a prompt with signs such as "
        f"{sign!r} keeps all its words",
    )
    assert language.read(prompt, collages=False).notes == ()


@pytest.mark.parametrize(
    ("prompt", "like"),
    [
        ("TWO BLUE CATS AND A DOG", "two blue cats and a dog"),
        ('"a cat wearing a hat"', "a cat wearing a hat"),
        ("\u201ca cat and a dog\u201d", "a cat and a dog"),
        ("a blue cat at 10:30", "a blue cat"),
        ("cat \N{CAT}", "cat"),
        ("a dog \N{DOG FACE}", "a dog"),
        ("a painting of a cat", "a cat"),
        ("a cat with a hat on its head", "a cat with a hat"),
        ("a light blue car", "a blue car"),
        ("a cup of green tea", "green tea"),
        ("police woman", "policewoman"),
        ("firetruck", "fire truck"),
        ("polar-bear", "polar bear"),
        ("puppys", "puppies"),
        ("two people hugging", "people hugging"),
        ("lion face", "lion"),
        ("running", "person running"),
        ("a girl running", "a woman running"),
        ("a dancing woman", "a woman dancing"),
        ("a female doctor", "a woman health worker"),
        ("a male nurse", "a man health worker"),
        ("flowers", "a bouquet"),
        ("two flowers", "two hibiscuses"),
        ("half a dozen eggs", "six eggs"),
        ("a swarm of bees", "bees"),
        ("a bird flies over a house", "a bird above a house"),
        ("a dog sitting in front of a house", "a dog in front of a house"),
        ("a dog lying on the beach", "a dog on the beach"),
        ("a red and a blue car", "a red car and a blue car"),
        ("a tree with a cat under it", "a cat under a tree"),
        ("a box with a cat inside", "a cat in a box"),
        ("a christmas tree with presents underneath", "three presents under a christmas tree"),
        ("a family of bears", "bears"),
        ("a bunch of apples", "apples"),
        ("a car colored red", "a red car"),
        ("sun flower", "sunflower"),
        ("a vase of flowers", "a bouquet"),
        ("a bouquet of red roses", "red roses"),
        ("a basket full of apples", "a basket with apples"),
        ("trois bougies", "three candles"),
        ("drei Vögel", "three birds"),
        ("zwei Bücher", "two open books"),
    ],
)
def test_what_means_the_same_is_painted_alike(prompt: str, like: str, shipped: Words) -> None:
    language = EmojiLanguage(replace(shipped, accuracy={}))
    reading, other = language.read(prompt), language.read(like)
    assert (reading.prompt, reading.regions) == (other.prompt, other.regions)
    assert not any("not painted" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("prompt", "like", "told"),
    [
        ("a 20 year old woman", "a woman", "'20 year old' (not known)"),
        ("a two headed dragon", "a dragon", "'two headed' (not known)"),
        ("a dog made of pizza", "a dog", "'made of pizza' (not known)"),
        ("a heart shaped box", "a box", "'heart shaped' (not known)"),
        ("a cat with blue eyes", "a cat", "'blue eyes' (said of another thing)"),
        ("a dog with a bone in its mouth", "a dog with a bone", "'its mouth' (said of another"),
        ("a black man", "a man", "'black' (people are painted as they are)"),
        (
            "\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-6}",
            "\N{THUMBS UP SIGN}",
            "a tone of skin (people are painted as they are)",
        ),
        ("a red haired boy", "a boy", "'red haired' (not known)"),
        ("a black and white dog", "a black dog", "'white' (the first that is said counts)"),
        ("don't draw a dog, draw a cat", "a cat", '"don\'t draw a dog" (what is not wanted'),
        ("not a cat but a dog", "a dog", "'not a cat' (what is not wanted"),
        ("a cat instead of a dog", "a cat", "'instead of a dog' (not known)"),
        ("two cats --ar 16:9", "two cats", "'--ar 16:9' (an option of another program)"),
        ("a man waves", "a man", "'waves' (said of another thing)"),
        ("a woman with red hair and green eyes", "a woman with red hair", "'green eyes' (said"),
        ("a rabbit with long ears", "a rabbit", "'long ears' (said of another thing)"),
        ("a three layer cake", "a birthday cake", "'three', 'layer' (not known)"),
        ("a green eyed dog", "a dog", "'green eyed' (not known)"),
        ("a dog --no cat", "a dog", "'without cat' (what is not wanted"),
        ("a cat like a tiger", "a cat", "'like a tiger' (not known)"),
        ("a house on fire", "a house", "'on fire' (not known)"),
        ("a man goes fishing", "a man", "'goes', 'fishing' (not known)"),
        ("a cat on", "a cat", "'on' (the first that is said counts)"),
    ],
)
def test_what_is_left_out_is_told(prompt: str, like: str, told: str, shipped: Words) -> None:
    language = EmojiLanguage(replace(shipped, accuracy={}))
    reading, other = language.read(prompt), language.read(like)
    assert (reading.prompt, reading.regions) == (other.prompt, other.regions)
    assert told in " ".join(reading.notes)


@pytest.mark.parametrize(
    "prompt", ["mexico", "rome", "america", "toward", "baseball bat", "barbie"]
)
def test_a_name_of_a_place_is_no_misspelt_thing(prompt: str, shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read(prompt)
    assert reading.prompt == prompt
    assert "is a guess" in reading.notes[0]


@pytest.mark.parametrize(
    ("prompt", "read_as"),
    [
        ("a little gril", "a girl (gril: girl)"),
        ("a gren tree", "a green deciduous tree (gren: green)"),
        ("christmass tree", "a christmas tree (christmass: christmas)"),
    ],
)
def test_the_word_with_the_same_letters_is_nearer(
    prompt: str, read_as: str, shipped: Words
) -> None:
    assert EmojiLanguage(shipped).read(prompt).notes[0] == f"read as: {read_as}"


def test_shoes_are_a_pair(shipped: Words) -> None:
    language = EmojiLanguage(shipped)
    assert language.read("shoes").notes[0].startswith("read as: two running shoes")
    assert language.read("a pair of shoes").regions == language.read("shoes").regions
    assert language.read("three shoes").notes[0].startswith("read as: three running shoes")
    assert language.read("headphones").regions == ()


@pytest.mark.parametrize("thing", ["baby chick", "woman's hat", "man's shoe", "snowman"])
def test_what_only_sounds_like_people_is_turned(thing: str, shipped: Words) -> None:
    (region,) = EmojiLanguage(shipped).read(f"a brown {thing}").regions
    assert region.colour == "brown"


@pytest.mark.parametrize(
    ("prompt", "painted"),
    [
        ("a black kitten", ["a black cat, 3d"]),
        ("a red and a blue heart", ["a red heart, 3d", "a blue heart, 3d"]),
        ("two apples, one red and one green", ["a red apple, 3d", "a green apple, 3d"]),
        ("dos manzanas verdes", ["a green apple, 3d"] * 2),
        ("a black cat and a white one", ["a black cat, 3d", "a cat, 3d"]),
    ],
)
def test_a_thing_whose_name_says_the_colour(
    prompt: str, painted: list[str], shipped: Words
) -> None:
    reading = EmojiLanguage(shipped).read(prompt)
    assert [region.text for region in reading.regions] == painted or reading.prompt == painted[0]


def test_another_colour_takes_the_place_of_the_names(shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read("a brown apple")
    assert reading.notes == ("read as: a brown apple (colours turned afterwards)",)


@pytest.mark.parametrize(
    "prompt", ["een kat onder een boom", "a can", "zomaar iets onbekends met een kat", "it be an"]
)
def test_what_is_hardly_read_is_a_guess(prompt: str, shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read(prompt)
    assert reading.prompt == prompt
    assert "is a guess" in reading.notes[0]


def test_what_somebody_does_is_no_thing_of_its_own(shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read("a man juggling balls")
    assert [r.text for r in reading.regions] == ["a man juggling, 3d"] + ["a soccer ball, 3d"] * 3


@pytest.mark.parametrize("prompt", ["(animals:1.2)", "(a forest:1.2)"])
def test_what_stands_for_others_is_no_word_of_the_model(prompt: str, shipped: Words) -> None:
    reading = EmojiLanguage(shipped).read(prompt)
    assert reading.prompt == prompt
    assert "so the picture is a guess" in reading.notes[0]


@pytest.mark.parametrize(
    ("prompt", "painted", "told"),
    [
        ("an animal", "a dog, 3d", "read as: a dog (animal: for example)"),
        ("Good morning!", "a sunrise, 3d", "read as: a sunrise (Good morning: sunrise)"),
    ],
)
def test_what_stands_for_a_word_is_told(
    prompt: str, painted: str, told: str, shipped: Words
) -> None:
    reading = EmojiLanguage(shipped).read(prompt)
    assert (reading.prompt, reading.notes) == (painted, (told,))
