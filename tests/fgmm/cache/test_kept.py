"""The embedding cache: what is put is got, and what was used longest ago goes first."""

from __future__ import annotations

import contextlib
import sqlite3
import sys

import numpy as np
import pytest

from fgmm.cache import EmbeddingCache, default_cache_path
from tests.fgmm.cache.conftest import assert_true, key, truths


def test_what_is_put_is_got(cache):
    keys = [key(n) for n in range(700)]
    cache.put_many("a", keys[:600], truths("a", keys[:600]))
    found = cache.get_many("a", keys)
    assert set(found) == set(keys[:600])
    assert_true("a", found)
    assert all(
        vector.dtype == np.float32 and not vector.flags.writeable for vector in found.values()
    )
    stats = cache.stats()
    assert (stats.vectors, stats.hits, stats.misses, stats.dropped) == (600, 600, 100, 0)
    assert stats.path == cache.path


def test_spaces_are_apart(cache):
    cache.put_many("a", [key(1)], truths("a", [key(1)]))
    cache.put_many("b", [key(1)], truths("b", [key(1)]))
    assert_true("a", cache.get_many("a", [key(1)]))
    assert_true("b", cache.get_many("b", [key(1)]))
    assert cache.get_many("c", [key(1)]) == {}


def test_it_outlives_its_object_and_replaces(tmp_path):
    path = tmp_path / "deep" / "er" / "ß.sqlite"
    with EmbeddingCache(path) as cache:
        cache.put_many("a", [key(1)], np.zeros((1, 3)))
        cache.put_many("a", [key(1)], truths("a", [key(1)]))
    assert [file.name for file in path.parent.iterdir()] == ["ß.sqlite"]
    again = EmbeddingCache(path)
    assert_true("a", again.get_many("a", [key(1)]))
    assert again.stats().vectors == 1
    again.close()


def test_nothing_and_wrong_shapes(cache):
    cache.put_many("a", [], np.zeros((0, 4)))
    assert cache.get_many("a", []) == {}
    with pytest.raises(ValueError, match=r"2 keys and vectors of shape \(3, 4\)"):
        cache.put_many("a", [key(1), key(2)], np.zeros((3, 4)))
    with pytest.raises(ValueError, match="at least 1,000,000"):
        EmbeddingCache("x", max_bytes=10)


def test_clear(cache):
    keys = [key(n) for n in range(3000)]
    cache.put_many("a", keys, truths("a", keys))
    full = cache.stats().bytes
    cache.clear()
    assert cache.get_many("a", keys) == {}
    assert cache.stats().vectors == 0
    assert cache.stats().bytes < full / 5
    cache.close()
    assert cache.path.stat().st_size < full / 5


def test_the_longest_unused_go_first(tmp_path):
    limit = 1_000_000
    cache = EmbeddingCache(tmp_path / "cache.sqlite", max_bytes=limit)
    dear = [key(n) for n in range(100)]
    cache.put_many("a", dear, truths("a", dear))
    for start in range(1000, 6000, 250):
        others = [key(n) for n in range(start, start + 250)]
        cache.put_many("a", others, truths("a", others))
        assert set(cache.get_many("a", dear)) == set(dear)
        assert cache.stats().bytes <= limit
        assert cache.path.stat().st_size <= limit * 1.2
    early, late = [key(n) for n in range(1000, 1100)], [key(n) for n in range(5900, 6000)]
    assert cache.get_many("a", early) == {}
    assert set(cache.get_many("a", late)) == set(late)
    assert cache.stats().vectors > 1000  # it does not throw away more than it must
    cache.close()


def test_what_was_read_last_is_known_to_the_next_process(tmp_path):
    path = tmp_path / "cache.sqlite"
    first, second = [key(n) for n in range(200)], [key(n) for n in range(200, 400)]
    with EmbeddingCache(path) as cache:
        cache.put_many("a", first, truths("a", first))
        cache.put_many("a", second, truths("a", second))
        cache.get_many("a", first)
    with contextlib.closing(sqlite3.connect(path)) as raw:
        oldest = raw.execute("SELECT key FROM vectors ORDER BY used LIMIT 200").fetchall()
    assert {row[0] for row in oldest} == set(second)


def test_the_users_own_place(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = EmbeddingCache()
    assert cache.path == default_cache_path()
    assert cache.path.name == "embeddings.sqlite"
    assert not cache.path.exists()  # nothing is made before it is used
    if sys.platform == "linux":
        assert cache.path == tmp_path / "fgmm" / "embeddings.sqlite"
