"""The small words of other languages than English, one file for each that has many."""

from __future__ import annotations

from limner.language.english import phrases
from limner.language.foreign.french import FRENCH
from limner.language.foreign.german import GERMAN
from limner.language.foreign.italian import ITALIAN
from limner.language.foreign.portuguese import PORTUGUESE
from limner.language.foreign.spanish import SPANISH
from limner.language.grammar import Grammar
from limner.language.scene import Relation


def _few(name: str, joining: str, fillers: str = "", negations: str = "") -> Grammar:
    """A language of which few words are known: those that join things, and those to pass over."""
    return Grammar(
        name=name,
        relations={Relation.AND: phrases(joining)},
        fillers=phrases(fillers),
        negations=phrases(negations),
    )


FOREIGN: dict[str, Grammar] = {
    "de": GERMAN,
    "fr": FRENCH,
    "es": SPANISH,
    "pt": PORTUGUESE,
    "it": ITALIAN,
    "zh": _few(
        "Chinese", "和|与|跟|及|、", "一只|一个|一条|一辆|一|只|个|的|条|辆|张|图片|画|可爱的|可爱"
    ),
    "ja": _few("Japanese", "と|や|、", "の|が|を|に|は|絵|かわいい|可愛い|一匹|一つ"),
    "hi": _few("Hindi", "और", "एक|का|की|के"),
    "mr": _few("Marathi", "आणि", "एक"),
    "bn": _few("Bengali", "এবং|ও|আর", "একটি|একটা"),
    "te": _few("Telugu", "మరియు", "ఒక"),
    "pa": _few("Punjabi", "ਅਤੇ", "ਇੱਕ"),
    "ar": _few("Arabic", "و", "صورة"),
    "ur": _few("Urdu", "اور", "ایک"),
    "ru": _few(
        "Russian",
        "и|рядом с|с",  # noqa: RUF001
        "один|одна|одно|рисунок|картинка",
        "без|не",
    ),
    "id": _few("Indonesian", "dan", "seekor|sebuah|gambar|yang|lucu", "tanpa|tidak"),
    "vi": _few("Vietnamese", "và", "con|cái|một|chiếc|quả|bức|tranh"),
    "tr": _few("Turkish", "ve", "bir|resmi"),
    "sw": _few("Swahili", "na", "picha ya"),
    "ha": _few("Hausa", "da", "wani|wata"),
    "pcm": _few("Nigerian Pidgin", "and|wit", "di|one|a"),
}
