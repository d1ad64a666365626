"""A text tower learns words that no caption has: each is to say what a name that it knows says.

The tower is its own teacher: the states of "a mutt, 3d" become those that it had for "a dog, 3d"
before, token by token, and those of captions without new words stay what they were. So whatever was
trained on its states reads the new words too, and need not be trained again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limner.data.captions import pick
from limner.errors import TrainingError
from limner.text.encode import TextEncoder
from limner.text.masks import PadMask, pad_mask
from limner.training.draws import Draws

THING, OTHER = "{}", "{other}"


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What stands around a thing in a caption."""

    before: str
    after: str

    def around(self, word: str) -> str:
        return f"{self.before}{word}{self.after}"


class MeaningObjective:
    """Mean square error of states: of new words to their names', of known captions to themselves.

    encoder: the tower that learns, with its tokenizer. meanings: new word -> known name. captions:
    what is said of a thing, `{}`; another one, `{other}`, is one of `names`.
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
        self.modules = nn.ModuleDict({"text_encoder": tower})
        self.encoder = encoder
        self.teacher = deepcopy(tower).eval().requires_grad_(False)
        self.meanings = list(meanings.items())
        self.names, self.captions = names, captions
        self.count = len(self.meanings)

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        new, known = zip(*(self.meanings[index] for index in indices.tolist()), strict=True)
        frames = [self._frame(chance) for chance in draws.chances()]
        ids, real = self._tokenised(
            [
                f.around(word)
                for words in (known, new)
                for f, word in zip(frames, words, strict=True)
            ]
        )
        before, after = self.encoder.encode(ids).context.chunk(2)
        with torch.no_grad():
            teacher = replace(self.encoder, tower=self.teacher.to(before.device))
            wanted = teacher.encode(ids[: len(known)]).context
        places = torch.stack(
            [self._places(*row, ids.shape[1]) for row in zip(frames, known, new, strict=True)]
        ).to(before.device)
        known_real, new_real = real.to(before).chunk(2)
        kept = error(before, wanted, known_real)
        read = error(after, wanted.take_along_dim(places[..., None], dim=1), new_real)
        return {"total": kept + read, "kept": kept, "read": read}

    def _frame(self, chance: torch.Generator) -> Frame:
        caption = pick(self.captions, chance).replace(OTHER, pick(self.names, chance))
        before, _, after = caption.partition(THING)
        return Frame(before=before, after=after)

    def _tokenised(
        self, captions: Sequence[str]
    ) -> tuple[Int[Tensor, "B L"], Float[Tensor, "B L"]]:
        """Ids without the padding that none of them needs; 1 where a token is none of it."""
        tokenizer = self.encoder.tokenizer
        ids = tokenizer(captions)
        real = pad_mask(ids, PadMask.PAD, end=tokenizer.end, pad=tokenizer.pad)
        assert real is not None
        length = int(real.sum(dim=1).max())
        return ids[:, :length], real[:, :length].float()

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
