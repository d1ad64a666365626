"""English words and forms that captions are written with and sentences are read by.

Each table serves both ways: what a form is written as is what it is read from.
"""

from __future__ import annotations

import re

from limner.language.scene import Relation, Size


def phrases(table: str) -> tuple[str, ...]:
    """The phrases of a table, which bars and ends of lines part."""
    return tuple(filter(None, (each.strip() for each in re.split(r"[|\n]", table))))


# Between two things; the first form is the plain one.
RELATIONS: dict[Relation, tuple[str, ...]] = {
    Relation.LEFT: ("left of", "to the left of", "on the left of"),
    Relation.RIGHT: ("right of", "to the right of", "on the right of"),
    Relation.ABOVE: ("above", "over"),
    Relation.BELOW: ("below", "beneath"),
    Relation.ON: ("on", "on top of", "upon"),
    Relation.UNDER: ("under", "underneath"),
    Relation.IN_FRONT: ("in front of",),
    Relation.BEHIND: ("behind", "in back of"),
    Relation.IN: ("in", "inside", "inside of"),
    Relation.WITH: ("with",),
    Relation.AND: ("and", "next to", "beside", "near", "&"),
}
SIZES: dict[Size, tuple[str, ...]] = {
    Size.SMALL: ("small", "little", "tiny"),
    Size.BIG: ("big", "large", "huge"),
}
COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet"),
    "orange": ("orange",),
    "yellow": ("yellow", "golden"),
    "green": ("green",),
    "blue": ("blue", "azure"),
    "purple": ("purple", "violet"),
    "pink": ("pink",),
    "brown": ("brown",),
    "black": ("black",),
    "white": ("white",),
    "grey": ("grey", "gray"),
}
GROUNDS: dict[str, tuple[str, ...]] = {
    "sky": ("in the sky", "in a blue sky", "up in the sky"),
    "sea": ("in the sea", "on the sea", "at sea", "in the ocean", "on the water", "in the water"),
    "beach": ("on the beach", "at the beach", "on a beach"),
    "grass": ("on the grass", "in the grass", "on a meadow", "in a field", "on the lawn"),
    "snow": ("in the snow", "on snow", "on the snow", "on ice"),
    "desert": ("in the desert", "in a desert"),
    "night": ("at night", "under the stars", "in the night sky"),
    "forest": ("in the forest", "in a forest", "in the woods"),
    "street": ("on the street", "in the street", "on a street", "on the road"),
    "room": ("in a room", "in the room", "indoors"),
    "sunset": ("at sunset", "at dawn", "at dusk"),
    "space": ("in space", "in outer space"),
    "underwater": ("underwater", "under the sea"),
    "garden": ("in a garden", "in the garden"),
    "mountains": ("in the mountains", "in a valley"),
    "moon": ("on the moon",),
    "city": ("in the city", "in a city"),
    "table": ("on a table", "on the table"),
    "rain": ("in the rain", "on a rainy day"),
    "fog": ("in the fog", "on a foggy day"),
    "autumn": ("in autumn", "in the fall"),
}
LIGHTS = {"night": "at night", "sunset": "at sunset"}  # grounds that others may lie in
LIT = tuple(place for place in GROUNDS if place not in ("night", "sunset", "space", "moon"))
DRAWN = (*GROUNDS, *(f"{place} {when}" for place in LIT for when in LIGHTS.values()))
PLAIN_GROUNDS = ("on a {} background", "on {} background", "with a {} background")
NUMBERS = {
    1: ("one", "1"),
    2: ("two", "2", "a pair of", "a couple of"),  # what is written: more is in ALSO_NUMBERS
    3: ("three", "3"),
    4: ("four", "4"),
    5: ("five", "5"),
    6: ("six", "6"),
    7: ("seven", "7"),
    8: ("eight", "8"),
    9: ("nine", "9"),
    10: ("ten", "10"),
    12: ("twelve", "12", "a dozen"),
}
SEVERAL = ("some", "several", "many", "a few", "lots of", "a lot of", "a bunch of")
ARTICLES = ("a", "an")  # of one; "the" says nothing

# Words that say nothing of what is to be seen. In `{}` stands the style, where it is said there.
OPENINGS = (
    "a {} picture of",
    "a {} icon of",
    "a {} sticker of",
    "a {} emoji of",
    "a {} image of",
    "a {} drawing of",
    "a {} illustration of",
)
REQUESTS = ("draw", "draw me", "paint", "show me", "i want", "please draw", "make", "generate")
PRAISE = (
    "cute",
    "beautiful",
    "very beautiful",
    "nice",
    "lovely",
    "pretty",
    "very cute",
    "adorable",
    "simple",
    "funny",
)
QUALITIES = (
    "high quality",
    "very detailed",
    "highly detailed",
    "best quality",
    "masterpiece",
    "4k",
    "transparent background",
    "beautiful",
    "professional",
)
STYLE_AFTER = ("{}, {}", "{} {}", "{}, {} style", "{} {} style", "{} in {} style")
STYLE_FORMS = phrases(
    "{}|{} style|in {} style|in a {} style|in the style of {}|{}-style|in {}|as {}|style {}"
)

# Words that say what is wanted or how well, and words of grammar: nothing that could be drawn.
PICTURES = phrases(
    """
    picture|icon|sticker|emoji|image|drawing|illustration|art|photo|photograph|clipart|clip art
    graphic|artwork|depiction
    """
)
# Written with a vowel and spoken with a consonant, and the other way round.
SPOKEN_CONSONANT = re.compile(r"(uni|use|euro|ewe|one\b|once\b|ukulele)")
SPOKEN_VOWEL = re.compile(r"([aeiou]|hour|honest|x-ray|sos\b|8|11\b|18\b)")
PLURAL = re.compile(r"(?!.*\b(rhinoceros|tennis|fleur-de-lis)$).*[^su]s|.*(people|dice|teeth)")
HEAD_ENDS = re.compile(r" (with|of|on|in|without|behind|over|for|at|and) |[:,]")

IRREGULAR = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "person": "people",
    "mouse": "mice",
    "goose": "geese",
    "tooth": "teeth",
    "foot": "feet",
    "die": "dice",
    "ox": "oxen",
    "cactus": "cacti",
    "leaf": "leaves",
    "wolf": "wolves",
    "knife": "knives",
    "loaf": "loaves",
    "scarf": "scarves",
    "elf": "elves",
    "calf": "calves",
    "shelf": "shelves",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "volcano": "volcanoes",
    "mango": "mangoes",
    "hero": "heroes",
}
UNCHANGED = frozenset(
    {"sheep", "fish", "deer", "moose", "shrimp", "squid", "sushi", "bread", "popcorn", "rice"}
    | {"moai", "spaghetti", "swine", "bacon", "salmon", "tuna", "bison"}
)
MAN = re.compile(r"(?!.*(hu|ger|otto|talis|sha)man).+man")  # snowman, policewoman
HISSING = re.compile(r".*(s|x|z|ch|sh)")


def with_article(words: str) -> str:
    """The words after "a" or "an"; a plural keeps none ("grapes")."""
    if is_plural(words):
        return words
    vowel = SPOKEN_VOWEL.match(words) and not SPOKEN_CONSONANT.match(words)
    return f"{'an' if vowel else 'a'} {words}"


def in_colour(form: str, colour: str) -> str:
    """A phrase of `PLAIN_GROUNDS` with a colour, "on an orange background"."""
    return form.replace("a {}", with_article(colour)).format(colour)


def with_article_within(name: str) -> str:
    """The name with an article for what belongs to it: "house with a garden"."""
    head, of, rest = name.partition(" with ")
    bare = of and rest.split(" ")[0] not in ARTICLES
    return f"{head}{of}{with_article(rest)}" if bare else name


def is_plural(words: str) -> bool:
    """Whether the name is a plural by its form: "grapes", "people with bunny ears"."""
    return PLURAL.fullmatch(HEAD_ENDS.split(words, maxsplit=1)[0]) is not None


def says_colour(name: str) -> bool:
    """Whether a name says one of the basic colours: "red apple", not "apple"."""
    return not COLOURS.keys().isdisjoint(re.split(r"[\s-]", name))


def plural(name: str) -> str:
    """Several of what has this name: "boxes", "slices of pizza"; of a plural the name itself."""
    ends = HEAD_ENDS.search(name)
    head, rest = (name, "") if ends is None else (name[: ends.start()], name[ends.start() :])
    before, _, last = head.rpartition(" ")
    return f"{before} {_plural(last)}".strip() + rest


def _plural(word: str) -> str:
    head, hyphen, last = word.rpartition("-")
    if hyphen:
        return f"{head}-{_plural(last)}"
    if several := IRREGULAR.get(word):
        return several
    if MAN.fullmatch(word):
        return f"{word[:-2]}en"
    if word in UNCHANGED or PLURAL.fullmatch(word):
        return word
    if HISSING.fullmatch(word):
        return f"{word}es"
    return f"{word[:-1]}ies" if re.fullmatch(r".*[^aeiou]y", word) else f"{word}s"
