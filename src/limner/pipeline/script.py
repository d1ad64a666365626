"""What a request says at each step: prompts read in their dialect, encoded and weighted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from limner.diffusion.process import Level
from limner.errors import RequestError
from limner.explain.heatmaps import NEGATIVE, PROMPT, Side
from limner.pipeline.swaps import Control, active, kept
from limner.prompt import Blend, Conjunction, Stage, Tree, parse
from limner.text.alignment import aligned, filled
from limner.text.combine import blend, conjunction, same_length
from limner.text.dialect import Dialect
from limner.text.spans import Spans
from limner.text.weighted import mapped
from limner.text.weighting import Map
from limner.types import Conditioning


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How texts are read: as one model, dialect and weighting read them.

    encode: the spans of one text -> its conditioning, of one row. tokens: -> its tokens' ids, (L,).
    empty: the encoding of the empty prompt, which Compel's combinations need.
    """

    encode: Callable[[Spans], Conditioning]
    tokens: Callable[[Spans], Int[Tensor, "L"]]
    empty: Callable[[], Conditioning]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What holds for some steps.

    negative, members: conditionings of one row and of one length. weights: of the members; one of
    weight 1 unless the prompt has an AND. sides: the texts of these. swap: what a swap keeps of the
    original prompt, where the one member is the edited prompt. parts: of the picture, each with a
    text of its own; those of the one member, and of the negative, lie one behind the other.
    """

    negative: Conditioning
    members: tuple[Conditioning, ...]
    weights: tuple[float, ...]
    sides: tuple[Side, ...]
    swap: Control | None = None
    parts: int = 1


def scenes(
    prompt: Tree, negative: Tree, steps: int, reader: Reader, *, parted: bool = False
) -> dict[int, Scene]:
    """Last step, counted from 1 -> what holds up to it; ranges that say the same share a scene.

    parted: the texts of an AND are each for a part of the picture. Raises RequestError where they
    cannot be.
    """
    if parted and (prompt.swaps or prompt.kind is Blend):
        what = "swaps" if prompt.swaps else "blends"
        raise RequestError(
            f"a layout cannot be combined with {what}: texts joined by AND are right"
        )
    edited, against = prompt.edited, negative.edited.timeline(steps)
    texts = edited.timeline(steps)
    lasts = {stage.last for stage in (*texts, *against)}
    told, made = {}, dict[object, Scene]()
    for last in sorted(lasts | set(range(1, steps + 1) if prompt.swaps else ())):
        now, against_now = _holding(texts, last), _holding(against, last)
        swaps = active(prompt, last, steps)
        said = now.members, against_now.members, swaps, kept(swaps, last, steps)
        if said not in made:
            make = _parted_scene if parted else _scene
            scene = make(edited, now, negative, against_now, reader)
            made[said] = _swapping(scene, prompt, last, steps, reader) if swaps else scene
        told[last] = made[said]
    return told


def at_level(
    told: Mapping[int, Scene], visited: Sequence[Level], level: Level
) -> tuple[int, Scene]:
    """The step of an evaluation, which begins at or above its level, and what holds at it."""
    step = max(1, sum(each.sigma >= level.sigma for each in visited[:-1]))
    return step, next(scene for last, scene in told.items() if step <= last)


def trees(prompt: str, negative: str, dialect: str, *, lenient: bool = False) -> tuple[Tree, Tree]:
    """Both texts of a request as trees. Raises PromptError where one cannot be read."""
    kind = Dialect(dialect)
    return (
        parse(prompt, kind, lenient=lenient),
        parse(negative, kind, lenient=lenient, negative=True),
    )


def check_maps(maps: Mapping[str, Map], prompt: Tree, negative: Tree, steps: int) -> None:
    """RequestError where a text that has a function stands nowhere in the prompts."""
    stages = [*prompt.edited.timeline(steps), *negative.edited.timeline(steps)]
    said = {spans for stage in stages for spans, _ in stage.members}
    for text, function in maps.items():
        if not any(mapped(spans, {text: function})[1] for spans in said):
            raise RequestError(f"there is a map for {text!r}, which stands nowhere in the prompt")


def not_painted(
    prompt: Tree, negative: Tree, missing: Iterable[str], learned: Iterable[str]
) -> tuple[str, ...]:
    """What of the texts has no effect on the picture, as warnings.

    missing: LoRAs that were not found. learned: the learned words that the texts have.
    """
    known = {word.lower() for word in learned}
    words = [node.name for tree in (prompt, negative) for node in tree.embeddings]
    unknown = [name for name in words if name.lower() not in known]
    return (
        *(f"LoRA {name!r} of the prompt is missing: --lora or --lora-folder" for name in missing),
        *(f"embedding {n!r} is missing: --embedding or --embedding-folder" for n in unknown),
        *(f"the prompt's <{tag.name}> is a tag that Limner does not know" for tag in prompt.tags),
    )


def _scene(prompt: Tree, now: Stage, negative: Tree, against: Stage, reader: Reader) -> Scene:
    members, weights = _members(prompt, now, reader)
    (one, *_), _ = _members(negative, against, reader)
    padding = reader.empty() if prompt.dialect is Dialect.COMPEL else None
    one, *members = same_length([one, *members], padding)
    sides = _sides(NEGATIVE, negative, against, reader)[:1] + _sides(PROMPT, prompt, now, reader)
    return Scene(negative=one, members=tuple(members), weights=weights, sides=sides)


def _parted_scene(
    prompt: Tree, now: Stage, negative: Tree, against: Stage, reader: Reader
) -> Scene:
    """The texts of the parts one behind the other, and the negative as often."""
    count = len(now.members)
    (one, *_), _ = _members(negative, against, reader)
    encoded = [reader.encode(spans) for spans, _ in now.members]
    lengths = {each.context.shape[1] for each in (one, *encoded)}
    if len(lengths) > 1:
        raise RequestError(
            f"the texts of a layout have {', '.join(map(str, sorted(lengths)))} tokens: all of one "
            "length are right, the negative too; shorten the longest"
        )
    weights = tuple(weight for _, weight in now.members)
    (opposed, *_) = _sides(NEGATIVE, negative, against, reader)
    texts = torch.cat([reader.tokens(spans) for spans, _ in now.members])
    sides = (
        Side(name=NEGATIVE, texts=tuple(text.repeat(count) for text in opposed.texts)),
        Side(name=PROMPT, texts=(texts,)),
    )
    return Scene(
        negative=conjunction([one] * count, [1.0] * count, reader.empty()),
        members=(conjunction(encoded, weights, reader.empty()),),
        weights=(1.0,),
        sides=sides,
        parts=count,
    )


def _swapping(scene: Scene, prompt: Tree, step: int, steps: int, reader: Reader) -> Scene:
    """The scene of an edited prompt with what its swaps keep of the original one at a step."""
    swaps = active(prompt, step, steps)
    original, edited = prompt.with_original(swaps), prompt.edited
    said = _holding(original.timeline(steps), step)
    (first, *_), _ = _members(original, said, reader)
    first, negative, member = same_length([first, scene.negative, *scene.members], reader.empty())
    length = first.context.shape[1]
    tokens = [
        filled(torch.cat([reader.tokens(spans) for spans, _ in stage.members]), length)
        for stage in (said, _holding(edited.timeline(steps), step))
    ]
    cross, own = kept(swaps, step, steps)
    sides = (*scene.sides, *_sides(f"original {PROMPT}", original, said, reader))
    control = Control(original=first, alignment=aligned(*tokens), cross=cross, own=own)
    return replace(scene, negative=negative, members=(member,), swap=control, sides=sides)


def _members(
    tree: Tree, stage: Stage, reader: Reader
) -> tuple[list[Conditioning], tuple[float, ...]]:
    """The conditionings to guide by: several of an AND, else one."""
    encoded = [reader.encode(spans) for spans, _ in stage.members]
    weights = tuple(weight for _, weight in stage.members)
    if tree.kind is Blend:
        return [blend(encoded, weights, reader.empty(), normalise=_is_mean(tree))], (1.0,)
    if tree.kind is Conjunction:
        return [conjunction(encoded, weights, reader.empty())], (1.0,)
    return encoded, weights


def _sides(name: str, tree: Tree, stage: Stage, reader: Reader) -> tuple[Side, ...]:
    """The texts of what `_members` gives: one for each member of an AND, else one."""
    texts = tuple(reader.tokens(spans) for spans, _ in stage.members)
    if tree.kind is Blend:
        return (Side(name=name, texts=texts),)
    if tree.kind is Conjunction:
        return (Side(name=name, texts=(torch.cat(texts),)),)
    numbered = [f"{name} {number}" for number in range(1, len(texts) + 1)]
    names = numbered if len(texts) > 1 else [name]
    return tuple(Side(name=n, texts=(text,)) for n, text in zip(names, texts, strict=True))


def _is_mean(tree: Tree) -> bool:
    return next(node.mean for node in tree.children if isinstance(node, Blend))


def _holding(stages: Sequence[Stage], step: int) -> Stage:
    return next(stage for stage in stages if step <= stage.last)
