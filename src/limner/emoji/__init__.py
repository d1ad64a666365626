"""What the shipped models bring: vocabulary, names, translations, how their prompts are read."""

from __future__ import annotations

from collections.abc import Callable

from limner.checkpoints import Words
from limner.emoji.language import EmojiLanguage
from limner.pipeline.language import Language

# What a folder's words may name as their language -> what makes it.
LANGUAGES: dict[str, Callable[[Words], Language]] = {"emoji": EmojiLanguage}

__all__ = ["LANGUAGES", "EmojiLanguage"]
