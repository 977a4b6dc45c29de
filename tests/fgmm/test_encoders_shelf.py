"""What is kept is exactly what would be computed: precision and cutting have shelves apart."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from fgmm import EmbeddingCache, embed_images, embed_texts, load_encoder
from fgmm.embeddings import Embeddings, unit_rows
from fgmm.errors import TextTooLong


def test_half_precision_never_answers_for_whole(encoder_name, tmp_path):
    name = encoder_name("openclip_timm")
    pictures = [Image.effect_noise((40, 40), 80).convert("RGB") for _ in range(3)]
    texts = ["a red bird", "a blue bird"]
    half, whole = (load_encoder(name, device="cpu", dtype=d) for d in ("bfloat16", "float32"))
    assert half.space == whole.space
    with EmbeddingCache(tmp_path / "cache") as cache:
        embed_images(pictures, encoder=half, cache=cache)
        embed_texts(texts, encoder=half, cache=cache)
        found = embed_images(pictures, encoder=whole, cache=cache)
        said = embed_texts(texts, encoder=whole, cache=cache)
    fresh = whole.encode_images(pictures).vectors
    assert torch.allclose(found.vectors, fresh, atol=1e-6)
    assert torch.allclose(said.vectors, whole.encode_texts(texts).vectors, atol=1e-6)
    assert not torch.allclose(half.encode_images(pictures).vectors, fresh, atol=1e-6)


class Reader:
    """Somebody's own encoder: three words at most, public `on_long`."""

    space, dim, context_length = "theirs", 2, 3
    logit_scale, logit_bias, scoring = 1.0, 0.0, "softmax"

    def __init__(self, on_long):
        self.on_long = on_long

    def encode_images(self, images, *, layer="joint"):
        return Embeddings(torch.zeros(0, 2), self.space)

    def encode_texts(self, texts):
        if self.on_long == "error" and any(len(t.split()) > 3 for t in texts):
            raise TextTooLong("more than 3 words")
        rows = torch.tensor([[1.0, len(t.split()[:3])] for t in texts])
        return Embeddings(unit_rows(rows), self.space)


def test_a_cut_text_is_never_served_to_one_who_refuses_it(tmp_path):
    with EmbeddingCache(tmp_path / "cache") as cache:
        embed_texts(["one two three four"], encoder=Reader("truncate"), cache=cache)
        with pytest.raises(TextTooLong):
            embed_texts(["one two three four"], encoder=Reader("error"), cache=cache)


def test_layers_of_equal_width_are_apart(tmp_path):
    class TwoLayers(Reader):
        def encode_images(self, images, *, layer="joint"):
            row = [[1.0, 0.0]] if layer == "joint" else [[0.0, 1.0]]
            space = self.space if layer == "joint" else f"{self.space}+{layer}"
            return Embeddings(torch.tensor(row * len(images)).reshape(-1, 2), space)

    picture = [Image.new("RGB", (8, 8), "red")]
    encoder = TwoLayers("error")
    with EmbeddingCache(tmp_path / "cache") as cache:
        for layer in ("joint", "features", "joint", "features"):
            found = embed_images(picture, encoder=encoder, layer=layer, cache=cache)
            assert found.vectors.tolist() == [[1.0, 0.0] if layer == "joint" else [0.0, 1.0]]
