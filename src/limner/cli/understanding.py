"""What `limner evaluate` measures beside cells: tasks, scenes, words never read, people's words."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli.progress import progress_bar
from limner.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from limner.data.records import PictureSet
    from limner.data.scene_words import Scene
    from limner.data.scenes import Scenes
    from limner.evaluate.composition import Pair
    from limner.evaluate.judge import Judge
    from limner.pipeline import Painter

BATCH = 32
SEED = 40_009  # of the scenes and words that are asked for


def task_lines(
    painter: Painter, judge: Judge, real: PictureSet, count: int, seeds: int
) -> Iterator[str]:
    """The six tasks of composition: of sentences that are read, of one text alone, and the ceiling.

    real: in the model's own size. Each prompt is painted so often as there are seeds. The last line
    is what the judge says of the same scenes composed of real drawings.
    """
    from limner.data.everyday_world import everyday_world
    from limner.evaluate.tasks import judge_tasks, task_prompts, things_asked_for, true_picture

    plain = style_of(painter, real)
    world = everyday_world(real.select(lambda record: record.style == plain))
    drawn = things_asked_for(world, judge)
    names = list(drawn)
    if len(names) < 2:
        told = "in one piece, of any colour and known to the judge"
        yield f"six tasks: not asked, {len(names)} things of this set are {told}"
        return
    asked = task_prompts({name: world.plain[name] for name in names}, count, SEED) * seeds
    prompts = [each.prompt for each in asked]
    painted = [premultiplied(p) for p in pictures_as_asked(painter, prompts, "tasks, as painted")]
    yield judge_tasks(painted, asked, judge, names).line("tasks, as painted")
    whole = list(paint(painter, prompts, "tasks, one text"))
    yield judge_tasks(whole, asked, judge, names).line("tasks, one text")
    chance = random.Random(SEED)
    true = [true_picture(each, world, drawn, chance) for each in asked]
    yield judge_tasks(true, asked, judge, names).line("tasks, true scenes")


def style_of(painter: Painter, real: PictureSet) -> str:
    """The style that is painted where none is asked for; of a model that says none, the first."""
    said = "" if painter.words is None else painter.words.plain_style
    return said or real.styles[0]


def scene_lines(painter: Painter, judge: Judge, real: PictureSet, count: int) -> Iterator[str]:
    """Scenes of pairs that a training draws and of pairs that it never draws, painted and real."""
    from limner.data.pixels import to_bytes
    from limner.data.scene_words import canonical_scene
    from limner.data.scenes import SceneConfig, Scenes
    from limner.evaluate.composition import judge_pairs

    source = Scenes(real.seen, SceneConfig(sized=0.0))
    for name, held_out in (("pairs drawn", False), ("pairs held out", True)):
        chance = random.Random(SEED)
        scenes = plan(source, count, chance, held_out=held_out)
        pairs = [pair_of(scene) for scene in scenes]
        painted = paint(painter, [canonical_scene(scene) for scene in scenes], name)
        yield judge_pairs(painted, pairs, judge).line(name)
        pixels, _ = source.compose(scenes, chance)
        yield judge_pairs(to_bytes(pixels), pairs, judge).line(f"{name}, real")


def word_lines(
    painter: Painter, judge: Judge, real: PictureSet, file: Path, count: int
) -> Iterator[str]:
    """Words for known concepts: those that trainings may read, and those held out from them.

    Of concepts that the judge can name.
    """
    from limner.data.synonyms import Synonyms
    from limner.evaluate.words import choose_words, judge_words

    words, known = Synonyms.load(file), painter.words
    if known is None:
        raise UsageError("this model has no list of what it has read: no word is known to be new")
    concepts = {*known.concepts} & {*judge.config.concepts}
    read = {*known.concepts, *known.others}
    for name, some, left_out in (
        ("words to train with", words.training, ()),
        ("words held out", words.held_out, read),
    ):
        here = {concept: found for concept, found in some.items() if concept in concepts}
        asked = choose_words(here, real.styles, known=left_out, count=count, seed=SEED)
        if asked:
            painted = paint(painter, [each.prompt for each in asked], name)
            yield judge_words(painted, asked, judge).line(name)


def everyday_lines(
    painter: Painter, judge: Judge, real: PictureSet, file: Path, count: int
) -> Iterator[str]:
    """Nouns without a style, and things in colours that trainings draw and that they never draw.

    As somebody types them, read by the model's language; those that the judge can name.
    """
    from limner.data.everyday_words import read_nouns
    from limner.data.everyday_world import everyday_world
    from limner.evaluate.everyday import colours_wanted, judge_everyday, nouns_wanted

    named = set(judge.config.concepts)
    nouns = [(noun, concept) for noun, concept in read_nouns(file) if concept in named]
    plain = everyday_world(real).plain
    for name, wanted in (
        ("everyday nouns", nouns_wanted(nouns, count, SEED)),
        ("colours drawn", colours_wanted(plain, count, SEED, held_out=False)),
        ("colours held out", colours_wanted(plain, count, SEED, held_out=True)),
    ):
        if wanted:
            painted = paint_as_asked(painter, [each.prompt for each in wanted], name)
            yield judge_everyday(painted, wanted, judge).line(name)


def paint_as_asked(painter: Painter, prompts: Sequence[str], name: str) -> Tensor:
    """One picture a prompt as a person gets it, in the model's size, as bytes."""
    import torch

    from limner.data.pixels import premultiplied_bytes

    size = painter.parts.sampling.size
    painted = pictures_as_asked(painter, prompts, name)
    return torch.stack([premultiplied_bytes(picture, size) for picture in painted])


def pictures_as_asked(painter: Painter, prompts: Sequence[str], name: str) -> Iterator[Image]:
    """One picture a prompt as a person gets it, but not enlarged; seeds 0, 1, ..."""
    from limner.pipeline.request import Request

    asked = (Request(prompt=p, seed=seed, upscale=1) for seed, p in enumerate(prompts))
    with progress_bar(name) as report:
        for done, result in enumerate(painter.paint_many(asked), 1):
            yield result.images[0]
            report(done, len(prompts))


def premultiplied(picture: Image) -> Tensor:
    """A picture as premultiplied bytes, (4, H, W)."""
    from limner.data.pixels import premultiplied_bytes

    return premultiplied_bytes(picture, picture.size)


def plan(source: Scenes, count: int, chance: random.Random, *, held_out: bool) -> list[Scene]:
    """So many scenes, of all relations but "and", which says no place."""
    from limner.data.scene_words import Relation

    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = source.plan(chance.randrange(source.count), chance, held_out=held_out)
        scenes += [] if scene.relation is Relation.AND else [scene]
    return scenes


def pair_of(scene: Scene) -> Pair:
    """What of a scene is to the left of what, or above it."""
    from limner.data.scene_words import Relation
    from limner.evaluate.composition import Pair

    names = scene.first.concept, scene.second.concept
    if scene.relation in (Relation.RIGHT, Relation.BELOW):
        names = names[::-1]
    upright = scene.relation in (Relation.ABOVE, Relation.BELOW)
    return Pair(first=names[0], second=names[1], upright=upright)


def paint(painter: Painter, prompts: Sequence[str], name: str) -> Tensor:
    """One picture a prompt, seeds 0, 1, ..., as bytes."""
    import torch

    from limner.data.pixels import to_bytes

    parts = []
    with progress_bar(name) as report:
        for first in range(0, len(prompts), BATCH):
            some = prompts[first : first + BATCH]
            seeds = range(first, first + len(some))
            parts.append(to_bytes(painter.paint_batch(some, seeds)))
            report(first + len(some), len(prompts))
    return torch.cat(parts)
