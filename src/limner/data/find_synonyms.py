"""Finding other words for the concepts of a data set: in WordNet, and among its own keywords."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from limner.data.captions import content_words
from limner.data.records import Record
from limner.data.synonyms import Synonyms
from limner.data.wordnet import FIELDS, WordNet
from limner.errors import UsageError

MOST_KINDS = 6
KEYWORD = "keyword"
SAME = "wordnet: same meaning"
KIND = "wordnet: kind of it"

# The fields of meaning in which a group's concepts have their sense; others are other things of
# the same name (a mouse of the computer, a crane of the builder).
GROUP_FIELDS = {
    group: frozenset(FIELDS[name] for name in names.split())
    for group, names in {
        "animals-nature": "animal plant object",
        "food-drink": "food plant artifact substance animal",
        "travel-places": "artifact location object phenomenon event time state",
        "activities": "artifact act event communication plant",
        "objects": "artifact communication substance food object",
        "smileys-emotion": "animal person body artifact",
        "people-body": "person body act",
        "symbols": "artifact communication shape",
    }.items()
}
EVERY_FIELD = frozenset(FIELDS.values())


@dataclass(frozen=True, kw_only=True)
class Found:
    """A word for a concept, and where it is from."""

    concept: str
    word: str
    source: str


def find_synonyms(
    records: Sequence[Record], wordnet: WordNet, *, held_out: float = 0.3, seed: int = 0
) -> Synonyms:
    """Words for every concept that WordNet or its keywords have any for.

    A word that could mean two of the concepts is left out. `held_out`, a share, is chosen by `seed`
    among the words of which no part occurs in the name of a concept, word by word: what is held out
    is so for all concepts and whatever it was found by. UsageError for an impossible share.
    """
    if not 0.0 <= held_out <= 1.0:
        raise UsageError(f"held out {held_out}: a share from 0 to 1 is right")
    rows = list(_unambiguous(records, wordnet))
    named = {word for row in records for name in (row.concept, *row.names) for word in _parts(name)}
    training, measured = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for row in rows:
        new = named.isdisjoint(_parts(row.word))
        chosen = new and random.Random(f"{seed} {row.word}").random() < held_out
        (measured if chosen else training)[row.concept].append(row.word)
    return Synonyms(
        training=_tuples(training),
        held_out=_tuples(measured),
        sources={row.word: row.source for row in rows},
        seed=seed,
    )


def sense_of(record: Record, wordnet: WordNet) -> int | None:
    """The number of the most usual meaning of a concept's name that fits its group, or None."""
    numbers = wordnet.of_word.get(record.concept, ())
    fitting = (n for n in numbers if wordnet.senses[n].field in _fields(record))
    return next(fitting, None)


def _unambiguous(records: Sequence[Record], wordnet: WordNet) -> Iterator[Found]:
    """Every word that means one concept only, once, by its best source."""
    concepts = list({record.concept: record for record in records if record.concept}.values())
    found = [row for record in concepts for row in _candidates(record, wordnet)]
    own_keyword = Counter(word for record in concepts for word in {*record.keywords})
    names = {name for record in concepts for name in (record.concept, *record.names)}
    meant = defaultdict[str, set[str]](set)
    for row in found:
        meant[row.word].add(row.concept)
    keywords = {record.concept: {*record.keywords} for record in concepts}
    seen: set[str] = set()
    for row in found:
        elsewhere = own_keyword[row.word] - (row.word in keywords[row.concept])
        if row.word in seen | names or len(meant[row.word]) > 1 or elsewhere:
            continue
        seen.add(row.word)
        yield row


def _candidates(record: Record, wordnet: WordNet) -> Iterator[Found]:
    """What a concept may be called, the best sources first."""
    number = sense_of(record, wordnet)
    found: list[tuple[str, str]] = []
    if number is not None:
        found += [
            (word, SAME) for word in wordnet.senses[number].words if wordnet.usual(word, number)
        ]
        found += [(word, KIND) for word in islice(wordnet.kinds(number), MOST_KINDS)]
    found += [(word, KEYWORD) for word in record.keywords if _names(word, record, number, wordnet)]
    for word, source in found:
        parts, own = _parts(word), _parts(record.concept)
        # "dogs" of a dog, "apple" of a red apple and "house cat" of a cat say nothing new.
        if not (parts <= own or own <= parts):
            yield Found(concept=record.concept, word=word, source=source)


def _names(word: str, record: Record, number: int | None, wordnet: WordNet) -> bool:
    """Whether a keyword can stand for the concept: it is, first of all, a thing of its field.

    Most keywords say what goes with a thing (French of a croissant). Of faces, which WordNet does
    not have, they say what they express, which is as good as a name.
    """
    if number is None and record.group == "smileys-emotion":
        return True
    usual = wordnet.of_word.get(word, ())
    fields = _fields(record) if number is None else {wordnet.senses[number].field}
    return bool(usual) and wordnet.senses[usual[0]].field in fields


def _fields(record: Record) -> frozenset[int]:
    return GROUP_FIELDS.get(record.group, EVERY_FIELD)


def _parts(phrase: str) -> frozenset[str]:
    """The words of a phrase without plurals, as far as an ending shows them."""
    return frozenset(word.removesuffix("s") for word in content_words(phrase))


def _tuples(words: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {concept: tuple(some) for concept, some in words.items()}
