"""Whole files and folders that are put where nothing is: what comes in between is left alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fgmm import Recognizer
from fgmm.errors import StoreError
from fgmm.library import Collection, LibraryFile, add_species, export_folder, import_folder
from fgmm.library.placing import place_file

WREN = add_species(Collection("fake/1", 2, "fake"), "wren")
DODO = add_species(Collection("fake/1", 2, "fake"), "dodo")


def no_links(*_):
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.fixture(params=["links", "no links"])
def disk(request, monkeypatch):
    """A disk that knows hard links, and one that does not."""
    if request.param == "no links":
        monkeypatch.setattr(os, "link", no_links)


def names(path: Path) -> list[str]:
    with LibraryFile.open(path, readonly=True) as file:
        return [one.name for one in file.collection]


@pytest.mark.usefixtures("disk")
def test_a_file_is_moved_and_nothing_is_written_over(tmp_path):
    part, place = tmp_path / "part", tmp_path / "place"
    part.write_text("wren")
    place_file(part, place)
    assert place.read_text() == "wren"
    assert not part.exists()
    part.write_text("dodo")
    with pytest.raises(FileExistsError):
        place_file(part, place)
    assert (part.read_text(), place.read_text()) == ("dodo", "wren")


def test_on_windows_a_rename_refuses_by_itself(tmp_path, monkeypatch):
    part, place = tmp_path / "part", tmp_path / "place"
    part.write_text("wren")
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(os, "link", None)
    place_file(part, place)
    monkeypatch.undo()
    assert place.read_text() == "wren"


@pytest.mark.usefixtures("disk")
def test_a_library_that_another_saved_in_between_is_left_alone(tmp_path, monkeypatch):
    path = tmp_path / "birds.fgmm"
    first, second = Recognizer("fake"), Recognizer("fake")
    first.add_species("wren")
    second.add_species("dodo")
    apply = LibraryFile.apply

    def overtaken(self, *given, **more):
        monkeypatch.setattr(LibraryFile, "apply", apply)
        second.save(path)
        return apply(self, *given, **more)

    monkeypatch.setattr(LibraryFile, "apply", overtaken)
    with pytest.raises(StoreError, match="there is something at"):
        first.save(path)
    assert names(path) == ["dodo"]
    assert [one.name for one in tmp_path.iterdir()] == ["birds.fgmm"]


@pytest.mark.usefixtures("disk")
def test_a_library_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise StoreError("no room")

    made = Recognizer("fake")
    made.add_species("wren")
    with monkeypatch.context() as broken:
        broken.setattr(LibraryFile, "apply", fail)
        with pytest.raises(StoreError, match="no room"):
            made.save(tmp_path / "birds.fgmm")
    assert list(tmp_path.iterdir()) == []
    made.save(tmp_path / "birds.fgmm")
    assert names(tmp_path / "birds.fgmm") == ["wren"]
    assert [one.name for one in tmp_path.iterdir()] == ["birds.fgmm"]


@pytest.mark.parametrize("empty", [False, True])
def test_a_folder_that_another_exported_in_between_is_left_alone(tmp_path, monkeypatch, empty):
    folder = tmp_path / "birds"
    if empty:
        folder.mkdir()
    mkdir = Path.mkdir

    def overtaken(self, *given, **more):
        monkeypatch.setattr(Path, "mkdir", mkdir)
        export_folder(DODO, folder)
        return mkdir(self, *given, **more)

    monkeypatch.setattr(Path, "mkdir", overtaken)
    with pytest.raises(StoreError, match="cannot write the folder"):
        export_folder(WREN, folder)
    assert import_folder(folder) == DODO
    assert [one.name for one in tmp_path.iterdir()] == ["birds"]


def test_a_file_that_came_where_a_folder_was_to_be_is_left_alone(tmp_path, monkeypatch):
    fsync = os.fsync

    def overtaken(file):
        (tmp_path / "birds").write_text("wren")
        fsync(file)

    monkeypatch.setattr(os, "fsync", overtaken)
    with pytest.raises(StoreError, match="cannot write the folder"):
        export_folder(WREN, tmp_path / "birds")
    assert (tmp_path / "birds").read_text() == "wren"
    assert [one.name for one in tmp_path.iterdir()] == ["birds"]
