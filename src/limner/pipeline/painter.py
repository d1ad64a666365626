"""The painter: a loaded model and the engine that it runs on. It plans, and drives what paints."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.checkpoints import Parts, Words
from limner.engine.adapted import Places
from limner.engine.asks import Encode, Enlarge, Step, Text
from limner.engine.driver import steps
from limner.engine.eager import EagerEngine
from limner.engine.scheduler import outcomes
from limner.errors import LimnerError, UsageError
from limner.generators import finish
from limner.pipeline.adapters import Adapters
from limner.pipeline.language import Language
from limner.pipeline.many import AHEAD, in_order, paint_batch, painting, rows_of
from limner.pipeline.model import Model
from limner.pipeline.paint import paint
from limner.pipeline.planning import plan
from limner.pipeline.request import Request
from limner.pipeline.resolve import resolve
from limner.pipeline.result import Result
from limner.pipeline.words import meant
from limner.types import Conditioning, LatentSpace

if TYPE_CHECKING:
    from limner.pipeline.upscaling import Enlarger


class Painter:
    """A loaded model, ready to paint. Made by `limner.load`."""

    def __init__(
        self,
        parts: Parts,
        *,
        device: torch.device | str = "cpu",
        language: Language | None = None,
        load_enlarger: Callable[[], Enlarger] | None = None,
    ) -> None:
        self._load_enlarger = load_enlarger
        place = torch.device(device)
        for module in parts.modules:
            module.to(place).eval().requires_grad_(False)
        places = Places.of(parts)
        self.model = Model(parts=parts, adapters=Adapters(places), device=place, language=language)
        self.engine = EagerEngine(parts, places, enlarge=self._enlarged)

    @property
    def parts(self) -> Parts:
        return self.model.parts

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def adapters(self) -> Adapters:
        """The LoRAs and learned words that later requests have by default."""
        return self.model.adapters

    @property
    def words(self) -> Words | None:
        """What the model was taught, where its folder says so."""
        return self.model.words

    @property
    def space(self) -> LatentSpace:
        """The space that the denoiser works in; pixels themselves without an autoencoder."""
        return self.model.space

    @cached_property
    def enlarger(self) -> Enlarger:
        """What enlarges pictures, loaded when it is needed first, unless it is set."""
        if self._load_enlarger is None:
            raise UsageError("this painter has no upscaler: that of `limner.load` has one")
        return self._load_enlarger()

    def add_lora(self, path: str | Path, weight: float = 1.0, name: str | None = None) -> str:
        """Have later requests painted with a LoRA file; its name, that of the file if None.

        Raises UsageError where the name is taken, CheckpointError where the file does not fit.
        """
        return self.adapters.add_lora(path, weight, name)

    def remove_lora(self, name: str) -> None:
        """Take a LoRA off later requests; the weights are then as before, to the bit."""
        self.adapters.remove_lora(name)

    def add_embedding(self, path: str | Path, word: str | None = None) -> str:
        """Have later requests understand the word of a textual inversion file, and return it.

        word: what it is to be called, what the file calls it if None.
        """
        return self.adapters.add_embedding(path, word)

    def remove_embedding(self, word: str) -> None:
        """Forget a word of `add_embedding`."""
        self.adapters.remove_embedding(word)

    def generate(self, prompt: str, **fields: Any) -> Result:
        """Paint a prompt; `fields` are those of `Request`."""
        return self.paint(Request(prompt=prompt, **fields))

    def edit(self, picture: Image.Image | str | Path, prompt: str, **fields: Any) -> Result:
        """Paint over a picture, or a file's; `fields` are those of `Request`.

        A `mask` of a file's name is read too. Outside the mask the result's pictures have the
        bytes of the picture.
        """
        from limner.pipeline.masks import read_mask
        from limner.pipeline.pictures import read_picture

        if not isinstance(picture, Image.Image):
            picture = read_picture(picture)
        if "mask" in fields:
            fields["mask"] = read_mask(fields["mask"])
        return self.generate(prompt, picture=picture, **fields)

    def restyle(
        self,
        picture: Image.Image | str | Path,
        style: Image.Image | str | Path,
        prompt: str = "",
        **fields: Any,
    ) -> Result:
        """Paint what a picture, or a file's, shows in a style; `fields` are those of `Request`.

        style: one of `words.styles`, or a picture or its file, whose name has a dot or a slash.
        """
        from limner.pipeline.features.restyle import read_style
        from limner.pipeline.pictures import read_picture

        if not isinstance(picture, Image.Image):
            picture = read_picture(picture)
        return self.generate(prompt, content=picture, style=read_style(style), **fields)

    def paint(self, request: Request) -> Result:
        """Paint a request to its end."""
        return finish(self.steps(request))

    def steps(self, request: Request) -> Generator[Step, None, Result]:
        """Paint step by step: yields each, returns the result; stop iterating to cancel.

        Enlarging, where the request asks for it, is not told step by step.
        """
        return (yield from steps(paint(plan(request, self.model)), self.engine))

    def refined(self, picture: Image.Image, request: Request) -> Generator[Step, None, Result]:
        """Paint over a picture at its own size, step by step; RGB stays RGB."""
        from limner.pipeline.features.upscale import refined

        again = partial(plan, model=self.model)
        painting = refined(picture, request, self.model, again)
        return (yield from steps(painting, self.engine))

    def outcomes(self, requests: Iterable[Request]) -> Iterator[tuple[int, Result | LimnerError]]:
        """Paint many requests by shared calls: (number, result or why there is none), as they end.

        They may differ in everything. `requests` is read as there is room, so it may be long.
        """
        return self._outcomes(requests)

    def paint_many(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Paint many requests by shared calls; their results in the order of the requests.

        Raises the first error there is, in its place; `outcomes` goes on after one.
        """
        return in_order(self._outcomes(requests, AHEAD))

    def complete(self, request: Request) -> Request:
        """The request with the model's defaults; RequestError for a size it cannot paint."""
        return resolve(request, self.model).request

    def encode(self, texts: Sequence[str], clip_skip: int | None = None) -> Conditioning:
        """One row a text, as it stands; clip_skip: None is the model's own.

        Raises UsageError for a clip_skip beyond the tower's layers.
        """
        layer = self.parts.sampling.clip_skip if clip_skip is None else clip_skip
        known = [meant(text, self.model.lexicon)[0] for text in texts]
        ask = Encode(texts=tuple(Text.plain(text, layer) for text in known))
        with self.engine.session():  # which looks whether the encoder has changed
            (encoded,) = self.engine.answer([ask])
        return Conditioning.joined([each.conditioning for each in encoded])

    def paint_batch(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "B P H W"]:
        """One picture a prompt and seed, as model pixels: see `limner.pipeline.many`."""
        return paint_batch(self.model, self.engine, prompts, seeds)

    def _outcomes(
        self, requests: Iterable[Request], ahead: int | None = None
    ) -> Generator[tuple[int, Result | LimnerError], None, None]:
        paintings = (
            (number, painting(request, self.model), rows_of(request))
            for number, request in enumerate(requests)
        )
        return outcomes(paintings, self.engine, ahead=ahead)

    def _enlarged(self, ask: Enlarge) -> Image.Image:
        return self.enlarger.upscale(ask.picture, ask.by, seed=ask.seed)
