"""A text tower learns words that no caption has: each is to say what a name that it knows says.

The tower is its own teacher, as it was before. Said alone, "a mutt" is to have the states of "a
dog" and of no other name (cross-entropy over all of them, as far as the states are from each
other); in captions the states of "a mutt, 3d" become those of "a dog, 3d", token by token, and
those of captions without new words stay what they were. So whatever was trained on its states reads
the new words too, and need not be trained again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from limner.data.captions import pick
from limner.errors import TrainingError
from limner.text.encode import TextEncoder, Tower
from limner.text.masks import PadMask, pad_mask
from limner.training.draws import Draws

THING, OTHER = "{}", "{other}"
SHARE = 8
"""Of so many words of a batch one is said in a caption too."""
LENGTHS = 4
"""Parts of a batch by length: a short word need not be padded to the longest."""
TEMPERATURE = 0.01
"""Mean square difference of states that divides the odds of two names by e."""
OFTEN = 2
"""Times that each name is among the words, as itself: what nothing new means is kept as well."""
NAMED, KEPT = 0.03, 3.0
"""Weights of the cross-entropy and of what known captions lose, beside the other errors."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What stands around a thing in a caption."""

    before: str
    after: str

    def around(self, word: str) -> str:
        return f"{self.before}{word}{self.after}"


ALONE = Frame(before="a ", after="")


class MeaningObjective:
    """New words by the states of known names, known captions by their own.

    encoder: the tower that learns, with its tokenizer. meanings: new word -> known name. captions:
    what is said of a thing, `{}`; another one, `{other}`, is one of `names`. The names are among
    the words that are said, as themselves, so that none is forgotten.

    Losses: `named`, cross-entropy of a word said alone over the names; `alone` and `read`, mean
    square error of its states alone and in a caption; `kept`, of the known captions' states.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        meanings: Mapping[str, str],
        names: Sequence[str],
        captions: Sequence[str],
    ) -> None:
        if not meanings:
            raise TrainingError("there is no word to learn: words with a known name are right")
        tower = encoder.tower
        assert isinstance(tower, nn.Module)
        teacher = deepcopy(tower).requires_grad_(False)
        # The teacher too is in a training's state: beside it the model is in time the pupil.
        self.modules = nn.ModuleDict({"text_encoder": tower, "teacher": teacher})
        self.encoder = encoder
        self.meanings = [*meanings.items(), *((name, name) for name in names for _ in range(OFTEN))]
        self.names, self.captions = names, captions
        self.count = len(self.meanings)
        place = {name: i for i, name in enumerate(names)}
        self.wanted = torch.tensor([place[known] for _, known in self.meanings])
        self.ids = encoder.tokenizer([ALONE.around(word) for word, _ in self.meanings])
        self.lengths = self._real(self.ids).sum(dim=1)

    @property
    def teacher(self) -> TextEncoder:
        """The encoder as it was before the training."""
        tower = self.modules["teacher"]
        assert isinstance(tower, Tower)
        return replace(self.encoder, tower=tower)

    @cached_property
    def known(self) -> Float[Tensor, "N S"]:
        """What the teacher says of the names alone; asked for only once a state is taken up."""
        ids = self.encoder.tokenizer([ALONE.around(name) for name in self.names])
        device = next(self.modules.parameters()).device
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            return self._ends(self.teacher, ids)

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        said = range(0, len(indices), SHARE)
        losses = self._alone(indices) | self._in_captions(
            [self.meanings[int(indices[row])] for row in said],
            [self._frame(draws.chances()[row]) for row in said],
        )
        errors = losses["alone"] + losses["read"] + KEPT * losses["kept"]
        total = NAMED * losses["named"] + errors
        return {"total": total, **losses}

    def _alone(self, indices: Int[Tensor, "B"]) -> dict[str, Tensor]:
        """How well words said alone are told apart, and how far they are from what they are to say.

        A batch is computed in parts by length: a short word need not be padded to the longest.
        """
        order = indices[self.lengths[indices].argsort()]
        parts = [self.ids[part] for part in order.chunk(LENGTHS)]
        states = torch.cat([self._ends(self.encoder, ids) for ids in parts])
        known, wanted = self.known, self.wanted[order].to(states.device)
        odds = -torch.cdist(states, known).square() / (states.shape[1] * TEMPERATURE)
        named = F.cross_entropy(odds, wanted)
        return {"named": named, "alone": F.mse_loss(states, known[wanted])}

    def _in_captions(
        self, words: Sequence[tuple[str, str]], frames: Sequence[Frame]
    ) -> dict[str, Tensor]:
        """How far states are in captions, of (new word, known name) each in its frame."""
        new, known = zip(*words, strict=True)
        captions = [
            frame.around(word)
            for said in (known, new)
            for frame, word in zip(frames, said, strict=True)
        ]
        ids = self._cut(self.encoder.tokenizer(captions))
        before, after = self.encoder.encode(ids).context.chunk(2)
        with torch.no_grad():
            wanted = self.teacher.encode(ids[: len(known)]).context
        places = torch.stack(
            [self._places(*row, ids.shape[1]) for row in zip(frames, known, new, strict=True)]
        ).to(before.device)
        known_real, new_real = self._real(ids).to(before).chunk(2)
        kept = error(before, wanted, known_real)
        read = error(after, wanted.take_along_dim(places[..., None], dim=1), new_real)
        return {"read": read, "kept": kept}

    def _frame(self, chance: torch.Generator) -> Frame:
        caption = pick(self.captions, chance).replace(OTHER, pick(self.names, chance))
        before, _, after = caption.partition(THING)
        return Frame(before=before, after=after)

    def _ends(self, encoder: TextEncoder, ids: Int[Tensor, "B L"]) -> Float[Tensor, "B S"]:
        """States of the last token of each caption and of its EOS, one after the other."""
        ids = self._cut(ids)
        states = encoder.encode(ids).context.float()
        end = self._real(ids).sum(dim=1).to(states.device) - 1
        rows = torch.arange(len(ids), device=states.device)
        return torch.cat([states[rows, end - 1], states[rows, end]], dim=1)

    def _cut(self, ids: Int[Tensor, "B L"]) -> Int[Tensor, "B l"]:
        """Without the padding that none of them needs."""
        return ids[:, : int(self._real(ids).sum(dim=1).max())]

    def _real(self, ids: Int[Tensor, "B L"]) -> Bool[Tensor, "B L"]:
        """False where a token is padding."""
        tokenizer = self.encoder.tokenizer
        real = pad_mask(ids, PadMask.PAD, end=tokenizer.end, pad=tokenizer.pad)
        assert real is not None
        return real

    def _places(self, frame: Frame, known: str, new: str, length: int) -> Int[Tensor, "L"]:
        """Where in the caption of the known name each token of the new word's has its counterpart.

        The last tokens of the two belong together, and those before them in their order.
        """
        before, old, now = (
            len(self.encoder.tokenizer.encode(text)) for text in (frame.before, known, new)
        )
        first, last = 1 + before, before + old  # after BOS
        word = torch.linspace(first, last, now).round() if now > 1 else torch.tensor([last])
        places = torch.cat([torch.arange(first), word.long(), last + 1 + torch.arange(length)])
        return places[:length].clamp(max=length - 1)


def error(
    found: Float[Tensor, "B L D"], wanted: Float[Tensor, "B L D"], weight: Float[Tensor, "B L"]
) -> Float[Tensor, ""]:
    """Mean square difference of the positions, each weighted."""
    each = (found.float() - wanted.float()).square().mean(dim=2)
    return (each * weight).sum() / weight.sum()
