"""A cache that cannot be written: work goes on."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3

import numpy as np
import pytest

from fgmm.cache import EmbeddingCache
from fgmm.errors import StoreError
from tests.fgmm.cache.conftest import assert_true, key, truths


def use(cache: EmbeddingCache) -> dict[bytes, np.ndarray]:
    cache.put_many("a", [key(1)], truths("a", [key(1)]))
    return cache.get_many("a", [key(1)])


def test_where_nothing_can_be_written_work_goes_on_and_the_log_says_so(tmp_path, caplog):
    (tmp_path / "file").touch()
    cache = EmbeddingCache(tmp_path / "file" / "cache.sqlite")  # a file is in the way
    with caplog.at_level(logging.WARNING, "fgmm"):
        assert use(cache) == {}
        assert use(cache) == {}
    assert cache.stats().vectors == 0
    cache.clear()
    cache.close()
    assert caplog.text.count("no cache of embeddings") == 1
    with pytest.raises(StoreError, match="cannot use"):
        use(EmbeddingCache(tmp_path / "file" / "cache.sqlite", strict=True))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_folder(tmp_path, caplog):
    (tmp_path / "here").mkdir(mode=0o500)
    assert use(EmbeddingCache(tmp_path / "here" / "cache.sqlite")) == {}
    assert "no cache of embeddings" in caplog.text


def test_a_full_disk_or_a_lock_for_ever_ends_caching_not_work(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("fgmm.cache.database._PATIENCE", 0.05)
    cache = EmbeddingCache(tmp_path / "cache.sqlite")
    use(cache)
    with contextlib.closing(sqlite3.connect(cache.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING, "fgmm"):
            cache.put_many("a", [key(2)], np.ones((1, 2)))
        assert "locked" in caplog.text
        other.execute("ROLLBACK")
    assert cache.get_many("a", [key(1)]) == {}
    with EmbeddingCache(cache.path) as fresh:
        assert set(fresh.get_many("a", [key(1), key(2)])) == {key(1)}


def test_a_failed_put_keeps_nothing_of_it(cache):
    cache.put_many("a", [key(1)], truths("a", [key(1)]))
    with pytest.raises((TypeError, sqlite3.Error, StoreError)):
        cache.put_many("a", [key(2), object()], np.ones((2, 3)))
    assert set(cache.get_many("a", [key(1), key(2)])) == {key(1)}
    assert_true("a", use(cache))  # and it can still be written
