"""The painter: text encoder, noise, solver with guidance, decoder, in this order."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.checkpoints import Parts, Words
from limner.checkpoints.conditions import multiple_of, with_sizes, without_negative
from limner.data.pixels import to_picture
from limner.diffusion.noise import Noise, Variation, seeds_from
from limner.diffusion.process import Level
from limner.diffusion.sample import drive, last
from limner.diffusion.schedules import levels
from limner.diffusion.solvers import SOLVERS, Evaluations, solver_named
from limner.errors import RequestError
from limner.pipeline.adapters import Adapters
from limner.pipeline.canvas import Canvas, canvas_of, nearest
from limner.pipeline.conditions import shown_beside
from limner.pipeline.decoding import LatentDecoder
from limner.pipeline.editing import Original, default_strength, no_step_warning, original_of, taken
from limner.pipeline.encodings import Encodings
from limner.pipeline.guiding import Guiding
from limner.pipeline.layout import complete_layout
from limner.pipeline.masks import read_mask
from limner.pipeline.numerics import finite
from limner.pipeline.pictures import read_picture
from limner.pipeline.recording import Recording
from limner.pipeline.refining import enlarged
from limner.pipeline.request import Request
from limner.pipeline.restyling import Restyling, complete_restyling, read_style, restyling_of
from limner.pipeline.result import Clock, Result, Step
from limner.pipeline.script import Reader, Scene, check_maps, not_painted, scenes, trees
from limner.pipeline.upscaling import Enlarger
from limner.pipeline.words import warnings
from limner.text.dialect import Dialect
from limner.text.tree import Tree
from limner.text.weighted import NATIVE
from limner.text.weighting import Weighting
from limner.types import Conditioning, Latent, LatentSpace

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Start:
    """A solver about to begin: its levels, and the noise of unit variance that it begins with."""

    run: Evaluations
    levels: tuple[Level, ...]
    noise: Latent


class Painter:
    """A loaded model, ready to paint. Made by `limner.load`."""

    def __init__(self, parts: Parts, *, device: torch.device | str = "cpu") -> None:
        self.parts = parts
        self.device = torch.device(device)
        for module in parts.modules:
            module.to(self.device).eval().requires_grad_(False)
        self.adapters = Adapters(parts)
        self.encode = Encodings(parts, self.adapters)
        self.decoder = LatentDecoder(parts.autoencoder)
        self.enlarger: Enlarger | None = None

    @property
    def words(self) -> Words | None:
        """What the model was taught, where its folder says so."""
        return self.parts.words

    @property
    def space(self) -> LatentSpace:
        """The space that the denoiser works in; pixels themselves without an autoencoder."""
        if self.parts.autoencoder is None:
            return LatentSpace(channels=self.parts.denoiser.config.in_channels, stride=1)
        return self.parts.autoencoder.config.space

    @property
    def multiple(self) -> int:
        """Width and height of a picture are multiples of this."""
        return multiple_of(self.parts)

    def add_lora(self, path: str | Path, weight: float = 1.0, name: str | None = None) -> str:
        """Put a LoRA file on the model and return its name, that of the file if None.

        Raises UsageError where the name is taken, CheckpointError where the file does not fit.
        """
        return self.adapters.add_lora(path, weight, name)

    def remove_lora(self, name: str) -> None:
        """Take a LoRA off; the weights are then as before, to the bit."""
        self.adapters.remove_lora(name)

    def add_embedding(self, path: str | Path, word: str | None = None) -> str:
        """Teach the model the word of a textual inversion file, and return it.

        word: what it is to be called, what the file calls it if None.
        """
        return self.adapters.add_embedding(path, word)

    def remove_embedding(self, word: str) -> None:
        """Make the model forget a word of `add_embedding`."""
        self.adapters.remove_embedding(word)

    def generate(self, prompt: str, **fields: Any) -> Result:
        """Paint a prompt; `fields` are those of `Request`."""
        return self.paint(Request(prompt=prompt, **fields))

    def edit(self, picture: Image.Image | str | Path, prompt: str, **fields: Any) -> Result:
        """Paint over a picture, or a file's; `fields` are those of `Request`.

        A `mask` of a file's name is read too. Outside the mask the result's pictures have the
        bytes of the picture.
        """
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
        if not isinstance(picture, Image.Image):
            picture = read_picture(picture)
        return self.generate(prompt, content=picture, style=read_style(style), **fields)

    def paint(self, request: Request) -> Result:
        """Paint a request to its end."""
        steps = self.steps(request)
        while True:
            try:
                next(steps)
            except StopIteration as finished:
                return finished.value

    @torch.inference_mode()
    def steps(self, request: Request) -> Generator[Step, None, Result]:
        """Paint step by step: yields each, returns the result; stop iterating to cancel.

        Enlarging, where the request asks for it, is not told step by step.
        """
        request = self.complete(request)
        if request.upscale is not None:
            return (yield from enlarged(self, request))
        return (yield from self._painted(request))

    def _painted(self, request: Request) -> Generator[Step, None, Result]:
        """A completed request at its own size."""
        canvas = self._canvas(request)
        seeds = seeds_from(_given(request.seed), request.count)
        clock = Clock()

        prompt, negative = trees(
            request.prompt, request.negative, _given(request.dialect), lenient=request.lenient
        )
        with self.adapters.tagged(prompt.loras) as missing:
            with clock.stage("text"):
                restyling = restyling_of(request, self.parts, self.encode)
                told = restyling.told(self._scenes(request, prompt, negative))
            recording = Recording(self.parts.denoiser, request.attention)
            with clock.stage("denoise"):
                x = yield from self._denoised(request, seeds, told, recording, canvas, restyling)
        with clock.stage("decode"):
            decoded = self.decoder(x)
            painted = [to_picture(pixels) for pixels in decoded.pixels]
        return Result(
            images=painted if canvas is None else [canvas.put_back(each) for each in painted],
            latents=x,
            request=request,
            seeds=seeds,
            timings=clock.seconds,
            warnings=(
                *no_step_warning(request),
                *restyling.notes,
                *warnings(self.words, request.prompt),
                *self.adapters.warnings,
                *not_painted(prompt, negative, missing, request.embeddings or ()),
                *decoded.notes,
            ),
            attention=recording.maps(self.parts.tokenizer, x, request.count),
        )

    def _denoised(
        self,
        request: Request,
        seeds: tuple[int, ...],
        told: Mapping[int, Scene],
        recording: Recording,
        canvas: Canvas | None,
        restyling: Restyling,
    ) -> Generator[Step, None, Latent]:
        """From noise, or a picture with noise, to the last latent, step by step."""
        original = None
        if canvas is not None:
            original = original_of(self.parts, canvas, float(_given(request.strength)))
        start = self._start(request, seeds, original)
        guiding = self._guiding(request, canvas)
        denoise = guiding.over_time(told, self._levels(request), recording, restyling)
        if original is not None:
            denoise = original.kept(denoise, start.noise, start.levels[0])
        total = self.calls(request)
        run, final = drive(start.run, denoise), list[Tensor]()
        for evaluation in iterate(run, final):
            denoised = finite(evaluation.denoised, f"denoiser at step {evaluation.index + 1}")
            yield Step(
                index=evaluation.index + 1,
                total=total,
                level=evaluation.level,
                x=evaluation.x,
                denoised=denoised,
                preview=partial(self.decode, denoised, canvas),
            )
        x = final[0] if original is None else original.restored(final[0])
        return finite(x, "solver")

    def complete(self, request: Request) -> Request:
        """The request with the model's defaults; RequestError for a size it cannot paint."""
        own = self.parts.sampling
        self.adapters.learn(request.prompt, request.negative)
        canvas = self._canvas(request)
        if canvas is not None:
            request = request.with_defaults(size=canvas.size, strength=default_strength(canvas))
        request = complete_layout(request, own)
        request = complete_restyling(request, self.parts, self.multiple)
        request = self.adapters.complete(request).with_defaults(
            seed=secrets.randbelow(2**32),
            dialect=own.dialect,
            size=own.size,
            steps=own.steps,
            guidance=own.guidance,
            solver=own.solver,
            schedule=own.schedule,
            clip_skip=own.clip_skip,
        )
        request = request.with_defaults(weighting=self._weighting(_given(request.dialect)))
        if request.variation_strength > 0:
            request = request.with_defaults(variation_seed=secrets.randbelow(2**32))
        width, height = _given(request.size)
        if width % self.multiple or height % self.multiple:
            fits = nearest((width, height), self.multiple)
            raise RequestError(
                f"size {width}x{height} does not fit this model: multiples of {self.multiple} "
                f"are right, such as {fits[0]}x{fits[1]}"
            )
        return request

    def calls(self, request: Request) -> int:
        """How often the denoiser is called for a completed request, guidance not counted."""
        visited = self._levels(request)
        if request.strength is not None:
            visited = taken(visited, request.strength)
        return SOLVERS[_given(request.solver)].calls(visited)

    def decode(self, latent: Latent, canvas: Canvas | None = None) -> list[Image.Image]:
        """Normalised latents -> pictures, put back where they were painted."""
        painted = map(to_picture, self.decoder(latent).pixels)
        return [p if canvas is None else canvas.put_back(p) for p in painted]

    @torch.inference_mode()
    def paint_batch(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "B P H W"]:
        """One picture a prompt and seed, in the model's defaults, as model pixels on the CPU.

        For measuring many prompts: the batch shares every model call.
        """
        request = self.complete(Request(prompt="", seed=0, count=len(prompts)))
        text = self._text(prompts, request)
        run = self._start(request, tuple(seeds)).run
        return self.decoder(last(drive(run, self._guiding(request).by(text)))).pixels

    def _text(self, prompts: Sequence[str], request: Request) -> Conditioning:
        """[negative, ..., prompts] as plain text, so that one model call serves guidance."""
        texts = [request.negative] * len(prompts) + list(prompts)
        text = self.encode(texts, _given(request.clip_skip))
        if self.parts.sampling.zero_negative and not request.negative:
            text = without_negative(text, range(len(prompts)))
        return with_sizes(text, self.parts.denoiser, _given(request.size))

    def _weighting(self, dialect: str) -> str:
        """What a weight does by default: what the model says of its own dialect, or the native."""
        own = self.parts.sampling
        if own.weighting is not None and dialect == own.dialect:
            return own.weighting
        return NATIVE[Dialect(dialect)].value

    def _scenes(self, request: Request, prompt: Tree, negative: Tree) -> dict[int, Scene]:
        """What the request's texts say over the steps."""
        dialect, clip_skip = prompt.dialect, _given(request.clip_skip)
        weighting = request.maps or Weighting(_given(request.weighting))
        check_maps(request.maps or {}, prompt, negative, _given(request.steps))
        reader = Reader(
            encode=lambda spans: self.encode.spans(spans, dialect, weighting, clip_skip),
            tokens=lambda spans: self.encode.tokens(spans, dialect),
            empty=lambda: self.encode([""], clip_skip),
        )
        parted = request.layout is not None
        return scenes(prompt, negative, _given(request.steps), reader, parted=parted)

    def _canvas(self, request: Request) -> Canvas | None:
        return canvas_of(request, self.parts.sampling.size, self.multiple)

    def _guiding(self, request: Request, canvas: Canvas | None = None) -> Guiding:
        parts = self.parts
        beside = shown_beside(parts.denoiser, parts.autoencoder, _given(request.size), canvas)
        return Guiding(parts=parts, request=request, beside=beside)

    def _start(
        self, request: Request, seeds: tuple[int, ...], original: Original | None = None
    ) -> Start:
        width, height = _given(request.size)
        space = self.space
        shape = (space.channels, height // space.stride, width // space.stride)
        noise = Noise(seeds, shape, mode=request.noise, variation=_variation(request))
        start = noise.start() if request.start_noise is None else request.start_noise
        if start.shape != (request.count, *shape):
            raise RequestError(
                f"start_noise has shape {tuple(start.shape)}: {(request.count, *shape)} is right"
            )
        visited = self._levels(request)
        start = start.to(self.device, torch.float32)
        if original is None:
            x = visited[0].add_noise(torch.zeros_like(start), start)
        else:
            visited = original.levels(visited)
            x = original.start(visited[0], start)
        run = solver_named(_given(request.solver), eta=request.eta)(x, visited, noise)
        return Start(run=run, levels=visited, noise=start)

    def _levels(self, request: Request) -> tuple[Level, ...]:
        return levels(
            self.parts.process,
            _given(request.steps),
            _given(request.schedule),
            shift=self.parts.sampling.shift,
        )


def iterate(run: Generator[Any, None, Tensor], into: list[Tensor]) -> Iterator[Any]:
    """What a generator yields; what it returns is put into the list."""
    into.append((yield from run))


def _variation(request: Request) -> Variation | None:
    """What a completed request asks of the start beside its seeds."""
    if request.variation_seed is None:
        return None
    seeds = seeds_from(request.variation_seed, request.count)
    return Variation(seeds=seeds, strength=request.variation_strength)


def _given(value: T | None) -> T:
    """A field of a completed request, which is never None."""
    assert value is not None
    return value
