"""The painter: it plans requests, and drives what paints them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.engine.asks import Step
from limner.engine.driver import steps
from limner.engine.scheduler import outcomes
from limner.generators import finish
from limner.pipeline.loaded import Loaded
from limner.pipeline.many import AHEAD, in_order, paint_batch, painting, rows_of, signed
from limner.pipeline.paint import Painting, paint
from limner.pipeline.planning import plan
from limner.pipeline.request import Request
from limner.pipeline.result import Result


class Painter(Loaded):
    """A loaded model, ready to paint. Made by `limner.load`."""

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
        return (yield from self._driven(paint(plan(request, self.model))))

    def refined(self, picture: Image.Image, request: Request) -> Generator[Step, None, Result]:
        """Paint over a picture at its own size, step by step; RGB stays RGB."""
        from limner.pipeline.features.upscale import refined

        again = partial(plan, model=self.model)
        painting = refined(picture, request, self.model, again)
        return (yield from self._driven(painting))

    def outcomes(self, requests: Iterable[Request]) -> Iterator[tuple[int, Result | Exception]]:
        """Paint many requests by shared calls: (number, result or why there is none), as they end.

        They may differ in everything. `requests` is read as there is room, so it may be long.
        """
        return self._outcomes(requests)

    def paint_many(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Paint many requests by shared calls; their results in the order of the requests.

        Raises the first error there is, in its place; `outcomes` goes on after one.
        """
        return in_order(self._outcomes(requests, AHEAD))

    def paint_batch(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "B P H W"]:
        """One picture a prompt and seed, as model pixels: see `limner.pipeline.many`."""
        return paint_batch(self.model, self.engine, prompts, seeds)

    def _outcomes(
        self, requests: Iterable[Request], ahead: int | None = None
    ) -> Generator[tuple[int, Result | Exception], None, None]:
        paintings = (
            (number, signed(painting(request, self.model), self.engine), rows_of(request))
            for number, request in enumerate(requests)
        )
        return outcomes(paintings, self.engine, ahead=ahead)

    def _driven(self, painting: Painting) -> Generator[Step, None, Result]:
        return (yield from steps(signed(painting, self.engine), self.engine))
