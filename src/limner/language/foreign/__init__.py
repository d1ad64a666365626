"""The small words of other languages than English, one file for each that has many."""

from __future__ import annotations

from limner.language.foreign.french import FRENCH
from limner.language.foreign.german import GERMAN
from limner.language.foreign.italian import ITALIAN
from limner.language.foreign.others import OTHERS
from limner.language.foreign.portuguese import PORTUGUESE
from limner.language.foreign.spanish import SPANISH
from limner.language.grammar import Grammar

FOREIGN: dict[str, Grammar] = {
    "de": GERMAN,
    "fr": FRENCH,
    "es": SPANISH,
    "pt": PORTUGUESE,
    "it": ITALIAN,
    **OTHERS,
}
