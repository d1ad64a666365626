"""Words for what was named before: "a white one", "another", "behind her", "the dog is brown".

And for some of it: "two cats, black and brown".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from limner.language.english import says_colour
from limner.language.grammar import Grammar
from limner.language.parts import thing_follows
from limner.language.words import LOOKS, Kind, Word, is_and

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


def shared_colours(words: Sequence[Word]) -> list[Word]:
    """The words with a "one" before each of as many colours as there are things before them.

    "three balloons: red, yellow and green" are those of "one red, one yellow and one green".
    """
    found = [*words]
    for place in reversed(range(1, len(words))):
        number, thing = words[place - 1 : place + 1]
        if thing.kind is Kind.CONCEPT and number.kind is Kind.NUMBER:
            colours = _colours_after(words, place)
            if len(colours) == int(number.meaning) > 1:
                for each in reversed(colours):
                    found.insert(each, replace(words[each], kind=Kind.NUMBER, meaning="1"))
    return found


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
