"""What a request says at each step: prompts read in their dialect, encoded and weighted.

`read` asks for the encodings of all texts at once; the scenes are then made of the answers.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from limner.checkpoints.conditions import with_sizes, without_negative
from limner.engine.asks import Encode, Encoded, Text
from limner.errors import RequestError
from limner.explain.heatmaps import NEGATIVE, PROMPT, Side
from limner.pipeline.plan import Feature, Plan, given
from limner.pipeline.request import Request
from limner.pipeline.scene import Control, Scene, Told, changed
from limner.pipeline.words import meant
from limner.prompt import Blend, Conjunction, Stage, Swap, Tree, parse
from limner.text.alignment import aligned, filled
from limner.text.combine import blend, conjunction, same_length
from limner.text.dialect import Dialect
from limner.text.spans import Span, Spans
from limner.text.tokenizer import words_in
from limner.text.weighted import mapped
from limner.text.weighting import Map, Weighting
from limner.types import Conditioning

EMPTY: Spans = ()  # the empty prompt, which Compel's combinations need


@dataclass(frozen=True)
class Reader:
    """The encodings of a request's texts, by their spans."""

    encoded: Mapping[Spans, Encoded]

    def encode(self, spans: Spans) -> Conditioning:
        """Of one row."""
        return self.encoded[spans].conditioning

    def tokens(self, spans: Spans) -> Int[Tensor, "L"]:
        """The ids that lie in the context."""
        return self.encoded[spans].tokens

    def empty(self) -> Conditioning:
        return self.encode(EMPTY)


def read(plan: Plan, features: Sequence[Feature]) -> Generator[Encode, Any, Told]:
    """What the texts of a plan say over the steps, with what its features add."""
    prompt, negative, request = plan.prompt, plan.negative, plan.request
    steps, parted = given(request.steps), request.layout is not None
    check_maps(request.maps or {}, plan.trees, steps)
    reader = yield from encoded(_said(prompt, negative, steps, parted=parted), plan)
    told: Told = scenes(prompt, negative, steps, reader, parted=parted)
    for feature in features:
        told = feature.told(told)
    return changed(told, _Conditioned(plan))


def encoded(said: Iterable[Spans], plan: Plan) -> Generator[Encode, Any, Reader]:
    """The encodings of some texts of a plan."""
    texts = {spans: _text(spans, plan) for spans in said}
    answers = yield Encode(texts=tuple(texts.values()), under=plan.adapted)
    return Reader(dict(zip(texts, answers, strict=True)))


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
        now, against_now = holding(texts, last), holding(against, last)
        swaps = active(prompt, last, steps)
        said = now.members, against_now.members, swaps, kept(swaps, last, steps)
        if said not in made:
            make = _parted_scene if parted else _scene
            scene = make(edited, now, negative, against_now, reader)
            made[said] = _swapping(scene, prompt, last, steps, reader) if swaps else scene
        told[last] = made[said]
    return told


def trees(prompt: str, negative: str, dialect: str, *, lenient: bool = False) -> tuple[Tree, Tree]:
    """Both texts of a request as trees. Raises PromptError where one cannot be read."""
    kind = Dialect(dialect)
    return (
        parse(prompt, kind, lenient=lenient),
        parse(negative, kind, lenient=lenient, negative=True),
    )


def trees_of_regions(request: Request, dialect: str) -> tuple[Tree, ...]:
    """The texts of a request's regions as trees. Raises PromptError where one cannot be read."""
    texts = [region.text for region in request.regions or ()]
    return tuple(parse(text, Dialect(dialect), lenient=request.lenient) for text in texts)


def _said(prompt: Tree, negative: Tree, steps: int, *, parted: bool) -> Iterator[Spans]:
    """The spans of every text that is to be encoded; some may come several times."""
    for tree in (prompt.edited, negative.edited):
        for stage in tree.timeline(steps):
            yield from (spans for spans, _ in stage.members)
    for step in range(1, steps + 1) if prompt.swaps else ():
        if swaps := active(prompt, step, steps):
            said = holding(prompt.with_original(swaps).timeline(steps), step)
            yield from (spans for spans, _ in said.members)
    combined = {prompt.kind, negative.kind} & {Blend, Conjunction}
    if parted or combined or prompt.swaps or prompt.dialect is Dialect.COMPEL:
        yield EMPTY


def _text(spans: Spans, plan: Plan) -> Text:
    """Spans as they are encoded: with words that the model has not read as those that it has."""
    request = plan.request
    how: Weighting | dict[int, Map] = Weighting(given(request.weighting))
    cut = spans
    if request.maps:
        cut, how = mapped(spans, request.maps)
    lexicon, learned = plan.model.lexicon, request.embeddings or ()
    known = tuple(
        replace(span, text=meant(span.text, lexicon, learned)[0])
        if isinstance(span, Span)
        else span
        for span in cut
    )
    return Text(
        spans=known,
        clip_skip=given(request.clip_skip),
        dialect=plan.prompt.dialect,
        weighting=how if isinstance(how, Weighting) else tuple(how.items()),
    )


class _Conditioned:
    """Scenes as a model's denoiser is told them: SDXL's sizes, and zeros for no negative.

    What is one conditioning in several scenes stays one.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._made: dict[tuple[int, bool], tuple[Conditioning, Conditioning]] = {}

    def __call__(self, scene: Scene) -> Scene:
        swap = scene.swap
        return replace(
            scene,
            negative=self._told(scene.negative, opposed=True),
            members=tuple(map(self._told, scene.members)),
            swap=swap and replace(swap, original=self._told(swap.original)),
        )

    def _told(self, text: Conditioning, *, opposed: bool = False) -> Conditioning:
        key = id(text), opposed
        if key not in self._made:
            told, parts, request = text, self._plan.model.parts, self._plan.request
            if opposed and parts.sampling.zero_negative and not request.negative:
                told = without_negative(told, [0])
            self._made[key] = text, with_sizes(told, parts.denoiser, given(request.size))
        return self._made[key][1]


def check_maps(maps: Mapping[str, Map], trees: Sequence[Tree], steps: int) -> None:
    """RequestError where a text that has a function stands nowhere in the prompts."""
    stages = [stage for tree in trees for stage in tree.edited.timeline(steps)]
    said = {spans for stage in stages for spans, _ in stage.members}
    for text, function in maps.items():
        if not any(mapped(spans, {text: function})[1] for spans in said):
            raise RequestError(f"there is a map for {text!r}, which stands nowhere in the prompt")


def not_painted(trees: Sequence[Tree], learned: Iterable[str]) -> tuple[str, ...]:
    """What of a prompt, its negative and its regions has no effect on the picture, as warnings.

    learned: the learned words that the texts have.
    """
    known, (prompt, _, *regions) = tuple(learned), trees
    words = [node for tree in trees for node in tree.embeddings]
    unknown = [node.name for node in words if not words_in(known, node.word)]
    return (
        *(f"embedding {n!r} is missing: --embedding or --embedding-folder" for n in unknown),
        *(f"the prompt's <{tag.name}> is a tag that Limner does not know" for tag in prompt.tags),
        *(
            f"a region's <{tag.name}> is a tag that Limner does not know"
            for tree in regions
            for tag in tree.tags
        ),
    )


def _scene(prompt: Tree, now: Stage, negative: Tree, against: Stage, reader: Reader) -> Scene:
    members, weights = members_of(prompt, now, reader)
    (one, *_), _ = members_of(negative, against, reader)
    padding = reader.empty() if prompt.dialect is Dialect.COMPEL else None
    one, *members = same_length([one, *members], padding)
    sides = sides_of(NEGATIVE, negative, against, reader)[:1] + sides_of(
        PROMPT, prompt, now, reader
    )
    return Scene(negative=one, members=tuple(members), weights=weights, sides=sides)


def _parted_scene(
    prompt: Tree, now: Stage, negative: Tree, against: Stage, reader: Reader
) -> Scene:
    """The texts of the parts one behind the other, and the negative as often."""
    count = len(now.members)
    (one, *_), _ = members_of(negative, against, reader)
    encoded = [reader.encode(spans) for spans, _ in now.members]
    lengths = {each.context.shape[1] for each in (one, *encoded)}
    if len(lengths) > 1:
        raise RequestError(
            f"the texts of a layout have {', '.join(map(str, sorted(lengths)))} tokens: all of one "
            "length are right, the negative too; shorten the longest"
        )
    weights = tuple(weight for _, weight in now.members)
    (opposed, *_) = sides_of(NEGATIVE, negative, against, reader)
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
    said = holding(original.timeline(steps), step)
    (first, *_), _ = members_of(original, said, reader)
    first, negative, member = same_length([first, scene.negative, *scene.members], reader.empty())
    length = first.context.shape[1]
    tokens = [
        filled(torch.cat([reader.tokens(spans) for spans, _ in stage.members]), length)
        for stage in (said, holding(edited.timeline(steps), step))
    ]
    cross, own = kept(swaps, step, steps)
    sides = (*scene.sides, *sides_of(f"original {PROMPT}", original, said, reader))
    control = Control(original=first, alignment=aligned(*tokens), cross=cross, own=own)
    return replace(scene, negative=negative, members=(member,), swap=control, sides=sides)


def members_of(
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


def sides_of(name: str, tree: Tree, stage: Stage, reader: Reader) -> tuple[Side, ...]:
    """The texts of what `members_of` gives: one for each member of an AND, else one."""
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


def holding(stages: Sequence[Stage], step: int) -> Stage:
    return next(stage for stage in stages if step <= stage.last)


def active(prompt: Tree, step: int, steps: int) -> tuple[Swap, ...]:
    """The swaps of a prompt that keep maps at a step, counted from 1."""
    return tuple(swap for swap in prompt.swaps if any(swap.limits.at(step, steps)))


def kept(swaps: Collection[Swap], step: int, steps: int) -> tuple[bool, bool]:
    """Whether any of them keeps the maps of cross-attention, and of self-attention, at a step."""
    limits = [swap.limits.at(step, steps) for swap in swaps]
    return any(cross for cross, _ in limits), any(own for _, own in limits)
