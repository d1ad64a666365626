"""Whether a prompt holds a word that the model was taught."""

from __future__ import annotations

from limner.checkpoints import Words
from limner.data.captions import content_words, unknown_words


def unknown_words_warning(words: Words | None, prompt: str) -> tuple[str, ...]:
    """A warning if no word for a thing was in the model's captions; nothing to say otherwise."""
    if words is None:
        return ()
    asked = set(content_words(prompt)) - set(words.styles)
    known = {"concepts": words.concepts, "others": words.others}
    if not asked or asked - set(unknown_words(prompt, known)):
        return ()
    return (
        f"no word of {prompt!r} was in this model's captions, so the picture is a guess; "
        "`limner words` lists what it knows",
    )
