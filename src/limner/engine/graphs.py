"""What engines share that run the denoiser as graphs: each of fixed shapes, with weights in it.

What no graph can do is left to the modules, and told: see `remarks`. So is, where nobody is to
wait, what comes before a graph is ready, and what is too little for a graph to pay.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn

from limner.engine.adapted import Adapted
from limner.engine.asks import Denoise
from limner.engine.eager import EagerEngine
from limner.engine.keeping import Graphs, Wanted
from limner.engine.kernels import kernels_for
from limner.engine.rows import Network, Rows
from limner.engine.sharing import shared
from limner.nn.prepared import Prepared, choose
from limner.types import Times

MOST_PLACES = 2**13  # of the latents in one call of a graph: two rows of SD 1 at 512x512

Graph = Callable[[Tensor, Times, Prepared], Tensor]
"""A denoiser for rows of one shape: fp32 x (R, C, h, w), times (R,) and text -> (R, O, h, w)."""


class Shape(NamedTuple):
    """What a graph is made for. rows: of the text, as many as those of x or a multiple."""

    x: tuple[int, ...]
    rows: int
    tokens: int
    masked: bool
    pooled: bool

    @classmethod
    def of(cls, x: Tensor, text: Prepared) -> Shape:
        rows = text.rows if text.keys else len(x)
        masked, pooled = text.mask is not None, text.pooled is not None
        return cls(tuple(x.shape), rows, text.tokens, masked, pooled)


class Flat(nn.Module):
    """A denoiser that takes tensors alone, (x, t, *flat(text)), which is what can be traced.

    readers: how many cross-attentions it has. masked, pooled: what the text has beside.
    """

    def __init__(self, denoiser: nn.Module, *, readers: int, masked: bool, pooled: bool) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.readers, self.masked, self.pooled = readers, masked, pooled

    @classmethod
    def of(cls, text: Prepared) -> Callable[[nn.Module], Flat]:
        """What makes it of a denoiser, for texts like this one."""
        masked, pooled = text.mask is not None, text.pooled is not None
        return partial(cls, readers=len(text.keys), masked=masked, pooled=pooled)

    def forward(self, x: Tensor, t: Tensor, *text: Tensor) -> Tensor:
        keys, values, rest = (
            text[: self.readers],
            text[self.readers : 2 * self.readers],
            list(text[2 * self.readers :]),
        )
        mask = rest.pop(0) if self.masked else None
        pooled = rest.pop(0) if self.pooled else None
        output: Tensor = self.denoiser(x, t, Prepared(keys, values, mask, pooled))
        return output


def flat(text: Prepared) -> tuple[Tensor, ...]:
    """The tensors of a text, as `Flat` takes them."""
    return tuple(
        each for each in (*text.keys, *text.values, text.mask, text.pooled) if each is not None
    )


class GraphEngine(EagerEngine):
    """As the eager engine, but that the denoiser runs as graphs that a subclass makes.

    `remarks` says what was left to the modules.

    pays: from how many calls in one shape a graph is made, those of before and those to come; of
    fewer the modules do all. One that is kept from before is always taken.
    """

    pays = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._graphs = Graphs[Graph](self.parts.denoiser, self.name)
        self._to_go = 0  # of the asks under way
        self._by_modules = WeakSet[object]()  # asks
        self._modules_ran = False
        self._said: dict[str, None] = {}  # of the call under way
        self._remarks = WeakKeyDictionary[object, Mapping[str, None]]()

    @abstractmethod
    def begin(self, x: Tensor, t: Times, text: Prepared) -> Callable[[], Graph]:
        """Begin a graph for arguments of these shapes, under the model's own weights alone.

        What is returned gives it when it is ready; another thread may call it, and the weights may
        change meanwhile.
        """

    def make(self, x: Tensor, t: Times, text: Prepared) -> Graph:
        """A graph for arguments of these shapes, under the model's own weights alone."""
        return self.begin(x, t, text)()

    def remarks(self, ask: object) -> Mapping[str, None]:
        return self._remarks.pop(ask, {})

    def answered_by(self, ask: object) -> str:
        if ask not in self._by_modules:
            return self.called
        return self.said_of(EagerEngine.name, next(self.parts.denoiser.parameters()).dtype)

    def is_kept(self, shape: Shape) -> bool:
        """Whether a graph of these shapes is there from before, and takes little time to get."""
        return False

    def denoise(self, asks: Sequence[Denoise]) -> list[Tensor]:
        self._said, self._modules_ran = {}, False
        self._to_go = max(ask.to_go for ask in asks)
        answers = super().denoise(asks)
        if self._modules_ran:
            self._by_modules.update(asks)
        if self._said:
            self._remarks.update(dict.fromkeys(asks, self._said))
        return answers

    @contextmanager
    def session(self) -> Iterator[None]:
        with super().session():
            with self._lock:
                self._check()
            yield

    def network(self, rows: Rows, under: Adapted) -> Network:
        reason = beyond(rows, under)
        if reason is not None:
            self._said[f"{reason}: the denoiser ran without {self.name}"] = None
            self._modules_ran = True
            return super().network(rows, under)
        prepared = self._prepared(rows.texts, under.key)

        def call(x: Tensor, t: Times) -> Tensor:
            x, t = shared(self.parts.denoiser, rows.with_shown(x).float(), t, prepared)
            times = len(rows) // len(x)  # texts a row
            most = MOST_PLACES // (times * x[0, 0].numel())
            cut = list(portions(len(x), max(1, most)))
            to_go = self._to_go * len(cut)
            parts = [
                self._graph(x[part], t[part], told_to(prepared, part, len(x)), to_go)
                for part in cut
            ]
            return torch.cat([part.unflatten(0, (times, -1)) for part in parts], 1).flatten(0, 1)

        return call

    def _graph(self, x: Tensor, t: Times, text: Prepared, to_go: int) -> Tensor:
        """Call the graph of these shapes, which is made where there is none; or the modules."""
        shape = Shape.of(x, text)
        wanted = Wanted(
            pays=self.pays,
            to_go=to_go,
            kept=partial(self.is_kept, shape),
            waits=self.waits,
            tell=self._tell,
        )
        graph = self._graphs.get(shape, partial(self.begin, x, t, text), wanted)
        if graph is not None:
            return graph(x, t, text)
        self._modules_ran = True
        denoiser = self.parts.denoiser
        with kernels_for(denoiser):
            output: Tensor = denoiser(x.to(next(denoiser.parameters()).dtype), t, text)
        return output

    def _tell(self, remark: str) -> None:
        self._said[remark] = None

    def _check(self) -> None:
        """Forget all graphs where the weights are not those that are in them."""
        if self._graphs.check():
            self.changed()

    def changed(self) -> None:
        """Called where the denoiser's weights are not what they were."""


def told_to(text: Prepared, part: slice, rows: int) -> Prepared:
    """What these of so many rows of x are told, by one text each or by several."""
    if part == slice(0, rows):
        return text
    places = range(text.rows if text.keys else rows)
    return choose(text, [place for place in places if part.start <= place % rows < part.stop])


def beyond(rows: Rows, under: Adapted) -> str | None:
    """What of rows no graph does, in words; None where one does them."""
    if under.loras:
        return "a LoRA is on the model"
    if rows.attend is not None:
        return "attention is looked at or changed"
    if rows.visible is not None:
        return "places look at parts of the text"
    if rows.added:
        return "a branch adds to the maps"
    return None


def portions(rows: int, most: int) -> Iterator[slice]:
    """Rows in portions of powers of two, of at most `most`, so that few shapes do for any."""
    first = 0
    while first < rows:
        count = 1 << (min(rows - first, most).bit_length() - 1)
        yield slice(first, first + count)
        first += count
