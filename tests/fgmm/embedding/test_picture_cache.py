"""Vectors of pictures kept in a cache: by content, layer and space."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from fgmm import EmbeddingCache, embed_images
from fgmm.embedding.keys import file_key, picture_key, text_key
from tests.fgmm.embedding.conftest import GOOD, Eye, N, expected, picture


def test_layers_are_apart_in_a_cache(folder, tmp_path):
    with EmbeddingCache(tmp_path / "cache.sqlite") as cache:
        joint = embed_images(folder, encoder=Eye(), cache=cache)
        features = embed_images(folder, encoder=Eye(), cache=cache, layer="features")
        again = embed_images(folder, encoder=Eye(), cache=cache, layer="features")
    assert joint.space != features.space
    assert features.vectors.shape == (len(GOOD), 41)
    assert torch.equal(features.vectors, again.vectors)


def test_encoders_of_two_spaces_share_a_cache_and_nothing_else(folder, tmp_path):
    path = tmp_path / "cache.sqlite"
    embed_images(folder, encoder=Eye("one"), cache=path)
    other = Eye("two")
    assert embed_images(folder, encoder=other, cache=str(path)).space == "two"
    assert sum(other.batches) == len(GOOD)


def test_a_picture_in_the_cache_is_not_decoded(folder, tmp_path, monkeypatch):
    path = tmp_path / "cache.sqlite"
    embed_images(folder, encoder=Eye(), cache=path)
    monkeypatch.setattr(
        "fgmm.embedding.decoding.decode_image", lambda *a, **k: pytest.fail("it was decoded")
    )
    good = [folder / ("a" if n < 9 else "b") / f"{n:03}.png" for n in GOOD]
    got = embed_images(good, encoder=Eye(), cache=path, workers=0)
    assert torch.equal(got.vectors, expected())


def test_a_file_is_read_once_and_hashed_once(folder, tmp_path, monkeypatch):
    from fgmm.embedding import decoding

    reads, hashes = [], []
    fetch, hash_it = decoding.fetch_bytes, decoding.file_key
    monkeypatch.setattr(decoding, "fetch_bytes", lambda *a: reads.append(a) or fetch(*a))
    monkeypatch.setattr(decoding, "file_key", lambda d: hashes.append(d) or hash_it(d))
    embed_images(
        folder, encoder=Eye(), cache=tmp_path / "c.sqlite", into=tmp_path / "e.safetensors"
    )
    assert (len(reads), len(hashes)) == (N, N)
    embed_images(folder, encoder=Eye())
    assert (len(reads), len(hashes)) == (2 * N, N)  # without a cache nothing is hashed


def test_keys_are_of_content_alone():
    image = picture(0)
    assert picture_key(image) == picture_key(image.copy())
    assert picture_key(image) != picture_key(picture(1))
    flat = Image.new("RGB", (4, 6), "red")
    assert picture_key(flat) != picture_key(Image.new("RGB", (6, 4), "red"))
    assert len({file_key(b"a"), text_key("a"), file_key(b""), text_key("")}) == 4
    assert text_key("\udcff") != text_key("\udcfe")


def test_the_users_own_cache_is_used_only_if_asked(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("fgmm.cache.vectors.default_cache_path", lambda: tmp_path / "own.sqlite")
    for choice in (None, False):
        embed_images(folder, encoder=Eye(), cache=choice)
        assert not (tmp_path / "own.sqlite").exists()
    embed_images(folder, encoder=Eye(), cache=True)
    assert (tmp_path / "own.sqlite").exists()
