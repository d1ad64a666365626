"""What a scene of two things is called: "a cat left of a dog", "a small star above an apple"."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from limner.data.captions import STYLE_DROPOUT, Chance, name_of, pick, uniform
from limner.data.records import Record
from limner.data.synonyms import Synonyms
from limner.language.english import SIZES, STYLE_AFTER, with_article
from limner.language.scene import Size


class Relation(Enum):
    """Where the first of two things is, seen from the second."""

    LEFT = "left of"
    RIGHT = "right of"
    ABOVE = "above"
    BELOW = "below"
    AND = "and"


TEMPLATES = {
    Relation.LEFT: ("{} left of {}", "{} to the left of {}", "{} on the left and {} on the right"),
    Relation.RIGHT: ("{} right of {}", "{} to the right of {}", "{} on the right of {}"),
    Relation.ABOVE: ("{} above {}", "{} over {}", "{} on top and {} at the bottom"),
    Relation.BELOW: ("{} below {}", "{} under {}", "{} beneath {}"),
    Relation.AND: ("{} and {}", "{} with {}", "{}, {}"),
}
SIZE_WORDS = {**SIZES, Size.PLAIN: ("",)}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Two things and how they stand; `first` is the one that the caption names first."""

    first: Record
    second: Record
    relation: Relation
    sizes: tuple[Size, Size] = (Size.PLAIN, Size.PLAIN)

    @property
    def style(self) -> str:
        """The style word of both, or empty if they differ."""
        return self.first.style if self.first.style == self.second.style else ""


def scene_caption(scene: Scene, chance: Chance, synonyms: Synonyms | None = None) -> str:
    """One caption of a scene, by chance; the style last, or before each of two that differ.

    One time in ten without a style. synonyms: as `captions.caption` takes them.
    """
    styled = uniform(chance) >= STYLE_DROPOUT
    things = []
    for record, size in zip((scene.first, scene.second), scene.sizes, strict=True):
        own = record.style if styled and not scene.style else ""
        thing = (pick(SIZE_WORDS[size], chance), own, name_of(record, chance, synonyms))
        things.append(with_article(" ".join(filter(None, thing))))
    words = pick(TEMPLATES[scene.relation], chance).format(*things)
    if styled and scene.style:
        return pick(STYLE_AFTER, chance).format(words, scene.style)
    return words


def canonical_scene(scene: Scene) -> str:
    """The plain caption, always the same: "a small star above a red apple, 3d"."""
    things = [
        with_article(" ".join(filter(None, (size.value, record.concept))))
        for record, size in zip((scene.first, scene.second), scene.sizes, strict=True)
    ]
    words = f" {scene.relation.value} ".join(things)
    return f"{words}, {scene.style}" if scene.style else words
