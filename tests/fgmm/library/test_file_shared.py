"""A library's file that several processes and threads use at once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fgmm.errors import LibraryError, StoreError
from fgmm.library import (
    Collection,
    LibraryFile,
    Photos,
    add_photos,
    add_species,
    remove,
    verify,
)
from fgmm.library.connection import reading


def add(library: LibraryFile, name: str, photos: Photos | None = None) -> Collection:
    return library.apply(lambda c: add_species(c, name, photos), "add_species", {"name": name})


def test_numbers_that_come_again_are_not_taken_for_the_photos_they_were(birds, photos):
    def swap(library: LibraryFile, old: int, new: int) -> None:
        library.apply(lambda c: remove(c, "great tit", [f"{old:032x}"]), "remove", {})
        library.forget()
        library.apply(lambda c: add_photos(c, "great tit", photos(new)), "add_photos", {})

    with LibraryFile.open(birds) as one, LibraryFile.open(birds) as two:
        swap(one, 3, 4)
        assert two.reload() == one.collection
        assert two.collection.find("great tit").photos == photos(4)


def test_a_writer_takes_in_what_another_wrote(birds, photos):
    with LibraryFile.open(birds) as one, LibraryFile.open(birds) as two:
        add(one, "emu", photos(7))
        assert "emu" not in two.collection
        with pytest.raises(LibraryError, match="'emu' is there already"):
            add(two, "emu")
        assert two.apply(lambda c: add_photos(c, "emu", photos(8)), "add_photos", {}).n_photos == 5
        assert one.collection.n_photos == 4
        assert one.reload() == two.collection
        assert one.reload() is one.collection
        assert one.undo().find("emu").photos == photos(7)
        assert "emu" not in two.undo()
        two.forget()
        assert one.reload() == two.collection
        assert verify(birds) == []


WRITER = """
import sys
from fgmm.library import LibraryFile, add_species

with LibraryFile.open(sys.argv[1], patience=60) as library:
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(25):
        name = f"{sys.argv[2]} {i}"
        library.apply(lambda c: add_species(c, name), "add_species", {})
"""


def test_several_processes_and_threads_write_and_nothing_is_lost(birds):
    root = str(Path(__file__).resolve().parents[3])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(birds), f"p{n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": root},
        )
        for n in range(2)
    ]
    shared = LibraryFile.open(birds, patience=60)

    def work(name: str) -> None:
        for i in range(25):
            add(shared, f"{name} {i}")

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(2)]
    for process in processes:
        assert process.stdout.readline().strip() == b"ready"
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    for process in processes:
        process.communicate(timeout=240)
    assert [process.returncode for process in processes] == [0, 0]
    expected = {f"{w}{n} {i}" for w in "pt" for n in range(2) for i in range(25)}
    assert {one.name for one in shared.reload()} == expected | {"wren", "great tit", "dodo"}
    assert [e.number for e in shared.history()] == list(range(1, 104))
    assert verify(birds) == []


def test_a_writer_that_waits_in_vain_is_told_who_is_in_the_way(birds):
    with (
        LibraryFile.open(birds, patience=0.2) as library,
        contextlib.closing(sqlite3.connect(birds, isolation_level=None)) as other,
    ):
        before = library.collection
        other.execute("BEGIN IMMEDIATE")
        assert library.reload() == before  # readers are not kept out
        expected = (
            f"this process \\({os.getpid()}\\)" if Path("/proc/locks").exists() else "process"
        )
        with pytest.raises(StoreError, match=f"is being written or read by .*{expected}"):
            add(library, "emu")
        other.execute("ROLLBACK")
        assert library.collection == before
        add(library, "emu")


def test_a_reader_in_the_way_of_a_writer_is_told_of_and_nothing_is_half_done(birds):
    with (
        LibraryFile.open(birds, patience=0.2) as library,
        contextlib.closing(sqlite3.connect(birds, isolation_level=None)) as other,
    ):
        before = library.collection
        other.execute("BEGIN")
        other.execute("SELECT * FROM species").fetchone()
        with pytest.raises(StoreError, match="nothing was changed"):
            add(library, "emu")
        other.execute("ROLLBACK")
        assert library.collection == before
        assert library.reload() == before
        assert "emu" in add(library, "emu")


def test_a_reader_sees_one_state_from_first_to_last(birds):
    with LibraryFile.open(birds, patience=0.2) as library:
        with reading(birds, 0.2, readonly=False) as connection:
            (before,) = connection.execute("SELECT count(*) FROM species").fetchone()
            with pytest.raises(StoreError, match="was not free in time"):
                add(library, "emu")
            assert connection.execute("SELECT count(*) FROM species").fetchone() == (before,)
        add(library, "emu")


@pytest.mark.parametrize("writer", ["before", "after"])
def test_undo_tells_the_change_that_it_took_back_whoever_undoes_meanwhile(
    birds, monkeypatch, writer
):
    """Another process takes back a change just before, or just after, and each tells its own."""
    with LibraryFile.open(birds) as one, LibraryFile.open(birds) as two:
        change, told = LibraryFile._change, []

        def together(self, write):
            monkeypatch.setattr(LibraryFile, "_change", change)
            if writer == "before":
                told.append(two.take_back())
            made = change(self, write)
            if writer == "after":
                told.append(two.take_back())
            return made

        monkeypatch.setattr(LibraryFile, "_change", together)
        mine = one.take_back()
        order = [*told, mine] if writer == "before" else [mine, *told]
        assert [(entry.number, entry.detail["name"]) for entry in order] == [
            (3, "dodo"),
            (2, "great tit"),
        ]
        assert all(entry.undone for entry in order)
        assert [bird.name for bird in one.reload()] == ["wren"]
