"""Damage of every kind is found, at random places too, and is never more than an error."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3

import numpy as np
import pytest

from fgmm.errors import StoreError
from fgmm.library import Finding, LibraryFile, Photos, add_photos, add_species, remove, verify
from fgmm.library.records import photo_checksum, record_checksum


@pytest.fixture
def library(tmp_path):
    """A library with all there is: removed photos, an undo, thumbnail, texts. 64 numbers each."""
    rows = np.random.default_rng(0).standard_normal((40, 64))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    everything = Photos(rows, [f"{n:032x}" for n in range(40)], [f"{n}.jpg" for n in range(40)])
    path = tmp_path / "birds.fgmm"
    with LibraryFile.create(path, "fake/1", 64, "fake") as file:
        for i in range(8):
            some = everything.part(4 * i, 4 * i + 4)
            file.apply(
                lambda c, i=i, some=some: add_species(
                    c, f"species {i}", some, description=f"number {i}", attributes={"size": i}
                ),
                "add_species",
                {"name": f"species {i}"},
            )
        file.apply(lambda c: add_photos(c, "species 2", everything.part(32, 40)), "add", {})
        file.apply(lambda c: remove(c, "species 3"), "remove", {})
        file.apply(lambda c: remove(c, "species 2", [f"{9:032x}"]), "remove", {})
        file.apply(lambda c: remove(c, "species 5"), "remove", {})
        file.undo()
        thumbnail = b"\xff\xd8\xff\xe0\x00\x06JFIF\xff\xda\x00\x02\xff\xd9"
        file.thumbnails.put({f"{0:032x}": thumbnail})
        file.texts.put({bytes([n + 1]) * 32: rows[n].astype(np.float32) for n in range(40)})
    return path


def execute(path, statement: str, *values: object) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def content(path) -> tuple:
    """All that a library gives out."""
    with LibraryFile.open(path, readonly=True) as file:
        texts = {key: vector.tobytes() for key, vector in file.texts.get().items()}
        return file.collection, file.history(), file.thumbnails.get(f"{0:032x}"), texts


def test_a_sound_file_has_no_findings(library):
    before = library.read_bytes()
    assert verify(library) == []
    assert library.read_bytes() == before


def flip(text: str) -> str:
    return text[:-3] + ("x" if text[-3] != "x" else "y") + text[-2:]


PLANTED = {
    "a vector": ("photos", "UPDATE photos SET vectors = zeroblob(length(vectors)) WHERE first = 5"),
    "a short vector": ("photos", "UPDATE photos SET vectors = x'00' WHERE first = 5"),
    "an origin": ("photos", "UPDATE photos SET about = replace(about, '5.jpg', '6.jpg')"),
    "no count": ("photos", "UPDATE photos SET n = 'four' WHERE first = 5"),
    "rows changed about": (
        "photos",
        "UPDATE photos SET vectors = (SELECT vectors FROM photos WHERE first = 1) WHERE first = 5",
    ),
    "a row of photos gone": ("photos", "DELETE FROM photos WHERE first = 5"),
    "removed photos gone": ("photos", "DELETE FROM photos WHERE first = 13"),
    "a record": ("species", "UPDATE species SET record = replace(record, 'number 1', 'number 9')"),
    "a record that is none": ("species", "UPDATE species SET record = 7 WHERE position = 1"),
    "a position": ("species", "UPDATE species SET position = 99 WHERE position = 1"),
    "an id": ("species", "UPDATE species SET id = 'other' WHERE position = 1"),
    "the detail of a change": ("history", "UPDATE history SET detail = '{}' WHERE number = 2"),
    "what was before": ("history", "UPDATE history SET before = NULL WHERE number = 2"),
    "a change gone": ("history", "DELETE FROM history WHERE number = 2"),
    "what was taken back": ("history", "UPDATE history SET undoes = 3 WHERE undoes IS NOT NULL"),
    "a thumbnail": ("thumbnails", "UPDATE thumbnails SET jpeg = jpeg || x'00'"),
    "a text": ("texts", "UPDATE texts SET vector = zeroblob(length(vector))"),
    "the space": ("library", "UPDATE library SET space = 'tiny/2'"),
    "no identity": ("library", "DELETE FROM library"),
}


@pytest.mark.parametrize("damage", PLANTED)
def test_what_was_changed_by_others_is_found_where_it_is(library, damage):
    part, statement = PLANTED[damage]
    execute(library, statement)
    findings = verify(library)
    assert part in {finding.part for finding in findings}
    assert all(isinstance(f, Finding) and f.problem for f in findings)
    if part in ("photos", "species", "library") and damage != "removed photos gone":
        with pytest.raises(StoreError, match=r"is damaged: .*it was left as it is"):
            LibraryFile.open(library)


def test_findings_say_where(library):
    execute(library, "UPDATE photos SET vectors = zeroblob(length(vectors)) WHERE first = 5")
    found = {(finding.part, finding.where) for finding in verify(library)}
    assert ("photos", "photos 5 to 8") in found
    assert {("photos", f"photo {n}") for n in range(5, 9)} < found


HOSTILE = {
    "not a number": np.full(64, np.nan, "<f4"),
    "infinite": np.full(64, np.inf, "<f4"),
    "long": np.full(64, 2.0, "<f4"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_vectors_that_are_none_are_refused_though_their_checksum_is_right(library, kind):
    (about,) = execute(library, "SELECT about FROM photos WHERE first = 5")[0]
    vectors = np.tile(HOSTILE[kind], 4).tobytes()
    checksum = photo_checksum(5, vectors, about)
    execute(
        library, "UPDATE photos SET vectors = ?, checksum = ? WHERE first = 5", vectors, checksum
    )
    with pytest.raises(StoreError, match="not of length one"):
        LibraryFile.open(library)
    assert "photos 5 to 8" in {finding.where for finding in verify(library)}


RECORDS = {
    "no list": {"photos": 7},
    "no numbers": {"photos": ["1"]},
    "many photos": {"photos": list(range(10**5))},
    "a huge number": {"photos": [2**70]},
    "negative": {"photos": [-1]},
    "another's photo": {"photos": [5, 6]},
    "a photo twice": {"photos": [1, 1]},
    "other photos": {"photos": [17, 18, 19, 20]},
    "no name": {"name": ""},
    "another's name": {"name": "species 4"},
    "escapes": {"name": "\x1b[2J"},
    "attributes": {"attributes": {"size": "big"}},
    "names": {"names": 3},
}


@pytest.mark.parametrize("kind", RECORDS)
def test_records_that_are_none_are_refused_though_their_checksum_is_right(library, kind):
    key, text = execute(library, "SELECT id, record FROM species WHERE position = 0")[0]
    record = json.dumps(json.loads(text) | RECORDS[kind])
    execute(
        library,
        "UPDATE species SET record = ?, checksum = ? WHERE position = 0",
        record,
        record_checksum(key, 0, record),
    )
    with pytest.raises(StoreError, match="is damaged"):
        LibraryFile.open(library)
    assert verify(library)


def test_rows_of_photos_that_overlap_are_refused_though_their_checksums_are_right(library):
    _, n, vectors, about, _ = execute(library, "SELECT * FROM photos WHERE first = 9")[0]
    rows = np.frombuffer(vectors, "<f4").reshape(4, 64)
    content = rows[[1, 2, 3, 1]].tobytes()  # so that photo 9, its last, has another's vector
    digests, origins, added = json.loads(about)
    told = json.dumps([[*digests[1:], digests[0]], origins, added])
    checksum = photo_checksum(6, content, told)
    execute(library, "INSERT INTO photos VALUES (6, ?, ?, ?, ?)", n, content, told, checksum)
    assert ("photos 6 to 9", "some are there twice") in {
        (finding.where, finding.problem) for finding in verify(library)
    }
    with pytest.raises(StoreError, match="photos 6 to 8 are there twice"):
        LibraryFile.open(library)


def test_undoing_to_what_is_damaged_changes_nothing(library):
    for before in ('{"a": [1, 2]}', '{"a": [99999999999999999999, "{}"]}', "[]", "{"):
        execute(library, "UPDATE history SET before = ? WHERE number = 11", before)
        with LibraryFile.open(library) as file:
            known = file.collection
            with pytest.raises(StoreError, match="does not say how it was before"):
                file.undo()
            assert file.reload() == known


def test_a_truncated_file_is_an_error_or_a_finding_at_every_length(library):
    whole = library.read_bytes()
    pages = len(whole) // 16384
    for length in [1, 15, 50, 100, 4096, *(16384 * k for k in range(1, pages)), len(whole) - 1]:
        library.write_bytes(whole[:length])
        _check_noticed(library, None)


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_are_noticed_or_are_where_nothing_is(library, seed):
    """Of each flip: opening or verifying says so, or all content is as it was."""
    expected = content(library)
    whole = library.read_bytes()
    generator = random.Random(seed)
    damaged = library.with_name("damaged.fgmm")
    noticed = 0
    for _ in range(60):
        flipped = bytearray(whole)
        for _ in range(generator.choice([1, 1, 8])):
            flipped[generator.randrange(len(flipped))] ^= 1 << generator.randrange(8)
        damaged.write_bytes(flipped)
        noticed += _check_noticed(damaged, expected)
    assert noticed > 0


@pytest.mark.parametrize("seed", range(2))
def test_overwritten_pages_are_noticed(library, seed):
    expected = content(library)
    whole = library.read_bytes()
    generator = random.Random(seed)
    damaged = library.with_name("damaged.fgmm")
    for _ in range(30):
        page = generator.randrange(len(whole) // 16384) * 16384
        start = page + generator.randrange(16000)
        changed = bytearray(whole)
        changed[start : start + 384] = generator.randbytes(384)
        damaged.write_bytes(changed)
        _check_noticed(damaged, expected)


def _check_noticed(path, expected) -> bool:
    """Open and verify: nothing but StoreError comes out, and no wrong content goes unnoticed."""
    try:
        findings = verify(path)
    except StoreError:
        findings = ["unreadable"]
    try:
        found = content(path)
    except StoreError:
        return True
    if not findings:
        assert found == expected
    return bool(findings)
