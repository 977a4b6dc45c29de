"""A library in a file: what comes back, who may write, what is refused."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from fgmm.errors import LibraryError, SpaceMismatch, StoreError
from fgmm.library import (
    Collection,
    LibraryFile,
    Photos,
    Species,
    add_photos,
    add_species,
    merge,
    remove,
    rename,
    schema,
    verify,
)
from fgmm.library.connection import reading


def tables(path: Path, statement: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
        return rows


def add(library: LibraryFile, name: str, photos: Photos | None = None) -> Collection:
    return library.apply(lambda c: add_species(c, name, photos), "add_species", {"name": name})


def test_what_was_written_comes_back(tmp_path, photos):
    path = tmp_path / "birds.fgmm"
    with LibraryFile.create(path, "fake/1", 2, "fake") as library:
        library.apply(
            lambda c: add_species(
                c,
                "Zaunkönig 鷦鷯",
                Photos(photos(1, 2).vectors, ["00" * 8, "ff" * 64], ["a\udcff.jpg", "\U0001f426"]),
                names=["wren"],
                description="small\nand loud",
                attributes={"brown": 0.9},
                parent="bird",
            ),
            "add_species",
            {"from": "a\udcff.jpg"},
        )
        written = library.collection
    with LibraryFile.open(path) as library:
        assert library.collection == written
        assert library.collection.find("WREN").photos.vectors.dtype == np.float32
        assert [entry.detail for entry in library.history()] == [{"from": "a\udcff.jpg"}]
        with pytest.raises(ValueError, match="read-only"):
            library.collection.find("wren").photos.vectors[0, 0] = 1
    assert verify(path) == []
    assert [p.name for p in tmp_path.iterdir()] == ["birds.fgmm"]


def test_photos_come_back_in_their_order_however_they_were_added(tmp_path, photos):
    path = tmp_path / "birds.fgmm"
    with LibraryFile.create(path, "fake/1", 2, "fake") as library:
        add(library, "wren", photos(1, 2, 3, 4, 5))
        add(library, "tit", photos(*range(100, 700)))  # more than a row of the table holds
        library.apply(lambda c: add_photos(c, "wren", photos(6, 7)), "add_photos", {})
        library.apply(lambda c: remove(c, "wren", [f"{n:032x}" for n in (2, 4, 6)]), "remove", {})
        library.apply(
            lambda c: remove(c, "tit", [f"{n:032x}" for n in range(101, 700, 3)]), "remove", {}
        )
        library.apply(lambda c: merge(c, "tit", "wren"), "merge", {})
        library.apply(lambda c: add_photos(c, "tit", photos(2)), "add_photos", {})
        kept = [n for n in range(100, 700) if n % 3 != 2] + [1, 3, 5, 7, 2]
        assert library.collection.find("tit").photos == photos(*kept)
        with LibraryFile.open(path) as other:
            assert other.collection == library.collection
        library.forget()
        with LibraryFile.open(path) as other:
            assert other.collection == library.collection
            assert other.collection.find("wren").photos == photos(*kept)
        assert verify(path) == []


def test_a_photo_that_says_something_else_is_written_anew(birds, photos):
    def turned(collection: Collection) -> Collection:
        wren = collection.find("wren")
        changed = Photos(
            photos(9).vectors,
            wren.photos.digests[:1],
            wren.photos.origins[:1],
            wren.photos.added[:1],
        )
        return collection.with_species({wren.id: Species(wren.id, "wren", photos=changed)})

    with LibraryFile.open(birds) as library:
        before = library.collection
        after = library.apply(turned, "turn", {})
        with LibraryFile.open(birds) as other:
            assert other.collection == after != before
            assert other.undo() == before


def test_opening_again_continues_history_and_undo(birds):
    with LibraryFile.open(birds) as library:
        library.apply(lambda c: rename(c, "dodo", "Raphus"), "rename", {})
    with LibraryFile.open(birds) as library:
        library.undo()
    with LibraryFile.open(birds) as library:
        assert [one.name for one in library.undo()] == ["wren", "great tit"]
        assert [(e.number, e.what, e.undone) for e in library.history()] == [
            (1, "add_species", False),
            (2, "add_species", False),
            (3, "add_species", True),
            (4, "rename", True),
            (5, "undo", False),
            (6, "undo", False),
        ]


def test_forgetting_takes_what_was_removed_out_of_the_bytes(birds, photos):
    secret = Photos(photos(7).vectors, ["5ec2e7" * 8], ["secret/place.jpg"])
    with LibraryFile.open(birds) as library:
        add(library, "orchid of the secret place", secret)
        library.thumbnails.put({secret.digests[0]: jpeg(b"secret pixels")})
        library.apply(lambda c: remove(c, "orchid of the secret place"), "remove", {})
        before = library.collection
        vector = secret.vectors.tobytes()
        assert all(t in birds.read_bytes() for t in (b"secret", b"5ec2e7", vector))
        library.forget()
        assert library.collection == before
    content = birds.read_bytes()
    assert not any(trace in content for trace in (b"secret", b"5ec2e7", vector))
    assert verify(birds) == []


def test_what_was_forgotten_stays_so_if_the_file_cannot_be_made_smaller(birds, photos, caplog):
    with (
        LibraryFile.open(birds, patience=0.2) as library,
        contextlib.closing(sqlite3.connect(birds, isolation_level=None)) as other,
    ):
        secret = Photos(photos(7).vectors, ["5ec2e7" * 8], ["secret/place.jpg"])
        add(library, "orchid of the secret place", secret)
        library.apply(lambda c: remove(c, "orchid of the secret place"), "remove", {})
        assert b"secret" in birds.read_bytes()
        shrink = library._access.shrink

        def shrink_while_another_reads():
            other.execute("BEGIN")
            other.execute("SELECT * FROM species").fetchone()
            shrink()

        library._access.shrink = shrink_while_another_reads
        library.forget()
        assert "the file is as large" in caplog.text
        other.execute("ROLLBACK")
        content = birds.read_bytes()
        assert not any(t in content for t in (b"secret", b"5ec2e7", secret.vectors.tobytes()))
        with pytest.raises(LibraryError, match="no change to take back"):
            library.undo()


def jpeg(content: bytes = b"", segment: int = 0xE0) -> bytes:
    """Enough of a JPEG file: a segment, the start of a scan, its end."""
    length = (len(content) + 2).to_bytes(2, "big")
    return b"\xff\xd8\xff" + bytes([segment]) + length + content + b"\xff\xda\x00\x02\xff\xd9"


def test_thumbnails_are_kept_with_their_photo(birds):
    digest = f"{1:032x}"
    with LibraryFile.open(birds) as library:
        assert library.thumbnails.get(digest) is None
        library.thumbnails.put({digest: jpeg(b"JFIF")})
        library.thumbnails.put({digest: jpeg(b"JFIF2")})
    with LibraryFile.open(birds, readonly=True) as library:
        assert library.thumbnails.get(digest) == jpeg(b"JFIF2")
    assert verify(birds) == []


@pytest.mark.parametrize(
    ("thumbnail", "message"),
    [
        (b"GIF89a", "is no JPEG file"),
        ("text", "is no JPEG file"),
        (jpeg(b"x" * 60_000) + bytes(10_000), "at most 65536"),
        (jpeg(b"Exif\0\0", 0xE1), "metadata"),
        (jpeg(b"ICC_PROFILE", 0xE2), "metadata"),
        (jpeg(b"a comment", 0xFE), "metadata"),
    ],
)
def test_a_thumbnail_with_metadata_or_none_at_all_is_refused(birds, thumbnail, message):
    good, bad = f"{1:032x}", f"{2:032x}"
    with LibraryFile.open(birds) as library:
        with pytest.raises(LibraryError, match=message):
            library.thumbnails.put({good: jpeg(), bad: thumbnail})
        assert library.thumbnails.get(good) is None


def test_a_thumbnail_without_a_photo_is_refused(birds):
    with (
        LibraryFile.open(birds) as library,
        pytest.raises(LibraryError, match="no species has the photo"),
    ):
        library.thumbnails.put({f"{9:032x}": jpeg()})


# --- several at once


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
        with pytest.raises(LibraryError, match="'emu' is taken"):
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


# --- where nothing can be written


@contextlib.contextmanager
def nobody():
    """Do without the rights of an administrator, to whom every file is writable."""
    if sys.platform == "win32" or os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shelf(birds):
    """A folder that anybody may write to, with a library in it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    shutil.copy(birds, folder / "birds.fgmm")
    (folder / "birds.fgmm").chmod(0o666)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


posix = pytest.mark.skipif(sys.platform == "win32", reason="rights of files are otherwise there")


@posix
def test_a_read_only_file_is_read_and_not_written(shelf):
    path = shelf / "birds.fgmm"
    path.chmod(0o444)
    content = path.read_bytes()
    with nobody(), LibraryFile.open(path) as library:
        assert len(library.collection) == 3
        before = library.collection
        for change in (lambda: add(library, "emu"), library.undo, library.forget):
            with pytest.raises(StoreError, match="cannot be written"):
                change()
        assert library.collection == before
        assert len(library.history()) == 3
        assert verify(path) == []
    assert path.read_bytes() == content


@posix
def test_a_file_in_a_read_only_folder_is_read_and_not_written(shelf):
    path = shelf / "birds.fgmm"
    content = path.read_bytes()
    shelf.chmod(0o555)
    with nobody():
        with LibraryFile.open(path) as library:
            before = library.collection
            with pytest.raises(StoreError, match="make the file and its folder writable"):
                add(library, "emu")
            assert library.collection == before
            assert library.reload() == before
        with pytest.raises(StoreError, match="in a folder that is there and can be written to"):
            LibraryFile.create(shelf / "new.fgmm", "fake/1", 2, "fake")
    assert path.read_bytes() == content
    assert [p.name for p in shelf.iterdir()] == ["birds.fgmm"]


@posix
def test_a_file_nobody_may_read_is_told_of(shelf):
    path = shelf / "birds.fgmm"
    path.chmod(0)
    with nobody(), pytest.raises(StoreError, match="cannot be opened"):
        LibraryFile.open(path)


def test_opened_for_reading_it_is_never_written(birds):
    content = birds.read_bytes()
    with LibraryFile.open(birds, readonly=True) as library:
        for change in (
            lambda: add(library, "emu"),
            library.undo,
            library.forget,
            lambda: library.thumbnails.put({}),
        ):
            with pytest.raises(StoreError, match="opened for reading only"):
                change()
    assert birds.read_bytes() == content


def test_a_full_disk_leaves_the_library_as_it_was(birds, photos, monkeypatch):
    with LibraryFile.open(birds) as library:
        before = library.collection
        (pages,) = tables(birds, "PRAGMA page_count")[0]
        connect = sqlite3.connect

        def on_a_full_disk(*args, **kwargs):
            connection = connect(*args, **kwargs)
            connection.execute(f"PRAGMA max_page_count = {pages + 1}")
            return connection

        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", on_a_full_disk)
            many = photos(*range(100, 10_000))
            with pytest.raises(StoreError, match="no room on the disk"):
                add(library, "emu", many)
            assert library.collection == before
            assert library.reload() == before
        assert "emu" in add(library, "emu", many)
    assert verify(birds) == []


@posix
@pytest.mark.parametrize("room", [0, 1, 20_000, 100_000, 200_000])
def test_where_the_system_stops_writing_half_way_the_library_is_as_it_was(birds, photos, room):
    import resource

    many = photos(*range(100, 5_000))  # some 600 KB
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with LibraryFile.open(birds) as library:
        before, size = library.collection, birds.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
        try:
            with pytest.raises(StoreError, match="nothing was changed"):
                add(library, "emu", many)
            assert library.collection == before
            assert library.reload() == before
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert verify(birds) == []
        assert "emu" in add(library, "emu", many)
    assert verify(birds) == []


def test_a_library_that_cannot_be_made_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("fgmm.library.opening.create_schema", fail)
    with pytest.raises(StoreError, match="no room on the disk"):
        LibraryFile.create(tmp_path / "new.fgmm", "fake/1", 2, "fake")
    assert list(tmp_path.iterdir()) == []


# --- what is no library


def test_making_one_where_there_is_something_leaves_it_alone(birds, tmp_path):
    content = birds.read_bytes()
    (tmp_path / "notes.txt").write_text("wren")
    for path in (birds, tmp_path / "notes.txt", tmp_path):
        with pytest.raises(StoreError, match="there is something at"):
            LibraryFile.create(path, "fake/1", 2, "fake")
    assert birds.read_bytes() == content
    with pytest.raises(StoreError, match="name a place in a folder that is there"):
        LibraryFile.create(tmp_path / "no" / "birds.fgmm", "fake/1", 2, "fake")
    with pytest.raises(LibraryError, match="0 dimensions"):
        LibraryFile.create(tmp_path / "none.fgmm", "fake/1", 0, "fake")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["birds.fgmm", "notes.txt"]


def test_an_empty_file_is_no_library_and_can_become_one(tmp_path):
    path = tmp_path / "empty.fgmm"
    path.touch()
    with pytest.raises(StoreError, match="is an empty file"):
        LibraryFile.open(path)
    assert path.read_bytes() == b""
    LibraryFile.create(path, "fake/1", 2, "fake")
    assert len(LibraryFile.open(path).collection) == 0


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nothing", "there is no library"),
        ("folder", "is a folder; a library is one file"),
        ("text", "is no library of species, or a damaged one"),
        ("other", "is a database of another program"),
        ("newer", "is a library of version 2 and this fgmm reads version 1"),
        ("extra table", "does not have the tables of a library"),
        ("trigger", "does not have the tables of a library"),
        ("older", "which this fgmm cannot bring up to version 1"),
    ],
)
def test_what_is_no_library_is_told_and_left_alone(birds, kind, message):
    path = birds.with_name("other.fgmm")
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_bytes(b"not a database at all, and long enough to be one. " * 400)
    elif kind == "other":
        tables(path, "CREATE TABLE species (id TEXT)")
    elif kind != "nothing":
        shutil.copy(birds, path)
        statement = {
            "newer": "PRAGMA user_version = 2",
            "older": "PRAGMA user_version = 0",
            "extra table": "CREATE TABLE more (x)",
            "trigger": "CREATE TRIGGER t AFTER INSERT ON species BEGIN DELETE FROM photos; END",
        }[kind]
        tables(path, statement)
    content = path.read_bytes() if path.is_file() else None
    for readonly in (False, True):
        if (kind, readonly) == ("older", True):
            message = "open it once for writing"
        with pytest.raises(StoreError, match=message):
            LibraryFile.open(path, readonly=readonly)
    if kind != "older":
        with pytest.raises(StoreError, match=message):
            verify(path)
    assert (path.read_bytes() if path.is_file() else None) == content


def test_a_file_of_an_earlier_version_is_brought_up_to_date(birds, monkeypatch):
    # A made-up version 0 had no thumbnails and called the encoder otherwise.
    tables(birds, "DROP TABLE thumbnails")
    tables(birds, "PRAGMA user_version = 0")
    (statement,) = (s for s in schema._TABLES if "thumbnails" in s)
    monkeypatch.setitem(schema.MIGRATIONS, 0, lambda connection: connection.execute(statement))
    with pytest.raises(StoreError, match="open it once for writing"):
        LibraryFile.open(birds, readonly=True)
    with LibraryFile.open(birds) as library:
        assert [one.name for one in library.collection] == ["wren", "great tit", "dodo"]
        library.undo()
    assert tables(birds, "PRAGMA user_version") == [(1,)]
    assert verify(birds) == []


def test_a_migration_that_fails_leaves_the_file_as_it_was(birds, monkeypatch):
    tables(birds, "PRAGMA user_version = 0")
    content = birds.read_bytes()

    def fail(connection):
        connection.execute("DROP TABLE thumbnails")
        raise StoreError("half way")

    monkeypatch.setitem(schema.MIGRATIONS, 0, fail)
    with pytest.raises(StoreError, match="half way"):
        LibraryFile.open(birds)
    assert tables(birds, "SELECT count(*) FROM thumbnails") == [(0,)]
    assert birds.read_bytes()[100:] == content[100:]


def test_another_encoders_space_is_refused_with_both_names(birds):
    LibraryFile.open(birds, space="fake/1")
    with pytest.raises(SpaceMismatch, match=r"is of 'fake/1' .* to be of 'tiny/2'"):
        LibraryFile.open(birds, space="tiny/2")


def test_a_file_that_was_replaced_by_another_library_is_noticed(birds, tmp_path):
    with LibraryFile.open(birds) as library:
        LibraryFile.create(tmp_path / "other.fgmm", "fake/1", 2, "fake")
        (tmp_path / "other.fgmm").replace(birds)
        for use in (library.reload, library.undo, lambda: add(library, "emu")):
            with pytest.raises(StoreError, match="another library than the one that was opened"):
                use()
        birds.unlink()
        with pytest.raises(StoreError, match="cannot be opened"):
            library.reload()


def test_a_closed_library_is_used_no_more(birds):
    with LibraryFile.open(birds) as library:
        pass
    for use in (library.reload, library.undo, library.history, lambda: add(library, "emu")):
        with pytest.raises(LibraryError, match="was closed"):
            use()


def test_text_that_is_no_text_any_more_is_damage(birds):
    with (
        pytest.raises(StoreError, match=r"is damaged: .*go back to a copy"),
        reading(birds, 1.0, readonly=True),
    ):
        b"\x87".decode()
