"""Damaged cache files and files that are none: no wrong vector, nothing of others touched."""

from __future__ import annotations

import contextlib
import sqlite3

import numpy as np
import pytest

from fgmm.cache import EmbeddingCache
from fgmm.errors import StoreError
from tests.fgmm.cache.conftest import assert_true, key, truths


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE vectors SET vector = zeroblob(length(vector)) WHERE key = ?1",
        "UPDATE vectors SET vector = substr(vector, 1, 40) WHERE key = ?1",
        "UPDATE vectors SET vector = 'text' WHERE key = ?1",
        "UPDATE vectors SET checksum = x'00' WHERE key = ?1",
        # a whole row, well kept, but another key's
        "UPDATE vectors SET (vector, checksum) = (SELECT vector, checksum FROM vectors "
        "WHERE key != ?1 LIMIT 1) WHERE key = ?1",
        # or another space's
        "UPDATE vectors SET (vector, checksum) = (SELECT vector, checksum FROM vectors v WHERE "
        "v.key = ?1 AND v.space = 2) WHERE key = ?1 AND space = 1",
    ],
)
def test_a_bad_row_is_missing_and_dropped(cache, damage, caplog):
    keys = [key(n) for n in range(10)]
    for space in ("a", "b"):
        cache.put_many(space, keys, truths(space, keys))
    with contextlib.closing(sqlite3.connect(cache.path)) as raw, raw:
        assert raw.execute(damage, (keys[3],)).rowcount >= 1
    found = cache.get_many("a", keys)
    assert set(found) == set(keys) - {keys[3]}
    assert_true("a", found)
    assert cache.stats().dropped == 1
    assert "dropped 1 damaged" in caplog.text
    with contextlib.closing(sqlite3.connect(cache.path)) as raw:
        left = raw.execute("SELECT count(*) FROM vectors WHERE space = 1").fetchone()
    assert left == (9,)
    cache.put_many("a", [keys[3]], truths("a", [keys[3]]))
    assert_true("a", cache.get_many("a", [keys[3]]))


def test_flipped_bits_never_give_a_wrong_vector(tmp_path):
    rng = np.random.default_rng(7)
    keys = [key(n) for n in range(300)]
    with EmbeddingCache(tmp_path / "whole.sqlite") as cache:
        cache.put_many("a", keys, truths("a", keys))
    whole = (tmp_path / "whole.sqlite").read_bytes()
    refused = lost = 0
    for turn in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, len(data) if turn % 2 else 4000, rng.choice([1, 30])):
            data[at] ^= 1 << int(rng.integers(8))
        if turn % 10 == 0:
            del data[int(rng.integers(len(data))) :]
        path = tmp_path / f"{turn}.sqlite"
        path.write_bytes(data)
        try:
            with EmbeddingCache(path) as cache:
                found = cache.get_many("a", keys)
                assert_true("a", found)
                lost += len(found) < len(keys)
                cache.put_many("a", keys[:50], truths("a", keys[:50]))
                assert_true("a", cache.get_many("a", keys))
        except StoreError as error:
            assert repr(str(path)) in str(error)
            refused += 1
        assert path.exists()
    assert refused > 5
    assert lost > 5


@pytest.mark.parametrize(
    "content", [b"precious words", b"SQLite format 3\0" + bytes(200), b"\x89PNG" * 999]
)
def test_a_file_that_is_no_cache_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "thesis.doc"
    path.write_bytes(content)
    cache = EmbeddingCache(path)
    for use in (
        lambda: cache.get_many("a", [key(1)]),
        lambda: cache.put_many("a", [key(1)], np.ones((1, 2))),
        cache.clear,
        cache.stats,
    ):
        with pytest.raises(StoreError, match=r"thesis.doc.*left as it is"):
            use()
    cache.close()
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "contacts.db"
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE people (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="database of another program"):
        EmbeddingCache(path).get_many("a", [key(1)])
    assert path.read_bytes() == before


def test_a_cache_of_the_future_is_left_alone(cache):
    cache.put_many("a", [key(1)], np.ones((1, 2)))
    cache.close()
    with contextlib.closing(sqlite3.connect(cache.path)) as raw:
        raw.execute("PRAGMA user_version = 7")
    with pytest.raises(StoreError, match="cache of version 7"):
        cache.get_many("a", [key(1)])


def test_a_folder_is_no_cache(tmp_path):
    with pytest.raises(StoreError, match="is a folder"):
        EmbeddingCache(tmp_path).stats()


def test_an_empty_file_becomes_a_cache(tmp_path):
    path = tmp_path / "made by mkstemp"
    path.touch()
    with EmbeddingCache(path) as cache:
        cache.put_many("a", [key(1)], truths("a", [key(1)]))
        assert_true("a", cache.get_many("a", [key(1)]))


def use(cache: EmbeddingCache) -> dict[bytes, np.ndarray]:
    cache.put_many("a", [key(1)], truths("a", [key(1)]))
    return cache.get_many("a", [key(1)])
