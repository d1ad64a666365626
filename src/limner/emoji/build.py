"""Builds `words.zip`: the characters of the emoji, their names in other languages, English words.

    python -m limner.emoji.build [FOLDER]

FOLDER holds the packages' archives as `npm pack` writes them; without one npm fetches them.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from limner.data.concepts import UNCLEAR
from limner.data.emoji_sources import ANNOTATIONS, WORDS, Emoji, fetch, read_archive, read_emoji
from limner.data.wordnet import WORDNET
from limner.emoji.names import abroad, everyday_names
from limner.emoji.words import LANGUAGES, WORDS_FILE
from limner.language.words import normal

LEAST = 0.4  # overlap of the emoji that a word and its translation are said of, of those of both
STAMP = (2026, 1, 1, 0, 0, 0)  # of every file, so that the same words are the same bytes
PEOPLE = ("people-body", "smileys-emotion")  # groups of emoji
PLACE = "15"  # WordNet's number of the nouns for places
SHORTEST, LONGEST = 3, 12  # letters of an English word that could be misspelt as another

NOUNS_IN_CAPITALS = ("de",)  # languages that write them so

Spoken = Mapping[str, tuple[str, tuple[str, ...]]]  # character -> its name and keywords


def build(folder: Path, path: Path = WORDS_FILE) -> None:
    """Write the file from packages in a folder; DataError where one is missing or broken."""
    emoji = read_emoji(folder)
    labels = {character(each): each.concept for each in emoji}
    clear = {character(each): each.concept for each in emoji if _drawable(each)}
    people = {character(each) for each in emoji if each.group in PEOPLE}
    english = _english(emoji)
    with zipfile.ZipFile(path, "w") as archive:
        _add(archive, "characters.json", labels)
        for language in LANGUAGES:
            spoken = _spoken(folder, language, clear)
            own = abroad().get(language, {})
            found = translations(spoken, clear, english) | own
            _add(archive, f"{language}.json", dict(sorted(found.items())))
            said = descriptions(spoken, people)
            if language in NOUNS_IN_CAPITALS:
                said |= _written_small(folder, language)
            said &= found.keys() - own.keys()
            _add(archive, f"{language}-descriptions.json", sorted(said))
        _add(archive, "english.json", list(_english_words(folder)))


def character(emoji: Emoji) -> str:
    """The emoji itself, without the selector of its look."""
    return "".join(chr(int(code, 16)) for code in emoji.code.split("-"))


def _drawable(emoji: Emoji) -> bool:
    """Whether it is a thing and not a sign: hearts and weather, but no arrows and buttons."""
    sign = emoji.group == "symbols" and "heart" not in emoji.concept
    return not sign and not UNCLEAR.fullmatch(emoji.concept)


def translations(
    spoken: Spoken, labels: Mapping[str, str], english: Mapping[str, frozenset[str]]
) -> dict[str, str]:
    """Words of a language -> English names: an emoji's name, or the name said of the same emoji.

    labels: by character. english: name -> characters that it is said of.
    """
    said = defaultdict[str, set[str]](set)
    for sign, (name, keywords) in spoken.items():
        for word in (name, *keywords):
            said[word].add(sign)
    found = {name: labels[sign] for sign, (name, _) in reversed(list(spoken.items())) if name}
    by_sign = defaultdict[str, set[str]](set)
    for name, shown in english.items():
        for sign in shown:
            by_sign[sign].add(name)
    everyday = {name for names in everyday_names().values() for name in names}
    for word, of_word in sorted(said.items()):
        signs = frozenset(of_word)
        options = {name for sign in signs for name in by_sign[sign]} if word not in found else ()
        best = max(
            ((_overlap(signs, english[o]), o in everyday, -len(o), o) for o in options),
            default=None,
        )
        if best is not None and best[0] >= LEAST:
            found[word] = best[-1]
    return found


def descriptions(spoken: Spoken, people: Set[str]) -> set[str]:
    """Words that are said of people and faces alone, and are the name of none: happy, bearded.

    people: their characters.
    """
    said = defaultdict[str, set[str]](set)
    for sign, (_, keywords) in spoken.items():
        for word in keywords:
            said[word].add(sign)
    names = {name for name, _ in spoken.values()}
    return {word for word, signs in said.items() if word not in names and signs <= people}


def _written_small(folder: Path, language: str) -> set[str]:
    """Single words that CLDR writes without a capital letter: what somebody does, or how it is."""
    phrases = (
        p for name, keywords in _annotations(folder, language).values() for p in (name, *keywords)
    )
    words = {phrase for phrase in phrases if " " not in phrase}
    capitals = {normal(word) for word in words if word[:1].isupper()}
    return {word for word in words if word.islower()} - capitals


def _overlap(first: Set[str], second: Set[str]) -> float:
    return len(first & second) / len(first | second)


def _english(emoji: tuple[Emoji, ...]) -> dict[str, frozenset[str]]:
    """Each English name that is known -> the characters that it is said of."""
    names = everyday_names()
    known = {name for several in names.values() for name in several}
    known |= {each.concept for each in emoji}
    said = defaultdict[str, set[str]](set)
    for each in emoji:
        for word in (*each.names, *each.keywords, *names.get(each.concept, ())):
            if word in known:
                said[word].add(character(each))
    return {word: frozenset(signs) for word, signs in said.items()}


def _spoken(folder: Path, language: str, labels: Mapping[str, str]) -> Spoken:
    """CLDR's name and keywords of each emoji, and emojibase's tags where it has the language."""
    rows, tags = _annotations(folder, language), dict(_tags(folder, language))
    return {
        sign: (
            normal(rows[sign][0]),
            tuple(map(normal, (*rows[sign][1], *tags.get(sign, ())))),
        )
        for sign in labels
        if sign in rows
    }


def _annotations(folder: Path, language: str) -> Spoken:
    """CLDR's name and keywords of each character, as they are written."""
    wanted = rf"annotations/{language}/annotations\.json"
    [file] = read_archive(folder, ANNOTATIONS, wanted).values()
    return {
        sign.replace("\ufe0f", ""): ("".join(row.get("tts", ())), tuple(row.get("default", ())))
        for sign, row in json.loads(file)["annotations"]["annotations"].items()
    }


def _tags(folder: Path, language: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    files = read_archive(folder, WORDS, r"[a-z\-]+/data\.json")
    for row in json.loads(files.get(f"{language}/data.json", b"[]")):
        yield row["emoji"].replace("\ufe0f", ""), (row["label"], *row.get("tags", ()))


def _english_words(folder: Path) -> Iterator[str]:
    """Words of WordNet that are no proper names: what is right as it is spelt."""
    files = read_archive(folder, WORDNET, r"dict/index\.(noun|verb|adj|adv|sense)")
    proper = _proper_names(folder)
    words = {
        line.split(" ", 1)[0]
        for name, file in files.items()
        if not name.endswith("sense")
        for line in file.decode("ascii").splitlines()
        if not line.startswith(" ")
    }
    right = re.compile(rf"[a-z]{{{SHORTEST},{LONGEST}}}")
    yield from sorted(word for word in words if right.fullmatch(word) and word not in proper)


def _proper_names(folder: Path) -> set[str]:
    """Words that WordNet has with a capital letter alone, but for adjectives and places."""
    files = read_archive(folder, WORDNET, r"dict/data\.(noun|verb|adj|adv)")
    spelt = {
        word.lower() if name.endswith("adj") or line[9:11] == PLACE else word
        for name, file in files.items()
        for line in file.decode("ascii").splitlines()
        if not line.startswith(" ")
        for word in line.split(" | ")[0].split()[4::2]
        if word[:1].isalpha()
    }
    return {word.lower() for word in spelt if word != word.lower()} - spelt


def _add(archive: zipfile.ZipFile, name: str, value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    entry = zipfile.ZipInfo(name, STAMP)
    entry.compress_type = zipfile.ZIP_LZMA
    archive.writestr(entry, text.encode())


def main(arguments: list[str]) -> None:
    """The command."""
    if arguments:
        build(Path(arguments[0]))
        return
    with tempfile.TemporaryDirectory() as folder:
        fetch(Path(folder), (WORDS, ANNOTATIONS, WORDNET))
        build(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
