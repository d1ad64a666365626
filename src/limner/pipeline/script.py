"""What a request says at each step: prompts read in their dialect, encoded and weighted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from limner.diffusion.process import Level
from limner.prompt import Blend, Conjunction, Stage, Tree, parse
from limner.text.combine import blend, conjunction, same_length
from limner.text.dialect import Dialect
from limner.text.spans import Spans
from limner.types import Conditioning

Encode = Callable[[Spans], Conditioning]
"""The spans of one text -> its conditioning, of one row."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What holds for some steps.

    negative, members: conditionings of one row and of one length. weights: of the members; one of
    weight 1 unless the prompt has an AND.
    """

    negative: Conditioning
    members: tuple[Conditioning, ...]
    weights: tuple[float, ...]


def scenes(
    prompt: Tree, negative: Tree, steps: int, encode: Encode, empty: Callable[[], Conditioning]
) -> dict[int, Scene]:
    """Last step, counted from 1 -> what holds up to it; ranges that say the same share a scene.

    empty: gives the encoding of the empty prompt, which Compel's combinations need.
    """
    texts, against = prompt.timeline(steps), negative.timeline(steps)
    padding = empty() if prompt.dialect is Dialect.COMPEL else None
    told, made = {}, dict[object, Scene]()
    for last in sorted({stage.last for stage in (*texts, *against)}):
        now, against_now = _holding(texts, last), _holding(against, last)
        said = now.members, against_now.members
        if said not in made:
            members, weights = _members(prompt, now, encode, empty)
            (one, *_), _ = _members(negative, against_now, encode, empty)
            one, *members = same_length([one, *members], padding)
            made[said] = Scene(negative=one, members=tuple(members), weights=weights)
        told[last] = made[said]
    return told


def at_level(told: Mapping[int, Scene], visited: Sequence[Level], level: Level) -> Scene:
    """What holds for an evaluation: at the step which begins at or above its level."""
    step = max(1, sum(each.sigma >= level.sigma for each in visited[:-1]))
    return next(scene for last, scene in told.items() if step <= last)


def trees(prompt: str, negative: str, dialect: str, *, lenient: bool = False) -> tuple[Tree, Tree]:
    """Both texts of a request as trees. Raises PromptError where one cannot be read."""
    kind = Dialect(dialect)
    return (
        parse(prompt, kind, lenient=lenient),
        parse(negative, kind, lenient=lenient, negative=True),
    )


def not_painted(prompt: Tree, loras: Collection[str]) -> tuple[str, ...]:
    """What of a prompt has no effect on the picture, as warnings. loras: those on the model."""
    missing = [lora.name for lora in prompt.loras if lora.name not in loras]
    tags = [tag.name for tag in prompt.tags]
    return (
        *(f"LoRA {name!r} of the prompt is not on the model: --lora adds it" for name in missing),
        *(f"the prompt's <{name}> is a tag that Limner does not know" for name in tags),
        *(["swap is read and not painted: its first words are"] if prompt.swaps else []),
    )


def _members(
    tree: Tree, stage: Stage, encode: Encode, empty: Callable[[], Conditioning]
) -> tuple[list[Conditioning], tuple[float, ...]]:
    """The conditionings to guide by: several of an AND, else one."""
    encoded = [encode(spans) for spans, _ in stage.members]
    weights = tuple(weight for _, weight in stage.members)
    if tree.kind is Blend:
        return [blend(encoded, weights, empty(), normalise=_is_mean(tree))], (1.0,)
    if tree.kind is Conjunction:
        return [conjunction(encoded, weights, empty())], (1.0,)
    return encoded, weights


def _is_mean(tree: Tree) -> bool:
    return next(node.mean for node in tree.children if isinstance(node, Blend))


def _holding(stages: Sequence[Stage], step: int) -> Stage:
    return next(stage for stage in stages if step <= stage.last)
