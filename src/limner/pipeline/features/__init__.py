"""What can be wished for beside words to a picture: one file a feature.

Each has `complete`, which gives a request the defaults of its fields and says what cannot be, and
`planned`, which gives what a completed request uses of it, or None.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from limner.pipeline.features import edit, inpaint, layout, record, restyle, swap, upscale
from limner.pipeline.model import Model
from limner.pipeline.plan import Feature
from limner.pipeline.request import Request


@runtime_checkable
class Kind(Protocol):
    """A module of this package."""

    def complete(self, request: Request, model: Model) -> Request: ...

    def planned(self, request: Request, model: Model) -> Feature | None: ...


# In the order in which they act: what is recorded is what a swap attends by; what enlarges is last.
FEATURES: tuple[Kind, ...] = (edit, layout, restyle, inpaint, record, swap, upscale)
