"""CLIP's byte-level BPE: text to token ids of a fixed length, and back.

The splitting and merging runs on the engine of the `tokenizers` package; the vocabulary is CLIP's
published one, a folder's, or a small one trained by the same scheme.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Engine
from torch import Tensor

from limner.errors import CheckpointError, UsageError
from limner.files import lines_of

START = "<|startoftext|>"
END = "<|endoftext|>"
WORD_END = (
    "</w>"  # marks a token that closes a word, so "cat</w>" and the "cat" of "catalog" differ
)
CLIP_LENGTH = 77
CLIP_MERGES = 48_894  # of the 262,144 published; with 512 bytes and 2 special tokens: V = 49,408
CLIP_SPLIT = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d"
    r"|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)

Merge = tuple[str, str]


class Piece(NamedTuple):
    """A stretch of a text as it is tokenised: ids, tokens, and the characters of each.

    learned: whether it is one word of `Tokenizer.learn`.
    """

    ids: Sequence[int]
    tokens: Sequence[str]
    spans: Sequence[tuple[int, int]]
    learned: bool = False


class Tokenizer:
    """Text to ids. Made by `clip`, `load` or `train`.

    start, end, pad: the ids of BOS, EOS and PAD (EOS by default; OpenCLIP pads with 0).
    length: the L that prompts are normalised to, 77 for CLIP.
    """

    def __init__(
        self, engine: Engine, *, pad: int | None = None, length: int = CLIP_LENGTH
    ) -> None:
        start, end = engine.token_to_id(START), engine.token_to_id(END)
        if start is None or end is None:
            raise CheckpointError(f"the vocabulary must hold {START} and {END}")
        self.start: int = start
        self.end: int = end
        self.pad: int = end if pad is None else pad
        self.length = length
        self._engine = engine
        self.learn({})
        if not 0 <= self.pad < self.vocabulary_size:
            raise UsageError(f"pad must be an id below {self.vocabulary_size}, not {self.pad}")

    @classmethod
    def clip(cls, *, pad: int | None = None, length: int = CLIP_LENGTH) -> Tokenizer:
        """CLIP's published vocabulary, V = 49,408. Give pad=0 for OpenCLIP's text towers.

        Id 0 is "!" within a word. It only pads here: a "!" in a text is a token like any other.
        """
        merges = _published_merges()
        return cls(_engine(_vocabulary(merges), merges), pad=pad, length=length)

    @classmethod
    def load(cls, source: str | Path) -> Tokenizer:
        """A `tokenizer.json`, or a folder with one or with `vocab.json` and `merges.txt`.

        PAD and the length come from the folder's configuration files where it has them. As in
        transformers, a PAD other than EOS is then special: where it stands in a text, its id
        comes out (the folders of Stable Diffusion 2 and SDXL do so to "!").
        Raises CheckpointError where the files are missing or broken.
        """
        path = Path(source)
        folder = path if path.is_dir() else path.parent
        try:
            engine = _read_engine(path)
            pad_token, pad_is_special, length = _read_settings(folder)
        except Exception as error:  # the engine raises bare Exception on a broken file
            raise CheckpointError(f"{path} does not hold a tokenizer: {error}") from error
        pad = engine.token_to_id(pad_token)
        if pad is None:
            raise CheckpointError(f"{folder} pads with {pad_token}, which its vocabulary lacks")
        if pad_is_special:
            engine.add_special_tokens([AddedToken(pad_token, special=True)])
        return cls(engine, pad=pad, length=length)

    @classmethod
    def train(
        cls, texts: Iterable[str], vocabulary_size: int, length: int = CLIP_LENGTH
    ) -> Tokenizer:
        """A vocabulary of `vocabulary_size` learned from the texts, in the scheme of CLIP's.

        It holds every byte, so any text can be encoded. It is smaller than asked for where the
        texts have no more pairs to merge.
        """
        room = vocabulary_size - len(_byte_alphabet()) - 2
        if room < 0:
            raise UsageError(f"vocabulary_size must be at least 514, not {vocabulary_size}")
        learned = _engine({START: 0, END: 1}, [])
        learned.train_from_iterator(
            texts,
            trainers.BpeTrainer(
                vocab_size=vocabulary_size, show_progress=False, end_of_word_suffix=WORD_END
            ),
        )
        merges = _fitting(json.loads(learned.to_str())["model"]["merges"], room)
        return cls(_engine(_vocabulary(merges), merges), length=length)

    def save(self, folder: str | Path) -> None:
        """Write the files that transformers' CLIPTokenizer opens: vocabulary, merges, settings.

        A PAD other than EOS is written with `split_special_tokens`, transformers' word for a
        special token's name being read as ordinary text.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        model = json.loads(self._engine.to_str())["model"]
        lines = ["#version: 0.2", *(" ".join(merge) for merge in model["merges"])]
        pad = self._engine.id_to_token(self.pad)
        names = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad}
        settings = {
            **names,
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": self.length,
            "do_lower_case": True,
            "add_prefix_space": False,
            "split_special_tokens": not self._is_special(pad),
        }
        _write_json(folder / "vocab.json", model["vocab"])
        (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        _write_json(folder / "special_tokens_map.json", names)
        _write_json(folder / "tokenizer_config.json", settings)

    def _is_special(self, token: str | None) -> bool:
        added = self._engine.get_added_tokens_decoder().values()
        return any(entry.content == token for entry in added)

    @property
    def vocabulary_size(self) -> int:
        """V, the special tokens included."""
        return self._engine.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """The content ids s_1 ... s_m of a text, without BOS, EOS or PAD and of any length."""
        return [i for piece in self.pieces(text) for i in piece.ids]

    def tokens(self, text: str) -> list[str]:
        """The vocabulary's entry for each id of `encode`, as "cat</w>"; a learned word itself."""
        return [token for piece in self.pieces(text) for token in piece.tokens]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The characters [first, last) of the text that each id of `encode` stands for."""
        return [span for piece in self.pieces(text) for span in piece.spans]

    @property
    def learned(self) -> Mapping[str, Sequence[int]]:
        """The words of `learn` and their ids."""
        return self._learned

    def learn(self, words: Mapping[str, Sequence[int]]) -> None:
        """Words that stand for ids beyond the vocabulary, in place of those before; none: as made.

        A word is found whatever its case, where no letter or digit goes on; of two the longer. The
        text between is tokenised as ever: the vocabulary itself does not change.
        """
        self._learned = {word: words[word] for word in _longest_first(words)}

    def with_learned(self, words: Mapping[str, Sequence[int]]) -> Tokenizer:
        """The same with these learned words; this one stays as it is."""
        other = Tokenizer(self._engine, pad=self.pad, length=self.length)
        other.learn(words)
        return other

    def learned_in(self, text: str) -> tuple[str, ...]:
        """The learned words that occur in a text."""
        return words_in(self._learned, text)

    def pieces(self, text: str) -> Iterator[Piece]:
        """The learned words of a text, and what stands before, between and after them."""
        last = 0
        for word, (start, end) in places_of(tuple(self._learned), text):
            yield self._plain(text, last, start)
            ids = self._learned[word]
            yield Piece(ids, [word] * len(ids), [(start, end)] * len(ids), learned=True)
            last = end
        yield self._plain(text, last, len(text))

    def _plain(self, text: str, start: int, end: int) -> Piece:
        read = self._engine.encode(text[start:end], add_special_tokens=False)
        return Piece(read.ids, read.tokens, [(a + start, b + start) for a, b in read.offsets])

    def __call__(self, texts: Sequence[str], length: int | None = None) -> Int[Tensor, "B L"]:
        """Ids of each text, normalised to `length` (lecture eq. 7); the tokenizer's own if None."""
        if isinstance(texts, str):
            raise UsageError("texts must be a list of strings, not one string")
        # One by one: the engine's batch call starts threads, which do not survive a fork.
        length = self.length if length is None else length
        rows = [self.normalise(self.encode(text), length) for text in texts]
        return torch.tensor(rows, dtype=torch.long).reshape(len(rows), length)

    def with_length(self, length: int) -> Tokenizer:
        """The same vocabulary, normalising to another L."""
        other = self.with_learned(self._learned)
        other.length = length
        return other

    def normalise(self, content: Sequence[int], length: int | None = None) -> list[int]:
        """LengthNormalization (lecture eq. 7): BOS, content, EOS; padded, or cut to end in EOS.

        length: the tokenizer's own if None.
        """
        length = self.length if length is None else length
        if length < 2:
            raise UsageError(f"length must be at least 2 (BOS and EOS), not {length}")
        ids = [self.start, *content, self.end]
        if len(ids) > length:
            return [*ids[: length - 1], self.end]
        return ids + [self.pad] * (length - len(ids))

    def decode(self, ids: Sequence[int] | Int[Tensor, "L"]) -> str:
        """The text of content ids or of a normalised row: BOS is left out, EOS ends it.

        Lower case, one space after each word of the split ("don't" comes back as "don 't").
        Learned words are left out.
        """
        row = [int(i) for i in ids]
        content = row[: row.index(self.end)] if self.end in row else row
        content = [i for i in content if i != self.start]
        text = self._engine.decode(content, skip_special_tokens=False)
        return text.replace(WORD_END, " ").strip()


def _engine(vocabulary: dict[str, int], merges: list[Merge]) -> Engine:
    """CLIP's scheme: NFC, white space to one space, lower case; split; bytes; BPE with </w>."""
    model = models.BPE(
        vocab=vocabulary, merges=merges, end_of_word_suffix=WORD_END, unk_token=END, fuse_unk=False
    )
    engine = Engine(model)
    engine.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens([AddedToken(name, special=True) for name in (START, END)])
    return engine


def words_in(words: Iterable[str], text: str) -> tuple[str, ...]:
    """The learned words that occur in a text, as `Tokenizer` finds them, the longest first."""
    longest = _longest_first(words)
    found = {word for word, _ in places_of(longest, text)}
    return tuple(word for word in longest if word in found)


def places_of(longest: tuple[str, ...], text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """The words in a text and their places; of two that begin at one place the first.

    longest: the words, the longest first.
    """
    for match in _pattern(longest).finditer(text) if longest else ():
        yield longest[(match.lastindex or 0) - 1], match.span()


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"({_whole(word)})" for word in words), re.IGNORECASE)


def _longest_first(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(words, key=len, reverse=True))


def _whole(word: str) -> str:
    """The pattern of a word that no letter or digit goes on from, where it ends in one itself."""
    before = r"(?<!\w)" if word[0].isalnum() else ""
    after = r"(?!\w)" if word[-1].isalnum() else ""
    return before + re.escape(word) + after


def _byte_alphabet() -> list[str]:
    """The 256 bytes as printable characters in CLIP's order, then each as the end of a word."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    printable = [c for c in alphabet if ord(c) < 256]
    shifted = [c for c in alphabet if ord(c) >= 256]  # the bytes that have no glyph of their own
    letters = sorted(printable) + sorted(shifted)
    return letters + [letter + WORD_END for letter in letters]


@cache
def byte_letters() -> dict[str, int]:
    """The vocabulary's letter for a byte -> that byte; bytes without a glyph have other letters."""
    letters = _byte_alphabet()[:256]
    own = {letter: ord(letter) for letter in letters if ord(letter) < 256}
    others = sorted(set(range(256)) - set(own.values()))
    return own | dict(zip(letters[len(own) :], others, strict=True))


def _vocabulary(merges: Iterable[Merge]) -> dict[str, int]:
    """Bytes, then the merged tokens in order of merging, then BOS and EOS."""
    tokens = dict.fromkeys([*_byte_alphabet(), *(a + b for a, b in merges), START, END])
    return {token: i for i, token in enumerate(tokens)}


def _fitting(merges: Iterable[Sequence[str]], room: int) -> list[Merge]:
    """The first merges whose tokens fill the room: two merges may make the same token."""
    kept: list[Merge] = []
    made: set[str] = set()
    for first, second in merges:
        if first + second not in made and len(made) == room:
            break
        made.add(first + second)
        kept.append((first, second))
    return kept


@cache
def _published_merges() -> list[Merge]:
    packed = resources.files("limner").joinpath("assets/bpe_simple_vocab_16e6.txt.gz").read_bytes()
    return _parse_merges(lines_of(gzip.decompress(packed).decode("utf-8"))[: CLIP_MERGES + 1])


def _parse_merges(lines: Sequence[str]) -> list[Merge]:
    """One merge a line below the header, the two parts set apart by a space."""
    pairs = [line.split(" ") for line in lines[1:] if line]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("each line of the merges must hold two parts")
    return [(first, second) for first, second in pairs]


def _read_engine(path: Path) -> Engine:
    file = path / "tokenizer.json" if path.is_dir() else path
    if file.is_file():
        engine = Engine.from_str(file.read_text(encoding="utf-8"))
        engine.no_padding()
        engine.no_truncation()
        return engine
    vocabulary = json.loads((path / "vocab.json").read_text(encoding="utf-8"))
    lines = lines_of((path / "merges.txt").read_text(encoding="utf-8"))
    return _engine(vocabulary, _parse_merges(lines))


def _read_settings(folder: Path) -> tuple[str, bool, int]:
    """PAD's name, whether it is special in a text, and the length, as transformers keeps them."""
    settings: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            settings |= json.loads((folder / name).read_text(encoding="utf-8"))
    said = {name: value for name, value in settings.items() if value is not None}
    pad, length = said.get("pad_token", END), said.get("model_max_length", CLIP_LENGTH)
    name = pad["content"] if isinstance(pad, dict) else pad
    if not isinstance(name, str):
        raise ValueError(f"pad_token is {str(name)[:40]}: a token is right")
    if isinstance(length, bool) or not isinstance(length, int | float) or not length >= 3:
        raise ValueError(f"model_max_length is {str(length)[:40]}: a number of tokens is right")
    special = name != END and not settings.get("split_special_tokens", False)
    # transformers writes "no limit" as 10**30
    return name, special, int(length) if length < 10**6 else CLIP_LENGTH


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
