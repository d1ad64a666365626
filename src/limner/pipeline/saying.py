"""What the texts of a request come to once they are read: what a tokenizer will be given."""

from __future__ import annotations

from collections.abc import Iterator

from limner.checkpoints.settings import Sampling
from limner.errors import PromptError
from limner.pipeline.request import Request
from limner.pipeline.script import trees, trees_of_regions
from limner.prompt import Tree
from limner.text.spans import Span


def said(request: Request, own: Sampling) -> tuple[str, ...]:
    """Every text that holds at some step, escapes and signs of the dialect resolved, once each.

    own: the model's defaults. A text that cannot be read is given as it stands: whoever plans the
    request says what is wrong with it.
    """
    dialect = own.dialect if request.dialect is None else request.dialect
    steps = own.steps if request.steps is None else request.steps
    try:
        both = trees(request.prompt, request.negative, dialect, lenient=request.lenient)
        read = (*both, *trees_of_regions(request, dialect))
    except PromptError:
        return request.texts
    return tuple(dict.fromkeys(text for tree in read for text in _texts(tree, steps)))


def _texts(tree: Tree, steps: int) -> Iterator[str]:
    for each in (tree, tree.edited) if tree.swaps else (tree,):
        for stage in each.timeline(steps):
            for spans, _ in stage.members:
                yield from (span.text for span in spans if isinstance(span, Span))
