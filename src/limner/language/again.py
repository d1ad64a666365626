"""Words for what was named before: "a white one", "another", "behind her", "the dog is brown".

And for some of it: "two cats, black and brown".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from limner.language.english import says_colour
from limner.language.grammar import Grammar
from limner.language.parts import thing_follows
from limner.language.scene import Relation
from limner.language.words import LOOKS, Kind, Word, is_and

SEVERAL = (Kind.NUMBER, Kind.SEVERAL)
COUNTING = (Kind.ARTICLE, *SEVERAL)
PASSING = (Kind.PAUSE, Kind.RELATION, Kind.ARTICLE, Kind.FILLER, Kind.UNKNOWN)
SOME = 3  # things where no number is said
EACH = (  # colours of so many
    *("red", "yellow", "blue", "green", "orange", "purple", "pink", "brown", "black", "white"),
)
ENDS = (Kind.PAUSE, Kind.RELATION, Kind.GROUND, Kind.SIDE, Kind.BETWEEN)


def named_again(words: Sequence[Word], grammar: Grammar) -> list[Word]:
    """The words with those for what was named as what they stand for."""
    found = list[Word]()
    for place, word in enumerate(words):
        thing, rest = _last_thing(found), words[place + 1 :]
        said = word.text.casefold()
        if thing is None:
            found.append(word)
        elif _ends(rest) and said in grammar.others and (_looks(found) or not _ones(said)):
            again = replace(word, kind=Kind.CONCEPT, meaning=thing.meaning, several=said == "ones")
            found.append(word if _ones(said) and _may_be_shared(found) else again)
        elif said in grammar.pointing and _is_place(found) and _follows(rest):
            found.append(replace(word, kind=Kind.PRONOUN))
        elif word.kind is Kind.CONCEPT and _is_definite(found, grammar) and _was_named(word, found):
            found.append(replace(word, kind=Kind.AGAIN))
        else:
            found.append(word)
    return found


def said_again(words: Sequence[Word]) -> list[Word]:
    """The words without a second name of the same thing: "cat, kitten", "tea in a cup".

    Two that are counted, or joined by "and", are two things: "a puppy and a dog".
    """
    found = [*words]
    named = [place for place, word in enumerate(words) if word.kind is Kind.CONCEPT]
    for first, second in pairwise(named):
        one, other = words[first], words[second]
        between = words[first + 1 : second]
        within = any(each.meaning == Relation.IN.value for each in between)
        counted = first > 0 and words[first - 1].kind in COUNTING
        joined = any(is_and(each) or each.kind not in PASSING for each in between)
        another = one.text.casefold() != other.text.casefold() and not (
            one.several or other.several
        )
        if one.meaning == other.meaning and another and not joined and (within or not counted):
            for place in range(first + 1, second + 1):
                if words[place].kind is not Kind.UNKNOWN:
                    found[place] = replace(words[place], kind=Kind.FILLER)
    return found


def shared_colours(words: Sequence[Word], varied: Collection[str] = ()) -> list[Word]:
    """The words with a "one" before each of as many colours as there are things before them.

    "three balloons: red, yellow and green" are those of "one red, one yellow and one green".
    varied: what says that each has another one: "in different colors".
    """
    found = _told_apart(words, varied)
    words = [*found]
    for place in reversed(range(1, len(words))):
        before = place - 1
        while before > 0 and words[before].kind is Kind.SIZE:
            before -= 1
        number, thing = words[before], words[place]
        if thing.kind is Kind.CONCEPT and number.kind is Kind.NUMBER:
            colours = _colours_after(words, place)
            if len(colours) == int(number.meaning) > 1:
                for each in reversed(colours):
                    found.insert(each, replace(words[each], kind=Kind.NUMBER, meaning="1"))
    return found


def _told_apart(words: Sequence[Word], varied: Collection[str]) -> list[Word]:
    """The words with colours in place of one that says that each thing has another.

    Colours stand behind the thing, and a number before it where none was said.
    """
    at = next((n for n, word in enumerate(words) if word.text.casefold() in varied), None)
    thing = None if at is None else _thing_of(words, at)
    if at is None or thing is None:
        return [*words]
    start = min(at, thing)
    while start > 0 and words[start - 1].kind in (*LOOKS, Kind.FILLER):
        start -= 1
    number = words[start - 1] if start and words[start - 1].kind in SEVERAL else None
    count = SOME if number is None or number.kind is Kind.SEVERAL else int(number.meaning)
    several = words[thing].several or number is not None
    if not several or not 1 < count <= len(EACH):
        return [*words]
    colours = (replace(words[at], kind=Kind.COLOUR, meaning=EACH[n]) for n in range(count))
    counted = replace(words[at], kind=Kind.NUMBER, meaning=str(count))
    kept = words[: start - (number is not None)]
    looks = (word for n, word in enumerate(words) if start <= n < thing and n != at)
    rest = (word for n, word in enumerate(words) if n > thing and n != at)
    return [*kept, counted, *looks, words[thing], *colours, *rest]


def _thing_of(words: Sequence[Word], at: int) -> int | None:
    """Where the thing stands of which a word says how it looks: after it, or before."""
    things = [n for n, word in enumerate(words) if word.kind is Kind.CONCEPT]
    if thing_follows(words[at + 1 :]):
        return next(n for n in things if n > at)
    return max((n for n in things if n < at), default=None)


def _colours_after(words: Sequence[Word], place: int) -> list[int]:
    """Where the colours stand that follow a thing with pauses and "and" between them alone."""
    found = list[int]()
    for at in range(place + 1, len(words)):
        word = words[at]
        if word.kind is Kind.COLOUR:
            found.append(at)
        elif not (word.kind in (Kind.PAUSE, Kind.FILLER) or is_and(word)):
            break
    last = found[-1] + 1 if found else place
    both = {words[each].meaning for each in found} == {"black", "white"}  # as cats and pandas are
    return [] if both or thing_follows(words[last:]) else found


def _last_thing(words: Sequence[Word]) -> Word | None:
    return next((word for word in reversed(words) if word.kind is Kind.CONCEPT), None)


def _ones(said: str) -> bool:
    """Whether it is one of several that may have been counted: "two cats, a black one"."""
    return said.startswith("one")


def _may_be_shared(words: Sequence[Word]) -> bool:
    """Whether several were named last, and nothing said of how they look."""
    places = [place for place, word in enumerate(words) if word.kind is Kind.CONCEPT]
    last, before = words[places[-1]], words[places[-1] - 1 : places[-1]]
    return last.several and not says_colour(last.text.casefold()) and not _looks(before)


def _looks(words: Sequence[Word]) -> bool:
    return bool(words) and words[-1].kind in LOOKS


def _ends(rest: Sequence[Word]) -> bool:
    """Whether no thing comes next; how it looks may: "another one white"."""
    after = rest[1:] if rest and rest[0].kind in LOOKS else rest
    return not after or after[0].kind in ENDS


def _is_place(words: Sequence[Word]) -> bool:
    return bool(words) and words[-1].kind is Kind.RELATION


def _follows(rest: Sequence[Word]) -> bool:
    """Whether what comes next begins anew, so that the word is no "her" of "her dog"."""
    return not rest or rest[0].kind in (*ENDS, Kind.ARTICLE, Kind.NUMBER)


def _is_definite(words: Sequence[Word], grammar: Grammar) -> bool:
    """Whether "the" was said of the thing that comes now."""
    for word in reversed(words):
        if word.kind is not Kind.FILLER:
            return False
        if word.text.casefold() in grammar.definite:
            return True
    return False


def _was_named(word: Word, before: Sequence[Word]) -> bool:
    return not word.several and any(
        each.kind is Kind.CONCEPT and each.meaning == word.meaning for each in before
    )
