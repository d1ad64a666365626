"""Words that a model was not taught: what they mean to it, or a warning that they mean nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from limner.checkpoints import Words
from limner.data.captions import content_words, unknown_words
from limner.text.tokenizer import places_of

LONGEST = 3  # words of an entry of a lexicon
WORD = re.compile(r"[^\W_]+(?:['\-][^\W_]+)*")


Found = tuple[tuple[str, str], ...]


def meant(text: str, lexicon: Mapping[str, str], learned: Iterable[str] = ()) -> tuple[str, Found]:
    """The text with each entry of the lexicon as what it means, and (word, meaning) of each.

    Of entries that begin at one place the longest; a plural counts as its singular. learned: words
    that stay as they are, whatever the lexicon knows of their parts.
    """
    if not lexicon:
        return text, ()
    longest = tuple(sorted(learned, key=len, reverse=True))
    pieces, found, last = list[str](), list[tuple[str, str]](), 0
    for start, stop in (*(place for _, place in places_of(longest, text)), (len(text),) * 2):
        between, some = _meant(text[last:start], lexicon)
        pieces += [between, text[start:stop]]
        found += some
        last = stop
    return "".join(pieces), tuple(found)


def _meant(text: str, lexicon: Mapping[str, str]) -> tuple[str, Found]:
    places = [match.span() for match in WORD.finditer(text)]
    pieces, found, last, index = [], list[tuple[str, str]](), 0, 0
    while index < len(places):
        count, concept = _entry(text, places[index : index + LONGEST], lexicon)
        if concept is not None:
            start, end = places[index][0], places[index + count - 1][1]
            pieces += [text[last:start], concept]
            found.append((text[start:end], concept))
            last = end
        index += count
    return "".join([*pieces, text[last:]]), tuple(found)


def warnings(words: Words | None, prompt: str, learned: Iterable[str] = ()) -> tuple[str, ...]:
    """What to say of the words of a prompt that were not in the model's captions, nor learned."""
    if words is None:
        return ()
    _, found = meant(prompt, words.lexicon, learned)
    said = tuple(
        f"{word!r} was not in this model's captions and is painted as {concept!r}"
        for word, concept in dict.fromkeys(found)
    )
    return said or _nothing_known(words, prompt)


def _entry(
    text: str, places: list[tuple[int, int]], lexicon: Mapping[str, str]
) -> tuple[int, str | None]:
    """How many words the longest entry has that begins here, and its meaning; (1, None): none."""
    for count in range(len(places), 0, -1):
        phrase = " ".join(text[places[0][0] : places[count - 1][1]].lower().split())
        for entry in (phrase, phrase.removesuffix("s"), phrase.removesuffix("es")):
            if entry in lexicon:
                return count, lexicon[entry]
    return 1, None


def _nothing_known(words: Words, prompt: str) -> tuple[str, ...]:
    """A warning if no word for a thing was in the model's captions; nothing to say otherwise."""
    asked = set(content_words(prompt)) - set(words.styles)
    known = {"concepts": words.concepts, "others": words.others}
    if not asked or asked - set(unknown_words(prompt, known)):
        return ()
    return (
        f"no word of {prompt!r} was in this model's captions, so the picture is a guess; "
        "`limner words` lists what it knows",
    )
