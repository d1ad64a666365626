from __future__ import annotations

import random
from collections import Counter

import pytest
import torch

from limner.data.captions import unknown_words
from limner.data.records import PictureSet, Record
from limner.data.scene_words import Relation, Scene, canonical_scene, scene_caption
from limner.data.scenes import RELATIONS, SceneConfig, Scenes, held_out_pairs, layout
from limner.data.synonyms import Synonyms
from limner.errors import DataError, UsageError
from limner.language import Size

CONCEPTS = [f"thing{number}" for number in range(12)]
STYLES = ("3d", "flat")


def pictures() -> PictureSet:
    """Every concept in every style: opaque squares, each of its own grey."""
    records = [
        Record(picture=n, concept=concept, style=style, names=(concept,))
        for n, (concept, style) in enumerate((c, s) for c in CONCEPTS for s in STYLES)
    ]
    bytes_ = torch.arange(1, len(records) + 1, dtype=torch.uint8) * 10
    opaque = torch.full((len(records), 4, 16, 16), 255, dtype=torch.uint8)
    opaque[:, :3] = bytes_[:, None, None, None]
    return PictureSet(pictures=opaque, records=tuple(records))


def drawn(config: SceneConfig | None = None, *, rounds: int = 4, held_out: bool = False):
    scenes = Scenes(pictures(), config)
    cells = torch.arange(scenes.count).repeat(rounds)
    return scenes.draw(cells, torch.Generator().manual_seed(0), held_out=held_out)


def test_both_things_are_in_their_boxes_and_nothing_else_is() -> None:
    batch = drawn(SceneConfig(sized=0.5))
    for pixels, boxes, scene in zip(batch.pixels, batch.boxes.tolist(), batch.scenes, strict=True):
        expected = torch.full((4, 16, 16), -1.0)
        for (left, top, right, bottom), record in zip(
            boxes, (scene.first, scene.second), strict=True
        ):
            grey = (record.picture + 1) * 10 / 127.5 - 1
            expected[:, top:bottom, left:right] = torch.tensor([grey, grey, grey, 1.0])[
                :, None, None
            ]
        torch.testing.assert_close(pixels, expected)


def test_relations_are_as_they_say() -> None:
    batch = drawn(SceneConfig(sized=0.5))
    for (a, b), scene in zip(batch.boxes.tolist(), batch.scenes, strict=True):
        holds = {
            Relation.LEFT: a[2] <= b[0],
            Relation.RIGHT: b[2] <= a[0],
            Relation.ABOVE: a[3] <= b[1],
            Relation.BELOW: b[3] <= a[1],
        }
        assert holds.get(scene.relation, any(holds.values()))


def test_sizes_are_as_they_say() -> None:
    batch = drawn(SceneConfig(sized=1.0))
    for boxes, scene in zip(batch.boxes.tolist(), batch.scenes, strict=True):
        first, second = (box[2] - box[0] for box in boxes)
        order = [Size.SMALL, Size.PLAIN, Size.BIG]
        ranks = [order.index(size) for size in scene.sizes]
        assert (first < second) == (ranks[0] < ranks[1])
        assert first != second


def test_every_concept_in_every_role() -> None:
    batch = drawn(rounds=40)
    firsts = Counter((scene.first.concept, scene.relation) for scene in batch.scenes)
    assert set(firsts.values()) == {40}
    assert len(firsts) == len(CONCEPTS) * len(RELATIONS)
    seconds = Counter((scene.second.concept, scene.relation) for scene in batch.scenes)
    assert len(seconds) == len(firsts)
    assert min(seconds.values()) > 15  # 40 on average, whose standard deviation is 6


def test_held_out_pairs_are_drawn_only_to_measure() -> None:
    config = SceneConfig(held_out=0.3, seed=2)
    pairs = [
        {
            frozenset((scene.first.concept, scene.second.concept))
            for scene in drawn(config, rounds=20, held_out=held_out).scenes
        }
        for held_out in (False, True)
    ]
    assert not pairs[0] & pairs[1]
    assert len(pairs[0]) > len(pairs[1]) > 5
    assert all(len(pair) == 2 for some in pairs for pair in some)


def test_held_out_pairs_depend_on_names_alone() -> None:
    names = [f"name {n}" for n in range(200)]
    held_out = held_out_pairs(names, 0.1, 0)
    assert (held_out == held_out.T).all()
    assert not held_out.diagonal().any()
    assert 0.09 < held_out.mean() < 0.11
    assert (held_out_pairs(names[50:150], 0.1, 0) == held_out[50:150, 50:150]).all()
    assert (held_out_pairs(names, 0.1, 1) != held_out).any()
    assert not held_out_pairs(names, 0.0, 0).any()


def test_one_style_unless_mixed() -> None:
    assert all(scene.style for scene in drawn().scenes)
    mixed = drawn(SceneConfig(mixed_styles=1.0))
    assert 0.3 < sum(not scene.style for scene in mixed.scenes) / len(mixed.scenes) < 0.7
    both = [c for c, scene in zip(mixed.captions, mixed.scenes, strict=True) if not scene.style]
    assert sum("3d" in text and "flat" in text for text in both) > 0.8 * len(both)


def test_the_generator_decides() -> None:
    first, again = drawn(), drawn()
    assert first.captions == again.captions
    assert torch.equal(first.pixels, again.pixels)
    other = Scenes(pictures()).draw(torch.arange(20), torch.Generator().manual_seed(1))
    assert other.captions != first.captions[:20]


def test_captions_say_what_is_seen() -> None:
    known = {"words": (*CONCEPTS, *STYLES, "left right top bottom above over below under beneath")}
    sizes = {"small", "little", "tiny", "big", "large", "huge"}
    batch = drawn(SceneConfig(sized=0.5))
    unstyled = 0
    for text, scene in zip(batch.captions, batch.scenes, strict=True):
        words = text.replace(",", "").split()
        assert words.index(scene.first.concept) < words.index(scene.second.concept)
        assert set(unknown_words(text, known)) <= sizes | {"to", "at"}
        assert bool(sizes & {*words}) == (scene.sizes != (Size.PLAIN, Size.PLAIN))
        unstyled += scene.style not in words
    assert 0.05 < unstyled / len(batch.captions) < 0.2


def test_canonical_captions() -> None:
    star, apple = (Record(picture=0, concept=c, style="3d") for c in ("star", "apple"))
    small = Scene(first=star, second=apple, relation=Relation.ABOVE, sizes=(Size.SMALL, Size.PLAIN))
    assert canonical_scene(small) == "a small star above an apple, 3d"
    assert canonical_scene(Scene(first=apple, second=star, relation=Relation.AND)) == (
        "an apple and a star, 3d"
    )


def test_synonyms_enter() -> None:
    synonyms = Synonyms(training={"thing1": ("gizmo",)}, held_out={}, sources={}, share=1.0)
    first, second = pictures().records[2], pictures().records[0]
    scene = Scene(first=first, second=second, relation=Relation.LEFT)
    text = scene_caption(scene, random.Random(0), synonyms)
    assert "gizmo" in text
    assert "thing0" in text


def test_a_layout_stays_inside() -> None:
    chance = random.Random(0)
    first, second = pictures().records[:2]
    for relation in Relation:
        for sizes in ((Size.BIG, Size.SMALL), (Size.PLAIN, Size.PLAIN)):
            scene = Scene(first=first, second=second, relation=relation, sizes=sizes)
            for size in (16, 63):
                boxes = [layout(scene, size, 0.25, chance) for _ in range(20)]
                assert all(0 <= n <= size for both in boxes for box in both for n in box)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(UsageError, match="share"):
        SceneConfig(held_out=2.0)
    with pytest.raises(UsageError, match="jitter"):
        SceneConfig(jitter=0.5)
    with pytest.raises(DataError, match="two concepts"):
        Scenes(pictures().select(lambda row: row.concept == "thing1"))
    opaque = PictureSet(pictures=pictures().pictures[:, :3], records=pictures().records)
    with pytest.raises(DataError, match="transparency"):
        Scenes(opaque)
    with pytest.raises(DataError, match="no held-out partner"):
        drawn(SceneConfig(held_out=0.0), held_out=True)
