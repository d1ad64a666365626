"""The recipe of widening to a world: a shipped painter goes on, with more words, colours, grounds.

Its latents, its U-Net and its text tower are those of the model folder that it begins from; what it
knows is drawn too, so that it is not forgotten.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from limner.checkpoints import ModelFolder, Words
from limner.data.captions import caption
from limner.data.everyday_words import EverydayWords
from limner.data.everyday_world import typed, vocabulary
from limner.data.records import PictureSet, Record
from limner.data.world import Draw
from limner.errors import TrainingError
from limner.language.captions import canonical, write
from limner.language.english import says_colour
from limner.language.scene import Scene, Size
from limner.language.vocabulary import Vocabulary
from limner.training.objectives import Objective
from limner.training.recipes.world import DrawnObjective, Say, WorldDenoiserRecipe


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """How often a picture is drawn for once of the others: of what the model knows, and of more.

    plain: a picture in the style that is painted where none is asked for. poor: of what the model
    knows and says that it paints wrongly more often than not.
    """

    known: int = 1
    known_plain: int = 1
    more: int = 1
    more_plain: int = 24
    poor: int = 1
    poor_plain: int = 1

    def of(self, record: Record, words: Words) -> int:
        """How often a picture is drawn for a model of these words."""
        plain = record.style == words.plain_style
        if words.mostly_wrong(record.concept):
            return self.poor_plain if plain else self.poor
        if record.concept in words.concepts:
            return self.known_plain if plain else self.known
        return self.more_plain if plain else self.more


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Shares of the captions, 0 to 1.

    plainly: as the model's own reader of sentences writes them, "a blue cat on the beach, 3d".
    taught: of things as they are drawn, in the way in which the model was taught them. The rest are
    people's ways. unsaid: captions without a style, of pictures in the plain one and in others.
    """

    plainly: float = 0.5
    taught: float = 0.25
    unsaid: tuple[float, float] = (0.2, 0.02)


@dataclass(frozen=True, kw_only=True)
class WorldWideningRecipe(WorldDenoiserRecipe):
    """A text-conditional denoiser of a model folder and its text tower, on a world's draws.

    Learned are the folder's own concepts, those of the set's words that come first, and those of
    `also`; with `every`, all that people type. Words, sampling, process and prediction that a
    folder says stay as they are, but for what it now knows beside.
    """

    repeats: Repeats = field(default_factory=Repeats)
    telling: Telling = field(default_factory=Telling)
    also: tuple[str, ...] = ()
    every: bool = False
    pool: int = 10_000
    first: bool = False

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DrawnObjective:
        return super().objective(self._repeated(data, model), model)

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        super().save(objective, self._repeated(data, model), model)

    def _said(self, words: EverydayWords, model: ModelFolder) -> Say:
        plain = self._known(model).plain_style
        return Teller(vocabulary(words), refused=words.refused, plain=plain, how=self.telling)

    def _known(self, model: ModelFolder) -> Words:
        known = model.load_settings()[3]
        if known is None:
            raise TrainingError(
                f"{model.path} does not say what it knows: a model that was trained on a set's "
                "concepts is right"
            )
        return known

    def _repeated(self, data: PictureSet, model: ModelFolder) -> PictureSet:
        """The records to draw from, those that are drawn more often several times."""
        known = self._known(model)
        words = EverydayWords.load(self.words)
        more = {*typed(data).concepts} if self.every else {*words.first, *self.also}
        order = []
        for record in data.records:
            if record.concept in known.concepts or record.concept in more:
                order += [record] * self.repeats.of(record, known)
        return replace(data, records=tuple(order))


class Teller:
    """Says of a draw what is to be seen, each time in other words, by `how`.

    refused: words that no caption may have. plain: the style that goes without saying.
    """

    def __init__(
        self, spoken: Vocabulary, *, refused: Collection[str], plain: str, how: Telling
    ) -> None:
        self.spoken, self.how = spoken, how
        self.refused, self.plain = frozenset(refused), plain

    def __call__(self, draw: Draw, chance: random.Random) -> str:
        """One caption of a draw, by chance."""
        how, scene = self.how, draw.scene
        if chance.random() < how.unsaid[scene.style != self.plain]:
            scene = replace(scene, style="")
        way = chance.random()
        if way < how.plainly:
            return canonical(under_labels(scene, draw))
        if way < how.plainly + how.taught and is_as_drawn(scene):
            return caption(self._allowed(draw.composition.pieces[0].record), chance)
        return write(scene, chance, self.spoken)

    def _allowed(self, record: Record) -> Record:
        names, keywords = (
            tuple(word for word in words if word not in self.refused)
            for words in (record.names, record.keywords)
        )
        return replace(record, names=names, keywords=keywords)


def is_as_drawn(scene: Scene) -> bool:
    """Whether it is one thing of which nothing but its name is said."""
    if len(scene.things) != 1 or scene.ground is not None:
        return False
    (thing,) = scene.things
    return thing.count == 1 and not thing.colour and thing.size is Size.PLAIN


def under_labels(scene: Scene, draw: Draw) -> Scene:
    """The scene with each thing under the set's own name, unless that says a colour and it another.

    "a blue automobile" where the scene has "car", but "a blue apple" and no "blue red apple".
    """
    labels: Mapping[int, str] = {
        owner: piece.record.concept
        for owner, piece in zip(draw.owners, draw.composition.pieces, strict=True)
    }
    things = (
        replace(thing, concept=labels[place])
        if not (thing.colour and says_colour(labels[place]))
        else thing
        for place, thing in enumerate(scene.things)
    )
    return replace(scene, things=tuple(things))
