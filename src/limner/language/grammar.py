"""The small words of a language, by what they say; names of things are the vocabulary's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from limner.language import also_english, english
from limner.language.scene import Relation, Size


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """Words in lower case, of several words with spaces.

    name: of the language, in English. articles: of one thing; those of several are fillers.
    between: what stands before two things that another one is in the middle of.
    sides: a thing's own place, of two that are told apart by it. plain_grounds: phrases with `{}`
    where the colour stands. openings: "picture of". endings: (ending, what stands in its place)
    that lead from a name in another form back to the one in the vocabulary. elided: words that
    lose their last letter before a vowel ("l'") or are written together with what comes after
    them and are a word each, as a regular expression.
    compounds: whether a name before another only says what sort of it is meant. postures: words
    that say nothing before a place ("sitting on"). measures: what stands after a number that counts
    no things ("20 years"). likenesses: what stands before a thing that is none here ("made of").
    varied: what says that each of several things has another colour.
    unpainted: what is said of things and not painted, in words that name others.
    postpositions: relations that stand behind a thing, to it. clauses_first: whether what a thing
    has may stand before it (戴帽子的熊猫).
    pronouns: what stands for a thing that was named; pointing: so after a place alone; others: for
    one more of them; definite: articles of what was named. shaped: what stands behind a thing that
    is none here ("heart shaped"). cases: endings as those, of a name's other forms for one.
    weather: what says before a thing in which ground it is ("snowy").
    prefixes: what is written together with a name and says nothing of it (an Arabic article).
    """

    name: str
    articles: tuple[str, ...] = ()
    numbers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    several: tuple[str, ...] = ()
    colours: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: Mapping[Size, tuple[str, ...]] = field(default_factory=dict)
    relations: Mapping[Relation, tuple[str, ...]] = field(default_factory=dict)
    between: tuple[str, ...] = ()
    sides: Mapping[Relation, tuple[str, ...]] = field(default_factory=dict)
    grounds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    plain_grounds: tuple[str, ...] = ()
    style_forms: tuple[str, ...] = ("{}",)
    openings: tuple[str, ...] = ()
    fillers: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    writings: tuple[str, ...] = ()
    endings: tuple[tuple[str, str], ...] = ()
    elided: str = ""
    compounds: bool = False
    postures: frozenset[str] = frozenset()
    measures: frozenset[str] = frozenset()
    likenesses: tuple[str, ...] = ()
    pronouns: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    pointing: tuple[str, ...] = ()
    definite: tuple[str, ...] = ()
    shaped: tuple[str, ...] = ()
    cases: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[str, ...] = ()
    weather: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    varied: tuple[str, ...] = ()
    unpainted: tuple[str, ...] = ()
    postpositions: Mapping[Relation, tuple[str, ...]] = field(default_factory=dict)
    clauses_first: bool = False

    def stems(self, key: str) -> Iterator[tuple[str, bool]]:
        """What a word may be another form of, and whether of several."""
        for table, several in ((self.cases, False), (self.endings, True)):
            for ending, instead in table:
                if (key.endswith(ending) and len(key) > len(ending) + 1) or key == ending:
                    yield key.removesuffix(ending) + instead, several
        for prefix in self.prefixes:
            if key.startswith(prefix) and len(key) > len(prefix) + 1:
                yield key.removeprefix(prefix), False

    @cached_property
    def words(self) -> frozenset[str]:
        """All of them but the colours, whose words name things too (a rose)."""
        tables = (
            self.numbers,
            self.sizes,
            self.relations,
            self.postpositions,
            self.sides,
            self.grounds,
        )
        listed = (
            self.articles,
            self.between,
            self.several,
            self.openings,
            self.fillers,
            self.negations,
            self.unpainted,
        )
        several = (words for table in tables for words in table.values())
        return frozenset(word for words in (*several, *listed) for word in words)


def _both(
    first: Mapping[Relation, tuple[str, ...]], second: Mapping[Relation, tuple[str, ...]]
) -> dict[Relation, tuple[str, ...]]:
    return {relation: words + second.get(relation, ()) for relation, words in first.items()}


def _toned() -> dict[str, tuple[str, ...]]:
    """The colours with all that is read as one: "light blue", "turquoise"."""
    return {
        colour: (
            *words,
            *also_english.ALSO_COLOURS.get(colour, ()),
            *(f"{tone} {word}" for tone in also_english.TONES for word in words),
        )
        for colour, words in english.COLOURS.items()
    }


def _openings() -> tuple[str, ...]:
    """Every word for a picture, with what leads on to what it shows; so of what holds things."""
    words = [*english.PICTURES, *(f"{word}s" for word in english.PICTURES)]
    both = (f"{word} {of}" for word in words for of in also_english.SHOWING)
    return (*both, *(f"{word} of" for word in also_english.ALSO_PICTURES), *also_english.HOLDING)


ENGLISH = Grammar(
    name="English",
    articles=english.ARTICLES,
    numbers={
        number: english.NUMBERS.get(number, ()) + also_english.ALSO_NUMBERS.get(number, ())
        for number in sorted(english.NUMBERS.keys() | also_english.ALSO_NUMBERS.keys())
    },
    several=english.SEVERAL + also_english.ALSO_SEVERAL,
    colours=_toned(),
    sizes={size: words + also_english.ALSO_SIZES[size] for size, words in english.SIZES.items()},
    relations=_both(english.RELATIONS, also_english.ALSO_RELATIONS),
    between=also_english.BETWEEN,
    sides=also_english.SIDES,
    grounds={
        place: words + also_english.ALSO_GROUNDS[place] for place, words in english.GROUNDS.items()
    },
    weather=also_english.WEATHER,
    plain_grounds=(*english.PLAIN_GROUNDS, *also_english.ALSO_PLAIN_GROUNDS),
    style_forms=english.STYLE_FORMS,
    openings=_openings(),
    fillers=(
        *english.PICTURES,
        *english.REQUESTS,
        *english.PRAISE,
        *english.QUALITIES,
        *also_english.ALSO_FILLERS,
    ),
    negations=also_english.NEGATIONS,
    writings=also_english.WRITINGS,
    compounds=True,
    postures=frozenset(also_english.POSTURES),
    measures=frozenset(also_english.MEASURES),
    likenesses=also_english.LIKENESSES,
    pronouns=also_english.PRONOUNS,
    others=also_english.OTHERS,
    pointing=also_english.POINTING,
    definite=also_english.DEFINITE,
    shaped=also_english.SHAPED,
    varied=also_english.VARIED,
)
