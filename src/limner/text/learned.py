"""Words with vectors of their own: textual inversion (Gal et al. 2022, section 4)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.nn.adapter import ExtendedEmbedding
from limner.text.tokenizer import Tokenizer


class LearnedWords:
    """The learned words of a tokenizer and its text tower: put on and taken off together.

    A word of n vectors is n tokens with ids of their own behind the vocabulary; every other text
    has the ids and the vectors that it had.
    """

    def __init__(self, tokenizer: Tokenizer, tower: nn.Module) -> None:
        self.tokenizer = tokenizer
        self._holder = _holder(tower)
        self._embedding: nn.Embedding = self._holder.get_submodule(EMBEDDING)  # type: ignore[assignment]

    @property
    def width(self) -> int:
        """D, the width of the tower's vectors."""
        return self._embedding.embedding_dim

    @property
    def table(self) -> Float[Tensor, "V D"]:
        """The vectors of the vocabulary's own tokens."""
        return self._embedding.weight

    def set(self, words: Mapping[str, Float[Tensor, "n D"]]) -> None:
        """Exactly these words; none takes everything off."""
        embedding = self._embedding
        self.tokenizer.learn(ids_of(words, embedding.num_embeddings))
        if words:
            embedding = ExtendedEmbedding(embedding, torch.cat(list(words.values())))
        setattr(self._holder, EMBEDDING, embedding)


def ids_of(words: Mapping[str, Float[Tensor, "n D"]], first: int) -> dict[str, range]:
    """The ids of each word's tokens, from `first` on."""
    ids: dict[str, range] = {}
    for word, vectors in words.items():
        ids[word] = range(first, first + len(vectors))
        first += len(vectors)
    return ids


EMBEDDING = "token_embedding"


def _holder(tower: nn.Module) -> nn.Module:
    """The module of a text tower that has the token embedding."""
    return next(m for m in tower.modules() if EMBEDDING in dict(m.named_children()))
