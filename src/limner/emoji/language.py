"""The language of the shipped models: what people type to what the model was taught."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from limner.checkpoints import Words
from limner.emoji.collage import is_needed
from limner.emoji.prompts import Manner, painted
from limner.emoji.telling import beside_words
from limner.emoji.understanding import Understander
from limner.language.english import plural, with_article
from limner.language.words import SKIN, Kind, Word
from limner.pipeline.language import Reading
from limner.text.tokenizer import words_in

# What has a meaning in a dialect: brackets, tags, schedules, weights, joined and broken texts.
SYNTAX = re.compile(
    r"[()\[\]{}|\\]|<\w[^<>]*>|\b(AND|BREAK)\b|(?<=[^\s\d]):\s*[+-]?[.\d]"
    r"|(?<=\S)(\+\+|--)(?=\W|$)|^\s*#|\bembedding:"
)
OPTION = re.compile(r"(?<!\S)--(?!no\b)[a-z]\w*(\s+[\w:.]*\d[\w:.]*)?")  # of others: --ar 16:9
QUOTED = re.compile(r"""\s*["\u201c\u201e\u00ab]([^"\u201d\u00bb]+)["\u201d\u201c\u00bb]\s*""")
INSIDE = re.compile(r"\[[^\]]*\]|\{[^}]*\}|<[^>]*>")
SIGNS = re.compile(r"[()|\\]|:\s*[+-]?[.\d]+|\+\+|--")
APART = re.compile(r"\b(?:AND|BREAK)\b")
ONE_TEXT = (
    "one text for all of it, not laid out: a prompt with signs such as {!r} keeps all its words"
)
JOINED = re.compile(r"\s*\bAND\b\s*")
WEIGHT = re.compile(r"\s*:\s*[+-]?[.\d]+\s*$")
TAG = re.compile(r"<[^<>]*>|\bembedding:\S+")
NAMED_TAG = re.compile(r"(?<!\\)<\w+:[^<>]+>")
ESCAPE = re.compile(r"\\(.)")
GUESS = (
    "no word of {!r} is one that this model knows, so the picture is a guess; `limner words` lists"
)
GUESS += " what it knows"
NOTHING = "{!r} says of nothing that it is to be there, so the picture is a guess"


def apart(prompt: str) -> tuple[str, tuple[str, ...]]:
    """A sentence without the tags in it, as of LoRAs, which are of the whole, and the tags."""
    tags = tuple(match[0] for match in NAMED_TAG.finditer(prompt))
    return " ".join(NAMED_TAG.sub(" ", prompt).split()) if tags else prompt, tags


def _as_sentence(prompt: str) -> tuple[str, tuple[str, ...]]:
    """A prompt without quotes or capitals that stand for nothing, and other programs' options."""
    if quoted := QUOTED.fullmatch(prompt):
        prompt = quoted[1]
    if prompt.isupper() and " " in prompt.strip():
        prompt = prompt.lower()
    prompt = re.sub(r"(?<!\S)--no\b", ", without", prompt)
    options = tuple(match[0] for match in OPTION.finditer(prompt))
    return " ".join(OPTION.sub(" ", prompt).split()) if options else prompt, options


def _without(prompt: str, negated: Iterable[str]) -> str:
    """The prompt without what is not to be there, each as it stands in it."""
    for each in negated:
        prompt = re.sub(rf"(?<!\w){re.escape(each)}(?!\w)", " ", prompt, count=1)
    return " ".join(prompt.split()).strip(" ,")


class EmojiLanguage:
    """Reads prompts for a model that was taught these words."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self._understander = Understander(words)

    def read(
        self,
        prompt: str,
        *,
        kept: Collection[str] = (),
        whole: bool = False,
        collages: bool = True,
    ) -> Reading:
        """As `pipeline.language.Language` says.

        Where no style is said, the model's plain one is added, but not to one text for the whole,
        whose picture may have a style from elsewhere, as from a LoRA.
        """
        if not prompt.strip():
            return Reading(prompt=prompt)
        if words_in(kept, ESCAPE.sub(r"\1", TAG.sub(" ", prompt))):
            return Reading(prompt=prompt)
        sentence, tags = apart(prompt)
        if tags and sentence and self._is_known(sentence):
            reading = self._read(sentence, Manner(whole=whole, collages=collages))
            changed = " ".join([reading.prompt, *tags])
            parts = (replace(r, text=" ".join([r.text, *tags])) for r in reading.regions)
            return replace(
                reading,
                prompt=prompt if reading.prompt == sentence else changed,
                regions=tuple(parts),
            )
        style = "" if whole else self.words.plain_style
        return self._read(prompt, Manner(whole=whole, collages=collages, style=style))

    def _is_known(self, sentence: str) -> bool:
        """Whether a sentence has no syntax but AND, and no word that a LoRA might bring."""
        members = JOINED.split(sentence)
        return not any(map(self._has_syntax, members)) and not any(
            self._understander.understand(WEIGHT.sub("", member)).missing for member in members
        )

    def _read(self, prompt: str, manner: Manner) -> Reading:
        prompt, options = _as_sentence(prompt)
        reading = self._as_it_is(prompt, manner)
        told = [f"not painted: {option!r} (an option of another program)" for option in options]
        if SKIN.search(prompt):
            told.append("not painted: a tone of skin (people are painted as they are)")
        return replace(reading, notes=(*reading.notes, *told))

    def _as_it_is(self, prompt: str, manner: Manner) -> Reading:
        if SYNTAX.search(prompt) is None:
            return self._plain(prompt, manner)
        if JOINED.search(prompt) and not any(map(self._has_syntax, JOINED.split(prompt))):
            return self._joined(prompt, replace(manner, whole=True))
        reading = self._careful(prompt)
        if manner.collages and not manner.whole and self._could_be_laid(prompt):
            sign = SYNTAX.search(prompt)
            note = ONE_TEXT.format(sign[0] if sign else "")
            return replace(reading, notes=(*reading.notes, note))
        return reading

    def _could_be_laid(self, prompt: str) -> bool:
        """Whether the prompt without its dialect's signs says more than one painting shows."""
        members = (SIGNS.sub(" ", INSIDE.sub(" ", member)) for member in APART.split(prompt))
        scenes = (self._understander.understand(member).scene for member in members)
        return any(is_needed(self.words, scene) for scene in scenes)

    def _plain(self, prompt: str, manner: Manner) -> Reading:
        found = self._understander.understand(prompt)
        if found.scene.things:
            return painted(self.words, found, manner)
        asked = [w for w in found.reading.words if w.kind is not Kind.FILLER]
        told = "; ".join(beside_words(self.words, found))
        style_alone = all(w.kind in (Kind.STYLE, Kind.ARTICLE, Kind.PAUSE) for w in asked)
        if style_alone and not told and any(w.kind is Kind.STYLE for w in asked):
            return Reading(prompt=prompt)
        left = _without(prompt, found.reading.negated)
        guess = (GUESS if left else NOTHING).format(prompt)
        return Reading(prompt=left, notes=(guess, *([f"not painted: {told}"] if told else [])))

    def _has_syntax(self, member: str) -> bool:
        return SYNTAX.search(WEIGHT.sub("", member)) is not None

    def _joined(self, prompt: str, manner: Manner) -> Reading:
        """Each of the texts that AND joins by itself, with its weight."""
        texts, notes = list[str](), list[str]()
        for member in JOINED.split(prompt):
            weight = WEIGHT.search(member)
            said = WEIGHT.sub("", member)
            reading = self._plain(said, manner) if said.strip() else None
            texts.append((reading.prompt if reading else member) + (weight[0] if weight else ""))
            notes += reading.notes if reading else ()
        return Reading(prompt=" AND ".join(texts), notes=tuple(dict.fromkeys(notes)))

    def _careful(self, prompt: str) -> Reading:
        """Names as the model has them, and nothing else changed."""
        pieces, last = list[str](), 0
        for match in TAG.finditer(prompt):
            pieces += [self._named(prompt[last : match.start()]), match[0]]
            last = match.end()
        text = "".join([*pieces, self._named(prompt[last:])])
        known = any(
            word.kind is Kind.STYLE or self._is_own(word)
            for word in self._words(TAG.sub(" ", prompt))
        )
        return Reading(prompt=text, notes=() if known else (GUESS.format(prompt),))

    def _words(self, text: str) -> Iterator[Word]:
        yield from (options[0] for options in self._understander.english.index.words(text))

    def _is_own(self, word: Word) -> bool:
        """Whether it is a thing of the model's, and not only one that stands for others."""
        return word.kind is Kind.CONCEPT and word.meaning in self._understander.names

    def _named(self, text: str) -> str:
        """The text with each name of a thing as the model's own, and the article that fits."""
        pieces, last, article = list[str](), 0, None
        for word in self._words(text):
            if self._is_own(word) and not word.kind_of:
                name = plural(word.meaning) if word.several else word.meaning
                if article is not None and text[article.stop : word.start].isspace():
                    pieces.append(text[last : article.start])
                    name, last = with_article(name), word.start
                else:
                    pieces.append(text[last : word.start])
                pieces.append(name)
                last = word.stop
            article = word if word.kind is Kind.ARTICLE else None
        return "".join([*pieces, text[last:]])
