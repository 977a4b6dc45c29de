"""A cache, and vectors that can be told from their keys alone."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from fgmm.cache import EmbeddingCache

DIM = 96


def key(number: int) -> bytes:
    return hashlib.blake2b(b"%d" % number, digest_size=16).digest()


def truth(space: str, key: bytes) -> np.ndarray:
    """The vector of a key: the test knows what must be read, whoever wrote it."""
    seed = int.from_bytes(hashlib.blake2b(key, digest_size=8, salt=space.encode()).digest(), "big")
    return np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)


def truths(space: str, keys: list[bytes]) -> np.ndarray:
    return np.stack([truth(space, key) for key in keys])


def assert_true(space: str, found: dict[bytes, np.ndarray]) -> None:
    for each, vector in found.items():
        assert np.array_equal(vector, truth(space, each))


@pytest.fixture
def cache(tmp_path):
    with EmbeddingCache(tmp_path / "cache.sqlite") as cache:
        yield cache
