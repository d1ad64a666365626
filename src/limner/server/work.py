"""What the core is given to paint, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from PIL import Image

from limner.engine.asks import Ask, Decode, Step
from limner.engine.driver import Engine, Painting


@runtime_checkable
class Painter(Protocol):
    """What a work is begun with: a loaded model on its engine."""

    @property
    def engine(self) -> Engine: ...


@runtime_checkable
class Watcher(Protocol):
    """Whom the core tells how a work goes, on the engine's thread; one of the last four is last."""

    def started(self) -> None: ...

    def stepped(self, step: Step) -> None: ...

    def finished(self, result: Any) -> None: ...

    def interrupted(self, images: list[Image.Image], step: Step) -> None: ...

    def failed(self, error: Exception) -> None: ...

    def cancelled(self) -> None: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """Something to be painted.

    owner: whose it is. model: its name. shape: what must be alike to share calls, as far as that is
    known before it begins. rows: that it will ask to denoise. begin: its painting, of the painter.
    """

    id: str
    owner: str
    model: str
    shape: object
    rows: int
    begin: Callable[[Any], Painting[Any]]
    watcher: Watcher

    @property
    def flow(self) -> tuple[str, object]:
        return self.model, self.shape


class Interrupted:
    """What a painting ended with that was told to end early: its pictures as they were."""

    def __init__(self, images: list[Image.Image], step: Step) -> None:
        self.images = images
        self.step = step


def ending(step: Step) -> Generator[Ask | Step, Any, Interrupted]:
    """In place of the rest of a painting: the pictures of its last step."""
    decoded = yield Decode(latent=step.denoised)
    return Interrupted(step.pictures(decoded.pixels), step)
