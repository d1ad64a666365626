"""What words mean that no caption has: the known name that is nearest to what a dictionary says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from jaxtyping import Float
from torch import Tensor

from limner.data.cache import batches
from limner.data.captions import content_words
from limner.data.wordnet import FIELDS, WordNet

LONGEST = 3  # words of a term that people type
AT_ONCE = 4096  # definitions
Vectors = Callable[[Sequence[str]], Float[Tensor, "N D"]]
"""Unit vectors of texts, near each other where they mean about the same."""


def definitions(wordnet: WordNet, read: Collection[str]) -> dict[str, str]:
    """Word -> "what it is a kind of: what it means", of things, as each word is mostly meant.

    The word itself is not said: its letters mislead ("mutt" is near "muffin").
    read: what the captions have; a word of which each part is in there keeps its own meaning and
    is left out.
    """
    known = {part for text in read for part in content_words(text)}
    wider = {kind: sense for sense in wordnet.senses.values() for kind in sense.kinds}
    found = {}
    for word, (usual, *_) in wordnet.of_word.items():
        sense, parts = wordnet.senses[usual], content_words(word)
        plain = word in sense.words and 0 < len(parts) <= LONGEST
        if plain and sense.field in FIELDS.values() and not known.issuperset(parts):
            above = wider[usual].words if usual in wider else ()
            found[word] = ": ".join((*above[:1], sense.gloss))
    return found


def nearest_names(
    defined: dict[str, str], names: Sequence[str], vectors: Vectors, *, least: float
) -> dict[str, str]:
    """Word -> the name that is nearest to its definition, where it is at least so near.

    least: the cosine of the two vectors.
    """
    known, words = vectors(names).T, list(defined)
    found = {}
    for span in batches(len(words), AT_ONCE):
        near, which = (vectors([defined[words[i]] for i in span]) @ known).max(dim=1)
        for i, likeness, name in zip(span, near.tolist(), which.tolist(), strict=True):
            if likeness >= least:
                found[words[i]] = names[name]
    return found
