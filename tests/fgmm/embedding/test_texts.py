"""Texts as vectors, in order, each once."""

from __future__ import annotations

import pytest
import torch

from fgmm import EmbeddingCache, embed_images, embed_texts
from fgmm.errors import EncoderBroken, TextTooLong
from tests.fgmm.embedding.conftest import Eye


def test_texts_in_order_and_each_once(tmp_path):
    texts = ["a tit", "a finch", "a tit", "", "ü 鳥", "a finch"]
    alone = torch.cat([Eye().encode_texts([text]).vectors for text in texts])
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        for store, asked in ((None, 4), (cache, 4), (cache, 0), (cache.path, 0)):
            for batch_size in (1, 3, 100):
                encoder = Eye()
                got = embed_texts(iter(texts), encoder=encoder, batch_size=batch_size, cache=store)
                assert torch.allclose(got.vectors, alone, atol=1e-6)
                assert got.space == "eye"
                assert len(encoder.texts) == (asked if batch_size == 1 or store is None else 0)


def test_texts_and_pictures_do_not_meet_in_a_cache(tmp_path):
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        embed_texts(["x"], encoder=Eye(), cache=cache)
        assert embed_images([b"x"], encoder=Eye(), cache=cache).failures


def test_wrong_texts(tmp_path):
    with pytest.raises(TypeError, match=r"not one text: pass \['a tit'\]"):
        embed_texts("a tit", encoder=Eye())
    with pytest.raises(TypeError, match="text 1 is 7, of type int"):
        embed_texts(["a", 7], encoder=Eye())
    with pytest.raises(ValueError, match="batch_size is at least 1, not 0"):
        embed_texts(["a"], encoder=Eye(), batch_size=0)
    with pytest.raises(TextTooLong, match="too long"):
        embed_texts(["a", "b " * 20], encoder=Eye())
    assert embed_texts([], encoder=Eye()).vectors.shape == (0, 49)

    class Blind:
        space, dim = "blind", 3

        def encode_images(self, images, *, layer="joint"): ...

    with pytest.raises(EncoderBroken, match="reads pictures only"):
        embed_texts(["a"], encoder=Blind())


def test_a_text_cut_by_one_encoder_is_never_given_to_one_that_does_not_cut(tmp_path):
    from fgmm.encoders.fake import FakeEncoder

    long = "red " * 40
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        with pytest.warns(UserWarning, match="cut"):
            embed_texts([long], encoder=FakeEncoder(on_long="truncate"), cache=cache)
        with pytest.raises(TextTooLong, match="40"):
            embed_texts([long], encoder=FakeEncoder(), cache=cache)
