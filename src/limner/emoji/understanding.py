"""What a sentence says in any of the languages, misspelt or in characters, of what there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from limner.checkpoints import Words
from limner.emoji.aliases import with_aliases
from limner.emoji.alone import as_meant, meanings
from limner.emoji.guessing import likely_languages
from limner.emoji.landscapes import behind, is_lost, landscapes, lost_size, standing
from limner.emoji.names import abroad, everyday_names, names_of
from limner.emoji.sorts import sorts, without_sorts
from limner.emoji.spelling import is_english, nearest
from limner.emoji.tables import (
    HAVING,
    OTHER_STYLES,
    OWN_COLOURS,
    PARTS,
    PEOPLE,
    SEATS,
    SKIN_COLOURS,
    UNPAINTED,
)
from limner.emoji.words import LANGUAGES, characters, descriptions, translations
from limner.language import Relation, Scene, Thing, Vocabulary
from limner.language.also_english import CONTAINERS
from limner.language.english import COLOURS
from limner.language.foreign import FOREIGN
from limner.language.grammar import Grammar
from limner.language.read import Reader, Reading
from limner.language.scene import holders, joined, without
from limner.language.words import Kind, normal, split

LATIN = re.compile("[A-Za-z\u00c0-\u024f]")


@dataclass(frozen=True, kw_only=True)
class Understanding:
    """A sentence that was read, and how.

    reading: its words, and a scene of what the model has. missing: words for things that are known
    and that the model does not have, with their English names where they differ, and words that are
    not known. corrected: misspelt word, or one said alone -> what it was read as. language: empty
    for English. undyed: colours of people, who are painted as they are.
    """

    reading: Reading
    missing: tuple[str, ...] = ()
    corrected: Mapping[str, str]
    language: str = ""
    undyed: tuple[str, ...] = ()

    @property
    def scene(self) -> Scene:
        return self.reading.scene


class Understander:
    """What reads sentences about the concepts of one model."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.names = names_of(words.concepts)
        self._concepts = {name: concept for concept, names in self.names.items() for name in names}
        self._alone = meanings(self.names)
        self._readers = dict[str, Reader]()

    @cached_property
    def english(self) -> Reader:
        """The reader of English, which is made when it is asked for first."""
        names = landscapes(self.names) | with_aliases(self.names)
        names |= sorts(self.names, names)
        return Reader(self._vocabulary(names, kinds=self.words.lexicon))

    def understand(self, text: str) -> Understanding:
        """The reading that has most of the words, English where others have no more."""
        meant = as_meant(text, self._alone, self.words.styles)
        instead = {text.strip(" .!"): meant} if meant != text else {}
        text, signs = meant, self._signs(meant)
        found = self._of(self.english.read(text, signs), instead)
        if found.missing and self._foreign(found):
            for language in likely_languages(text):
                other = self._abroad(text, language, signs)
                better = len(other.missing) < len(found.missing) and _is_mostly_read(other)
                if other.scene.things and better:
                    found = other
        if found.missing and not found.language and not _has_article(found):
            corrected = self._corrected(text, found)
            if corrected:
                mended = self._of(self.english.read(text, signs | corrected), corrected)
                found = mended if _is_mostly_read(mended) else found
        return found

    def concept(self, label: str) -> str | None:
        """What the model has for an emoji's label: itself, or the thing of a face."""
        others = (*everyday_names().get(label, ()), label.removesuffix(" face"))
        return next((self._concepts[n] for n in (label, *others) if n in self._concepts), None)

    def _of(
        self, reading: Reading, corrected: Mapping[str, str], language: str = ""
    ) -> Understanding:
        scene, undyed = self._people_as_they_are(
            self._plainer(_without_own(without_sorts(reading.scene)))
        )
        before, scene = scene, behind(scene, self.names)
        held = (w.text for w in reading.words if w.kind is Kind.OPENING)
        missing = [*map(_told, reading.unknown), *(t for t in held if normal(t) in CONTAINERS)]
        missing += filter(None, [lost_size(before, scene)])
        for index in reversed(range(len(scene.things))):
            name = scene.things[index].concept
            if name not in self.names or is_lost(scene, index):  # known, and the model has none
                named = (word for word in reading.words if word.kind is Kind.CONCEPT)
                said = next((word.text for word in named if word.meaning == name), name)
                missing.append(said if said.casefold() == name else f"{said} ({name})")
                scene = without(scene, index)
        scene = _seated(standing(scene, self.names))
        return Understanding(
            reading=replace(reading, scene=joined(scene)),
            missing=tuple(dict.fromkeys(missing)),
            corrected=corrected,
            language=language,
            undyed=undyed,
        )

    def _plainer(self, scene: Scene) -> Scene:
        """The scene with things whose names say their colours: of a green red apple a green one."""
        return replace(scene, things=tuple(map(self._named_in_colour, scene.things)))

    def _named_in_colour(self, thing: Thing) -> Thing:
        words = thing.concept.split()
        if thing.colour in words:
            return replace(thing, colour="")
        bare = " ".join(word for word in words if word not in COLOURS)
        own = f"{thing.colour} {bare}"
        if thing.colour and own in self.names:
            return replace(thing, concept=own, colour="")
        other = self._concepts.get(bare, thing.concept) if thing.colour else thing.concept
        return replace(thing, concept=other)

    def _people_as_they_are(self, scene: Scene) -> tuple[Scene, tuple[str, ...]]:
        """The scene without colours of people, and these."""
        undyed = [t.colour in SKIN_COLOURS and self._is_person(t.concept) for t in scene.things]
        things = (
            replace(thing, colour="") if off else thing
            for thing, off in zip(scene.things, undyed, strict=True)
        )
        colours = (t.colour for t, off in zip(scene.things, undyed, strict=True) if off)
        return replace(scene, things=tuple(things)), tuple(dict.fromkeys(colours))

    def _is_person(self, concept: str) -> bool:
        return bool(PEOPLE.fullmatch(concept)) or f"woman {concept}" in self.names

    def _vocabulary(
        self, names: Mapping[str, tuple[str, ...]], kinds: Mapping[str, str] | None = None
    ) -> Vocabulary:
        return Vocabulary(
            concepts=names,
            styles={style: (style,) for style in self.words.styles},
            kinds=kinds or {},
            other_styles=OTHER_STYLES,
            unpainted=UNPAINTED,
            parts=PARTS,
        )

    def _signs(self, text: str) -> dict[str, str]:
        """The emoji of a text -> the model's names of them."""
        found = dict[str, str]()
        if text.isascii():
            return found
        for start, stop in split(text):
            label = characters().get(normal(text[start:stop]))
            concept = self.concept(label) if label else None
            if concept is not None:
                found[normal(text[start:stop])] = concept
        return found

    def _foreign(self, found: Understanding) -> bool:
        """Whether some word that is not understood is no English one either."""
        unknown = [w for w in found.reading.words if w.kind is Kind.UNKNOWN]
        return any(
            word.text[0].isalpha() and not all(map(is_english, normal(word.text).split()))
            for word in unknown
        )

    def _abroad(self, text: str, language: str, signs: Mapping[str, str]) -> Understanding:
        if language not in self._readers:
            self._readers[language] = self._made(language)
        reading = self._readers[language].read(text, signs)
        return self._of(reading, {}, LANGUAGES[language])

    def _made(self, language: str) -> Reader:
        """The reader of a language, of whose names many are known by none of the model's."""
        grammar, own = FOREIGN[language], abroad().get(language, {})
        names: dict[str, list[str]] = {}
        for word, name in translations(language).items():
            small = word in grammar.words and word not in own
            if not small and not _joins_colours(word, grammar) and not self._coloured(name):
                names.setdefault(self._concepts.get(name, name), []).append(word)
        vocabulary = self._vocabulary({k: tuple(several) for k, several in names.items()})
        return Reader(replace(vocabulary, descriptions=descriptions(language)), grammar)

    def _coloured(self, name: str) -> bool:
        """Whether the model has the thing, but not as one of this colour: a black cat."""
        colour, _, thing = name.partition(" ")
        return name not in self._concepts and colour in COLOURS and thing in self._concepts

    @cached_property
    def _of_one(self) -> tuple[str, ...]:
        """The single words that are no plurals: what a misspelt one without an s may be."""
        index = self.english.index
        return tuple(word for word in index.single if not index.senses(word)[0].several)

    def _corrected(self, text: str, found: Understanding) -> dict[str, str]:
        """Misspelt words -> the nearest that are known; a name of somebody has none."""
        corrected = dict[str, str]()
        for word in found.reading.words:
            named = word.start > 0 and word.text[0].isupper() and not text.isupper()
            meant = bool(self.english.index.senses(word.text))  # as nothing to be painted
            if word.kind is Kind.UNKNOWN and not named and not meant:
                several = word.text.endswith("s")
                near = nearest(word.text, self.english.index.single if several else self._of_one)
                if near is not None:
                    corrected[normal(word.text)] = near
        return corrected


def _without_own(scene: Scene) -> Scene:
    """The scene without what its things have in their pictures: a queen with a crown."""
    for index, holder in holders(scene).items():
        thing = scene.things[index]
        as_it_is = not thing.colour or (thing.concept, thing.colour) in OWN_COLOURS
        if as_it_is and thing.concept in HAVING.get(scene.things[holder].concept, ()):
            return _without_own(without(scene, index))
    return scene


def _seated(scene: Scene) -> Scene:
    """The scene with things on what nothing is in: "a cat in a chair"."""
    seats = (thing.concept in SEATS for thing in scene.things[1:])
    joins = (
        Relation.ON if join is Relation.IN and seat else join
        for join, seat in zip(scene.joins, seats, strict=True)
    )
    return replace(scene, joins=tuple(joins))


def _is_mostly_read(found: Understanding) -> bool:
    """Whether half of a sentence's words are understood, so that it is in that language.

    So is one that is written in other letters than English, whatever of it is understood.
    """
    words = [word for word in found.reading.words if word.kind is not Kind.PAUSE]
    unknown = [word.text for word in words if word.kind is Kind.UNKNOWN]
    return 2 * len(unknown) <= len(words) or not any(map(LATIN.search, unknown))


def _has_article(found: Understanding) -> bool:
    """Whether what is not understood has an article of another language in it: una chica."""
    articles = {article for grammar in FOREIGN.values() for article in grammar.articles}
    return any(normal(w.text) in articles for w in found.reading.words if w.kind is Kind.UNKNOWN)


def _joins_colours(name: str, grammar: Grammar) -> bool:
    """Whether a name is colours and an "and" alone: noir et blanc, which is said of a zebra."""
    colours = {word for several in grammar.colours.values() for word in several}
    both = grammar.relations.get(Relation.AND, ())
    words = name.split()
    return any(map(both.__contains__, words)) and all(w in colours or w in both for w in words)


def _told(word: str) -> str:
    """An unknown word; an emoji with what it is called."""
    label = characters().get(normal(word)) if not word.isascii() else None
    return word if label is None else f"{word} ({label})"
