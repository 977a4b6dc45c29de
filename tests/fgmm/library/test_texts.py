"""Vectors of texts beside a library: kept, noticed when damaged, and lost without harm."""

from __future__ import annotations

import contextlib
import sqlite3

import numpy as np
import pytest

from fgmm.library import Collection, LibraryFile, MemoryLibrary, add_species, remove, verify

VECTORS = {bytes([n]) * 32: np.eye(5, dtype=np.float32)[n] for n in range(5)}


def execute(path, statement: str, *values: object) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def same(found, expected) -> bool:
    return found.keys() == expected.keys() and all(
        np.array_equal(found[key], one) and found[key].dtype == np.float32
        for key, one in expected.items()
    )


@pytest.fixture
def kept(birds):
    """A library's file with `VECTORS`."""
    with LibraryFile.open(birds) as library:
        library.texts.put(VECTORS)
    return birds


@pytest.fixture(params=["memory", "file"])
def library(request, birds):
    """A library of each kind, without vectors of texts."""
    if request.param == "memory":
        return MemoryLibrary(Collection("fake/1", 2, "fake"))
    return LibraryFile.open(birds)


def test_what_is_put_is_given_back_by_key_and_no_change(library):
    before, history = library.collection, library.history()
    assert library.texts.get() == {} == library.texts.get(list(VECTORS))
    library.texts.put(VECTORS)
    first, second, *_ = VECTORS
    assert same(library.texts.get([first, b"none", second]), dict(list(VECTORS.items())[:2]))
    library.texts.put({first: VECTORS[second]})
    assert same(library.texts.get(), VECTORS | {first: VECTORS[second]})
    assert library.collection is before
    assert library.history() == history


def test_more_keys_than_one_query_takes(birds):
    rows = np.random.default_rng(0).standard_normal((1203, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    many = {n.to_bytes(32, "big"): row for n, row in enumerate(rows)}
    with LibraryFile.open(birds) as library:
        library.texts.put(many)
        assert same(library.texts.get(many), many)


def test_forgetting_drops_them_and_they_can_be_put_again(library):
    library.texts.put(VECTORS)
    library.forget()
    assert library.texts.get() == {}
    library.texts.put(VECTORS)
    assert same(library.texts.get(), VECTORS)


def test_nothing_of_them_is_in_the_bytes_once_forgotten(birds):
    secret = {b"5ec2e7" * 5 + b"!!": np.full(64, 0.125, np.float32)}
    with LibraryFile.open(birds) as library:
        library.texts.put(secret)
        traces = (*secret, np.full(64, 0.125, "<f4").tobytes())
        assert all(trace in birds.read_bytes() for trace in traces)
        library.apply(lambda c: remove(c, "dodo"), "remove", {})
        library.forget()
    assert not any(trace in birds.read_bytes() for trace in traces)
    assert verify(birds) == []


def test_another_process_finds_them_reading_only_and_writes_none(kept):
    before = kept.read_bytes()
    with LibraryFile.open(kept, readonly=True) as library:
        assert same(library.texts.get(), VECTORS)
        library.texts.put({b"new": np.ones(1, np.float32)})
        assert same(library.texts.get(), VECTORS)
    assert kept.read_bytes() == before
    assert verify(kept) == []


DAMAGE = {
    "a bit": "UPDATE texts SET vector = CAST(x'01' || substr(vector, 2) AS BLOB) WHERE key = ?",
    "a short vector": "UPDATE texts SET vector = x'00' WHERE key = ?",
    "no vector": "UPDATE texts SET vector = 'one' WHERE key = ?",
    "a text that is none": "UPDATE texts SET vector = CAST(x'ff80' AS TEXT) WHERE key = ?",
    "another's vector": "UPDATE texts SET (vector, checksum) = (SELECT vector, checksum FROM texts "
    "WHERE key = x'0101010101010101010101010101010101010101010101010101010101010101') "
    "WHERE key = ?",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_vector_is_found_not_given_and_can_be_replaced(kept, damage):
    first, *others = VECTORS
    execute(kept, DAMAGE[damage], first)
    assert [finding.part for finding in verify(kept)] == ["texts"]
    with LibraryFile.open(kept) as library:
        assert same(library.texts.get(), {key: VECTORS[key] for key in others})
        library.texts.put({first: VECTORS[first]})
        assert same(library.texts.get(), VECTORS)
    assert verify(kept) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, 2.0, 0.0])
def test_no_vector_of_length_one_is_not_given_though_its_checksum_is_right(birds, value):
    with LibraryFile.open(birds) as library:
        library.texts.put({b"key": np.full(4, value, np.float32), b"good": np.eye(4)[0]})
        assert list(library.texts.get()) == [b"good"]
    assert len(verify(birds)) == 1


def test_a_library_that_cannot_be_read_or_written_says_so_in_the_log_alone(kept, caplog):
    library = LibraryFile.open(kept, patience=0.05)
    with contextlib.closing(sqlite3.connect(kept, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        library.texts.put({b"new": np.eye(4)[0]})
    assert "vectors of texts are not kept" in caplog.text
    assert same(library.texts.get(), VECTORS)
    library.close()
    assert library.texts.get() == {}
    assert "texts are encoded again" in caplog.text


def test_changes_go_on_beside_them(kept):
    with LibraryFile.open(kept) as library, LibraryFile.open(kept) as other:
        library.apply(lambda c: add_species(c, "emu"), "add_species", {})
        other.texts.put({b"new": np.eye(4)[0]})
        assert [one.name for one in library.undo()] == ["wren", "great tit", "dodo"]
        assert same(library.texts.get(), VECTORS | {b"new": np.eye(4, dtype=np.float32)[0]})
