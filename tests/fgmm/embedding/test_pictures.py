"""Many pictures as vectors: the same rows whatever the way, and what fails is listed."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from fgmm import EmbeddingCache, Embeddings, embed_images
from fgmm.embedding import Failure, ImageEmbeddings
from fgmm.embedding.keys import picture_key
from fgmm.errors import EncoderBroken, ImageError
from tests.fgmm.embedding.conftest import (
    GOOD,
    ComputingEye,
    Eye,
    PreparingEye,
    assert_right,
    picture,
)


@pytest.mark.parametrize("make", [Eye, PreparingEye, ComputingEye])
@pytest.mark.parametrize("workers", [0, 1, 5])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize("cached", [False, True])
def test_the_same_rows_whatever_the_way(folder, tmp_path, make, workers, batch_size, cached):
    encoder = make()
    cache = EmbeddingCache(tmp_path / "cache.sqlite") if cached else None
    options = {"encoder": encoder, "workers": workers, "batch_size": batch_size, "cache": cache}
    first = embed_images(folder, **options)
    assert_right(first)
    assert sum(encoder.batches) == len(GOOD)
    assert max(encoder.batches) <= min(batch_size, len(GOOD))
    if make is not ComputingEye:  # which evens its batches out among threads
        assert max(encoder.batches) == min(batch_size, len(GOOD))
    second = embed_images(folder, **options)
    assert_right(second)
    assert torch.equal(first.vectors, second.vectors)
    assert sum(encoder.batches) == (1 if cached else 2) * len(GOOD)
    if cache:
        cache.close()


def test_forms_of_input(folder, tmp_path):
    paths = sorted(folder.rglob("*.png"))
    for images in (
        folder,
        str(folder),
        f"{folder}/**/*.png",
        paths,
        map(str, paths),
        iter(paths),
    ):
        assert_right(embed_images(images, encoder=Eye()))
    one = embed_images(paths[0], encoder=Eye())
    assert (len(one), one.names) == (1, (str(paths[0]),))
    assert len(embed_images(paths[0].read_bytes(), encoder=Eye())) == 1
    assert len(embed_images(picture(1), encoder=Eye())) == 1
    batch = np.zeros((3, 9, 9, 3), dtype=np.uint8)
    assert len(embed_images(batch, encoder=Eye())) == 3
    for unclear in (batch[0], torch.zeros(3, 9, 9)):
        with pytest.raises(ImageError, match=r"may be one picture or several: pass \[array\]"):
            embed_images(unclear, encoder=Eye())
    with pytest.raises(ImageError, match="7 is no picture, and no list"):
        embed_images(7, encoder=Eye())
    with pytest.raises(ImageError, match="no such file or folder"):
        embed_images(tmp_path / "absent", encoder=Eye())


def test_what_is_no_path_is_named_by_its_position(folder):
    good, broken = folder / "a" / "000.png", folder / "a" / "004.png"
    mixed = [good, good.read_bytes(), picture(0), np.asarray(picture(0)), broken.read_bytes(), 7]
    mixed += [io.BytesIO(good.read_bytes()), torch.from_numpy(np.array(picture(0)))]
    got = embed_images(mixed, encoder=Eye(), batch_size=3)
    assert got.names == (str(good), "#1", "#2", "#3", "#6", "#7")
    assert got.positions == (0, 1, 2, 3, 6, 7)
    assert torch.equal(got.vectors, got.vectors[:1].expand(6, -1))
    assert [(f.position, f.name) for f in got.failures] == [(4, "#4"), (5, "#5")]
    assert "'<bytes> #4'" in str(got.failures[0].error)
    assert "int is no picture" in str(got.failures[1].error)


def test_nothing_and_nothing_good():
    empty = embed_images([], encoder=Eye())
    assert (empty.vectors.shape, empty.space) == ((0, 49), "eye")
    bad = embed_images([b"x", b"y"], encoder=Eye(), layer="features")
    assert (bad.vectors.shape, bad.space) == ((0, 41), "eye+features")
    assert len(bad.failures) == 2


def test_the_first_failure_in_order_is_raised(folder):
    with pytest.raises(ImageError, match=r"004\.png"):
        embed_images(folder, encoder=Eye(), on_error="raise", workers=4)


def test_encoders_that_break_the_protocol(tmp_path):
    class Short(Eye):
        def encode_images(self, images, *, layer="joint"):
            return super().encode_images(images[:-1], layer=layer)

    class Elsewhere(Eye):
        def encode_images(self, images, *, layer="joint"):
            return Embeddings(super().encode_images(images).vectors, "elsewhere")

    for broken in (Short(), Elsewhere()):
        with pytest.raises(EncoderBroken, match=r"for 3 pictures; its space is 'eye', of 49"):
            embed_images([picture(n) for n in range(3)], encoder=broken)
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        cache.put_many("eye", [picture_key(picture(0))], np.ones((1, 7)))
        with pytest.raises(EncoderBroken, match="two encoders call different spaces by one name"):
            embed_images([picture(0)], encoder=Eye(), cache=cache)


def test_a_bug_in_an_encoder_is_not_taken_for_a_broken_picture():
    class Bug(PreparingEye):
        def prepare(self, image):
            raise ZeroDivisionError("bug")

    with pytest.raises(ZeroDivisionError, match="bug"):
        embed_images([picture(0)], encoder=Bug())


def test_wrong_arguments():
    with pytest.raises(ValueError, match="on_error is 'list' or 'raise', not 'skip'"):
        embed_images([], encoder=Eye(), on_error="skip")
    with pytest.raises(ValueError, match="batch_size is at least 1, not 0"):
        embed_images([], encoder=Eye(), batch_size=0)
    with pytest.raises(ValueError, match="workers is 0 or more, not -1"):
        embed_images([], encoder=Eye(), workers=-1)
    small = embed_images([picture(0)], encoder=Eye(), max_pixels=100)
    assert "180 pixels, more than the 100" in str(small.failures[0].error)


def test_image_embeddings_need_a_name_for_each_row():
    with pytest.raises(ValueError, match="2 rows, 1 names and 2 positions"):
        ImageEmbeddings(torch.eye(2), "here", ("a",), (0, 1), ())
    with pytest.raises(ValueError, match="not of length one"):
        ImageEmbeddings(torch.ones(1, 2), "here", ("a",), (0,), ())
    fine = ImageEmbeddings(
        torch.eye(2), "here", ("a", "b"), (0, 2), (Failure(1, "x", ImageError()),)
    )
    assert fine.cosine(Embeddings(torch.eye(2), "here")).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("model", ["fake", "timm"])
def test_real_encoders(folder, tmp_path, encoder_name, model):
    from fgmm import load_encoder

    name = encoder_name(model)
    encoder = load_encoder(name)
    alone = torch.cat([encoder.encode_images([picture(n)]).vectors for n in GOOD])
    for options in ({"workers": 0}, {"batch_size": 5}, {"into": tmp_path / "e.safetensors"}):
        got = embed_images(folder, encoder=name, **options)
        assert got.space == encoder.space
        assert torch.allclose(got.vectors, alone, atol=1e-6)
    features = embed_images(folder, encoder=name, layer="features")
    assert torch.allclose(
        features.vectors[2:3],
        encoder.encode_images([picture(GOOD[2])], layer="features").vectors,
        atol=1e-6,
    )
