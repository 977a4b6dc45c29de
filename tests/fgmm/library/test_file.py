"""A library in a file: what was written comes back, and what was forgotten does not."""

from __future__ import annotations

import contextlib
import io
import sqlite3

import numpy as np
import pytest
from PIL import Image

from fgmm.errors import LibraryError
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
    verify,
)
from fgmm.library.thumbnails import LARGEST_THUMBNAIL


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
        library.thumbnails.put({secret.digests[0]: jpeg()[:-2] + b"secret pixels" + jpeg()[-2:]})
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


def jpeg(content: bytes = b"JFIF", segment: int = 0xE0) -> bytes:
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
        (b"\xff\xd8\xff" + jpeg(b"Exif\0\0", 0xE1)[2:], "no whole JPEG file"),  # a fill byte
        (jpeg()[:-2] + b"\xff\xfe\0\x04ab\xff\xd9", "metadata"),  # behind the scan
        (jpeg()[:-2] + b"pixels\xff\0\xff\xd3\xff\xfe\0\x04ab\xff\xd9", "metadata"),
        (jpeg() + b"48.1 N", "has more behind it"),
        (jpeg() + jpeg(), "has more behind it"),
        (jpeg()[:-2], "no whole JPEG file"),
        (jpeg()[:-1], "no whole JPEG file"),
        (b"\xff\xd8", "no whole JPEG file"),
        (b"\xff\xd8\xff\xe0\0\0\xff\xd9", "no whole JPEG file"),  # of no length
        (jpeg(b"48.1 N 11.5 E"), "metadata"),
        (jpeg(b"JFIF, 48.1 N 11.5 E"), "metadata"),
        (jpeg()[:2] + jpeg(b"JFIF")[2:10] + jpeg(b"JFIF")[2:], "metadata"),  # said twice
    ],
)
def test_a_thumbnail_with_metadata_or_none_at_all_is_refused(birds, thumbnail, message):
    good, bad = f"{1:032x}", f"{2:032x}"
    with LibraryFile.open(birds) as library:
        with pytest.raises(LibraryError, match=message):
            library.thumbnails.put({good: jpeg(), bad: thumbnail})
        assert library.thumbnails.get(good) is None


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"progressive": True},
        {"subsampling": 0, "quality": 95},
        {"optimize": True},
        {"restart_marker_blocks": 1},
    ],
)
def test_pixels_alone_are_a_thumbnail_however_they_are_written(birds, how):
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
    Image.fromarray(noise).save(file, "JPEG", **how)
    with LibraryFile.open(birds) as library:
        library.thumbnails.put({f"{1:032x}": file.getvalue()})
        assert library.thumbnails.get(f"{1:032x}") == file.getvalue()


def test_a_thumbnail_may_be_as_large_as_is_said_and_no_larger(birds):
    """The size is counted in bytes: 64 KB are within."""
    pixels = bytes(LARGEST_THUMBNAIL - len(jpeg()))
    largest = jpeg()[:-2] + pixels + jpeg()[-2:]
    with LibraryFile.open(birds) as library:
        library.thumbnails.put({f"{1:032x}": largest})
        with pytest.raises(LibraryError, match="at most 65536"):
            library.thumbnails.put({f"{1:032x}": jpeg()[:-2] + pixels + b"\0" + jpeg()[-2:]})


def test_a_thumbnail_without_a_photo_is_refused(birds):
    with (
        LibraryFile.open(birds) as library,
        pytest.raises(LibraryError, match="no species has the photo"),
    ):
        library.thumbnails.put({f"{9:032x}": jpeg()})
