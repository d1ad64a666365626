"""Files and folders that appear whole or not at all."""

from pathlib import Path

import pytest

from limner.files import lines_of, remove_partial, whole_file, whole_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_the_one_before(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with whole_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["file"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def interrupted():
        with whole_file(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    path = tmp_path / "[file]*"
    for name in (".[file]*.7.partial", ".[file]*.8.partial", ".other.7.partial"):
        (tmp_path / name).write_text("half")
    remove_partial(path)
    assert names(tmp_path) == [".other.7.partial"]


def test_a_folder_appears_with_all_that_is_in_it(tmp_path):
    target = tmp_path / "model"
    with whole_folder(target) as partial:
        (partial / "part").mkdir(parents=True)
        (partial / "part" / "weights").write_text("new")
        assert not target.exists()
    assert (target / "part" / "weights").read_text() == "new"
    assert names(tmp_path) == ["model"]


def test_a_folder_is_replaced_only_when_asked(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("")

    def write(**how):
        with whole_folder(target, **how) as partial:
            partial.mkdir()
            (partial / "new").write_text("")

    with pytest.raises(OSError, match="not empty"):
        write()
    assert names(target) == ["old"]
    write(replacing=True)
    assert names(target) == ["new"]
    assert names(tmp_path) == ["model"]


def test_an_interrupted_folder_leaves_the_one_before(tmp_path):
    target = tmp_path / "model"
    target.mkdir()

    def interrupted():
        with whole_folder(target, replacing=True) as partial:
            partial.mkdir()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert names(tmp_path) == ["model"]


def test_a_line_feed_alone_ends_a_line():
    assert lines_of("a\u2028b\x85c\x0b\x0cd\r\ne\rf\n") == ["a\u2028b\x85c\x0b\x0cd", "e\rf", ""]
