"""What the shipped models bring: vocabulary, names, translations, how their prompts are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from limner.checkpoints import ModelFolder, Words
from limner.emoji.language import EmojiLanguage
from limner.pipeline.language import Language
from limner.pipeline.places import shipped_model

PAIRS = "emoji-pairs"


def layout_lora(source: Path) -> Path | None:
    """A LoRA that was trained to paint in parts, for the model that comes with the package."""
    if source.resolve() != shipped_model().resolve():
        return None
    (file,) = ModelFolder(shipped_model(PAIRS)).loras
    return file


# What a folder's words may name as their language -> what makes it.
LANGUAGES: dict[str, Callable[[Words], Language]] = {"emoji": EmojiLanguage}

__all__ = ["LANGUAGES", "PAIRS", "EmojiLanguage", "layout_lora"]
