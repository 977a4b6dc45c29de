"""Two layers at once: the same vectors as one after the other, and each picture read once."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

import fgmm
from fgmm import load_encoder
from fgmm.cache import EmbeddingCache
from fgmm.encoders.base import prepares
from fgmm.encoders.both_layers import join_layers

COLOURS = ("red", "#204060", "white")


MODELS = (
    "fake",
    "openclip_clip",
    "openclip_resnet",
    "openclip_timm",
    "openclip_siglip",
    "hf_clip",
    "hf_siglip",
)


@pytest.fixture(params=MODELS)
def encoder(request, encoder_name):
    return load_encoder(encoder_name(request.param))


@pytest.fixture
def pictures(plain):
    return [plain(colour, 24, 32) for colour in COLOURS]


def test_each_half_is_what_its_layer_gives(encoder, pictures):
    both = join_layers(encoder)
    found = both.encode_images(pictures)
    assert found.vectors.shape == (3, both.dim)
    assert found.space == both.space not in both.spaces
    for half, layer in zip(both.split(found), ("joint", "features"), strict=True):
        own = encoder.encode_images(pictures, layer=layer)
        assert half.space == own.space
        torch.testing.assert_close(half.vectors, own.vectors, atol=1e-6, rtol=1e-5)


def test_it_prepares_where_the_encoder_does(encoder, pictures):
    both = join_layers(encoder)
    assert prepares(both) == prepares(encoder)
    if prepares(both):
        ready = [both.prepare(picture) for picture in pictures]
        torch.testing.assert_close(
            both.encode_prepared(ready).vectors, both.encode_images(pictures).vectors
        )


def test_none_are_none(encoder):
    both = join_layers(encoder)
    joint, features = both.split(both.encode_images([]))
    assert joint.vectors.shape == (0, encoder.dim)
    assert len(features) == 0


def test_what_the_encoder_says_of_itself_it_says_too(encoder):
    both = join_layers(encoder)
    for said in ("dtype", "device"):
        assert getattr(both, said, "nothing") == getattr(encoder, said, "nothing")


def test_a_folder_is_read_once_and_kept_apart_from_the_layers(tmp_path, monkeypatch):
    for i, colour in enumerate(COLOURS):
        Image.new("RGB", (24, 24), colour).save(tmp_path / f"{i}.png")
    encoder = load_encoder("fake")
    both = join_layers(encoder)
    cache = EmbeddingCache(tmp_path / "kept.sqlite")
    first = fgmm.embed_images(str(tmp_path / "*.png"), encoder=both, cache=cache, workers=0)
    joint, features = both.split(first)
    for layer, half in (("joint", joint), ("features", features)):
        own = fgmm.embed_images(str(tmp_path / "*.png"), encoder=encoder, layer=layer, cache=cache)
        torch.testing.assert_close(half.vectors, own.vectors, atol=1e-6, rtol=1e-5)
    monkeypatch.setattr(encoder, "encode_images", None)  # everything is in the cache by now
    again = fgmm.embed_images(str(tmp_path / "*.png"), encoder=both, cache=cache, workers=0)
    torch.testing.assert_close(again.vectors, first.vectors)


@pytest.mark.parametrize("model", ["openclip_clip", "openclip_timm", "openclip_resnet", "hf_clip"])
def test_the_network_runs_once_for_both(model, encoder_name, pictures):
    encoder = load_encoder(encoder_name(model))
    both, calls = join_layers(encoder), []
    tower = getattr(encoder._model, "visual", None) or encoder._model.vision_model
    convolution = next(m for m in tower.modules() if isinstance(m, torch.nn.Conv2d))
    convolution.register_forward_hook(lambda *call: calls.append(1))
    both.encode_images(pictures)
    assert len(calls) == 1
    join_layers(encoder)  # asks no picture about its width again
    assert len(calls) == 1
