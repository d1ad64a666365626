"""The engine that every model runs on: its modules, called as they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from limner.checkpoints import Parts
from limner.engine import heap
from limner.engine.adapted import Adapted, Places, Wearing
from limner.engine.asks import Ask, Decode, Decoded, Denoise, Encode, Encoded, Enlarge, Look
from limner.engine.decoding import LatentDecoder
from limner.engine.kernels import is_heavy, kernels_for, lay_out
from limner.engine.looking import look
from limner.engine.rows import Network, Rows, denoised, joined
from limner.engine.sharing import shared
from limner.engine.texts import Preparations, Texts
from limner.nn.prepared import Beside
from limner.types import Times

SHORT = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
MOST_PLACES = 2**17  # of the latents in one call: 32 rows of SD 1, 512 of the shipped model


class EagerEngine:
    """Answers asks with a model's modules, one call at a time.

    name: what people call it. waits: whether an ask waits for what the engine makes for asks like
    it and keeps; otherwise, while that is made, the modules answer.

    places: where LoRAs and learned words go; nobody else touches the weights while something is
    painted. enlarge: what answers `Enlarge`.
    """

    name = "eager"
    waits = True

    def __init__(
        self,
        parts: Parts,
        places: Places | None = None,
        *,
        enlarge: Callable[[Enlarge], Image.Image] | None = None,
    ) -> None:
        self.parts = parts
        lay_out(parts.denoiser)
        self.decoder = LatentDecoder(parts.autoencoder)
        self.texts = Texts(parts)
        self.calls = 0  # of the denoiser, for whoever counts them
        self._enlarge = enlarge
        self._places = Places.of(parts) if places is None else places
        self._wearing = Wearing(self._places)
        self._prepared = Preparations(parts.denoiser)
        self._under_way = 0
        self._lock = threading.RLock()

    @property
    def dtype(self) -> torch.dtype:
        """What the denoiser computes in."""
        return next(self.parts.denoiser.parameters()).dtype

    @property
    def called(self) -> str:
        """What is said with a picture of what painted it, as "eager fp32"."""
        return self.said_of(self.name, self.dtype)

    def answered_by(self, ask: object) -> str:
        """The same of what answered an ask."""
        return self.called

    def said_of(self, name: str, dtype: torch.dtype) -> str:
        """What is said of an engine that computes in a dtype, and decodes as this one does."""
        short = str(dtype).removeprefix("torch.")
        decoder = "" if self.decoder.tiny is None else ", tiny decoder"
        return f"{name} {SHORT.get(short, short)}{decoder}"

    def remarks(self, ask: object) -> Mapping[str, None]:
        """What a person should know of how this ask was answered, each once."""
        return {}

    def key(self, ask: Ask) -> Hashable:
        """Equal for asks that one call can answer."""
        if not isinstance(ask, Denoise):
            return type(ask), id(ask)
        if ask.attend is not None:
            return Denoise, id(ask)
        shown = None if ask.shown is None else ask.shown.shape[1:]
        return Denoise, ask.x.shape[1:], ask.x.dtype, shown, ask.under.key

    @contextmanager
    def session(self) -> Iterator[None]:
        """Around a painting: keys and values of its texts are kept until none is under way."""
        with self._lock:
            self.texts.check()
            self._under_way += 1
            if is_heavy(self.parts.denoiser):
                heap.keep()
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                if not self._under_way:
                    self._prepared.forget()
                    if is_heavy(self.parts.denoiser):
                        heap.give_back()

    @torch.inference_mode()
    def answer(self, asks: Sequence[Any]) -> list[Any]:
        """The answers to asks of one key. Raises what a network raises."""
        with self._lock:
            first = asks[0]
            if isinstance(first, Denoise):
                return self.denoise(asks)
            with kernels_for(self.parts.denoiser):
                return [self._alone(ask) for ask in asks]

    def _alone(self, ask: Ask) -> tuple[Encoded, ...] | Decoded | Image.Image | Any:
        match ask:
            case Encode():
                return self.encode(ask)
            case Decode():
                if is_heavy(self.parts.denoiser):
                    heap.trim()  # the decoder goes by what is free
                return self.decoder(ask.latent)
            case Look():
                return look(self.parts, ask)
            case Enlarge():
                assert self._enlarge is not None
                return self._enlarge(ask)
        raise TypeError(f"{type(ask).__name__} is no ask that this engine answers")

    def encode(self, ask: Encode) -> tuple[Encoded, ...]:
        """Each text by itself."""
        self._wearing.put_on(ask.under)
        return tuple(self.texts(text, ask.under.key) for text in ask.texts)

    def denoise(self, asks: Sequence[Denoise]) -> list[Tensor]:
        """The denoised rows of each ask, by one call or, of many rows, by a few."""
        under = asks[0].under
        self._wearing.put_on(under)
        rows = joined(asks)
        most = max(1, MOST_PLACES // rows.x[0, 0].numel()) if rows.attend is None else len(rows)
        parts = [self._denoised(part, under) for part in rows.split(most)]
        answers = parts[0] if len(parts) == 1 else torch.cat(parts)
        return list(answers.split([len(ask) for ask in asks]))

    def _denoised(self, rows: Rows, under: Adapted) -> Tensor:
        self.calls += 1
        call = self.network(rows, under)
        return denoised(call, rows, self.parts.process, self.parts.prediction)

    def network(self, rows: Rows, under: Adapted) -> Network:
        """What predicts, of the rows' native x and times; `under` is on the model."""
        denoiser = self.parts.denoiser
        prepared = self._prepared(rows.texts, under.key)
        beside = Beside(attend=rows.attend, visible=rows.visible, added=rows.added)

        def call(x: Tensor, t: Times) -> Tensor:
            x = rows.with_shown(x).to(next(denoiser.parameters()).dtype)
            if rows.nothing_beside:
                x, t = shared(denoiser, x, t, prepared)
            with kernels_for(denoiser):
                return denoiser(x, t, prepared, beside=beside)

        return call
