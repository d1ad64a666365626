from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from limner.data.bucketed_folder import load_bucketed, read_fitted, upright_size
from limner.data.buckets import BucketBatches, Rest, bucket_sizes, fit
from limner.errors import DataError, UsageError

SDXL = bucket_sizes(1024)
SIZES = st.integers(min_value=1, max_value=4000)


def test_buckets_have_their_area_and_their_multiples() -> None:
    for size, multiple in ((64, 8), (512, 64), (1024, 64), (1000, 48)):
        sizes = bucket_sizes(size, multiple=multiple)
        assert all(w % multiple == h % multiple == 0 for w, h in sizes)
        assert all(w * h <= size * size and max(w, h) <= 2 * size for w, h in sizes)
        assert {(h, w) for w, h in sizes} == set(sizes)
        assert len(set(sizes)) == len(sizes)
    assert (1024, 1024) in SDXL
    # Of those that SDXL was trained on (its paper, appendix I), within twice the side.
    assert {(1152, 896), (1216, 832), (1344, 768), (1536, 640)} <= set(SDXL)


@given(SIZES, SIZES)
def test_no_other_bucket_loses_less(width: int, height: int) -> None:
    found = fit((width, height), SDXL)

    def kept(bucket: tuple[int, int]) -> float:
        ratio = (width / height) / (bucket[0] / bucket[1])
        return min(ratio, 1 / ratio)

    assert kept(found.bucket) == pytest.approx(max(map(kept, SDXL)))


@given(SIZES, SIZES, st.floats(0, 1), st.floats(0, 1))
def test_what_is_kept_lies_in_the_picture(width: int, height: int, x: float, y: float) -> None:
    found = fit((width, height), SDXL, place=(x, y))
    left, top, right, bottom = found.box
    assert 0 <= left <= right <= found.resized[0]
    assert 0 <= top <= bottom <= found.resized[1]
    # One of the two sides is not cropped at all.
    assert found.resized[0] == found.bucket[0] or found.resized[1] == found.bucket[1]
    assert 0.0 <= found.cropped < 1.0


def test_the_numbers_of_sdxl() -> None:
    found = fit((2000, 1000), [(64, 64)])
    assert found.resized == (128, 64)
    assert found.conditioning == (1000, 2000, 0, 32, 64, 64)
    assert found.cropped == 0.5
    assert fit((2000, 1000), [(64, 64)], place=(1.0, 0.0)).box == (64, 0, 128, 64)


def epoch(batches: BucketBatches, number: int = 0) -> list[tuple[tuple[int, int], list[int]]]:
    first = number * batches.steps_per_epoch
    steps = range(first, first + batches.steps_per_epoch)
    return [(bucket, positions.tolist()) for bucket, positions in map(batches.at, steps)]


COUNTS = {(8, 8): 10, (16, 4): 3, (4, 16): 8, (12, 5): 0}
EVERY = {(bucket, position) for bucket, count in COUNTS.items() for position in range(count)}


@pytest.mark.parametrize("rest", Rest)
def test_an_epoch_has_every_picture_once(rest: Rest) -> None:
    batches = BucketBatches(COUNTS, batch=4, rest=rest)
    for number in range(3):
        seen = Counter((bucket, p) for bucket, some in epoch(batches, number) for p in some)
        sizes = {len(some) for _, some in epoch(batches, number)}
        if rest is Rest.SHORT:
            assert seen == Counter(EVERY)
            assert sizes == {4, 3, 2}
        elif rest is Rest.FILL:
            assert set(seen) == EVERY
            assert max(seen.values()) == 2
            assert sizes == {4}
        else:
            assert set(seen) < EVERY
            assert max(seen.values()) == 1
            assert sizes == {4}
            assert len(seen) == 16


def test_a_bucket_much_smaller_than_a_batch_is_filled() -> None:
    batches = BucketBatches({(8, 8): 2}, batch=7, rest=Rest.FILL)
    assert Counter(epoch(batches)[0][1]).most_common() in ([(0, 4), (1, 3)], [(1, 4), (0, 3)])


def test_steps_follow_from_the_seed_in_any_order() -> None:
    def steps(seed: int, order: list[int]) -> list[list[int]]:
        batches = BucketBatches(COUNTS, batch=2, seed=seed)
        return [batches.at(step)[1].tolist() for step in order]

    forward = steps(0, list(range(40)))
    assert steps(0, list(range(39, -1, -1)))[::-1] == forward
    assert steps(1, list(range(40))) != forward
    per_epoch = BucketBatches(COUNTS, batch=2).steps_per_epoch
    assert forward[:per_epoch] != forward[per_epoch : 2 * per_epoch]
    buckets = [BucketBatches(COUNTS, batch=2).at(step)[0] for step in range(per_epoch)]
    assert buckets != sorted(buckets)  # mixed, not one bucket after another


def test_impossible_wishes_are_refused() -> None:
    for wrong in ({"size": 32}, {"size": 64, "longest": 32}):
        with pytest.raises(UsageError, match="multiple"):
            bucket_sizes(**wrong)
    with pytest.raises(UsageError, match="no shape"):
        fit((0, 5), SDXL)
    with pytest.raises(UsageError, match="1 or more"):
        BucketBatches(COUNTS, batch=0)
    with pytest.raises(UsageError, match="no bucket fills"):
        BucketBatches(COUNTS, batch=11, rest=Rest.DROP)


def split(path: Path, size: tuple[int, int], **options: object) -> None:
    """A picture whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", size, "red")
    picture.paste("blue", (size[0] // 2, 0, *size))
    picture.save(path, **options)
    path.with_suffix(".txt").write_text(path.stem)


def test_a_folder_in_buckets(tmp_path: Path) -> None:
    split(tmp_path / "square.png", (40, 40))
    split(tmp_path / "wide.png", (80, 21))
    split(tmp_path / "wider.png", (64, 16))
    split(tmp_path / "tall.png", (20, 80))
    (tmp_path / "broken.png").write_bytes((tmp_path / "tall.png").read_bytes()[:60])
    (tmp_path / "broken.txt").write_text("broken")
    (tmp_path / "lie.png").write_text("no picture")
    (tmp_path / "lie.txt").write_text("lie")
    found = load_bucketed(tmp_path, bucket_sizes(16, multiple=8))
    captions = {b: [r.captions[0] for r in s.records] for b, s in found.buckets.items()}
    assert captions == {(8, 32): ["tall"], (16, 16): ["square"], (32, 8): ["wide", "wider"]}
    assert found.counts == {(8, 32): 1, (16, 16): 1, (32, 8): 2}
    assert sorted(name.partition(":")[0] for name in found.skipped) == ["broken.png", "lie.png"]
    for (width, height), pictures in found.buckets.items():
        assert pictures.pictures.shape[1:] == (3, height, width)
        middle = pictures.to_float(range(len(pictures)))[:, :, height // 2]
        torch.testing.assert_close(middle[:, 0, 0], torch.ones(len(pictures)))  # red on the left
        torch.testing.assert_close(middle[:, 2, -1], torch.ones(len(pictures)))  # blue, right
    numbers = found.conditioning((32, 8), [0, 1]).tolist()
    assert numbers == [[21, 80, 0, 0, 8, 32], [16, 64, 0, 0, 8, 32]]


def test_a_turned_photograph_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to be upright
    split(tmp_path / "turned.png", (40, 10), exif=exif)
    assert upright_size(tmp_path / "turned.png") == (10, 40)
    read = read_fitted(tmp_path / "turned.png", (8, 32), 4)
    assert read[:, 0, 4].tolist() == [255, 0, 0, 255]
    assert read[:, -1, 4].tolist() == [0, 0, 255, 255]


def test_no_picture_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no readable picture"):
        load_bucketed(tmp_path, SDXL)
    with pytest.raises(DataError, match="not a folder"):
        load_bucketed(tmp_path / "none", SDXL)
