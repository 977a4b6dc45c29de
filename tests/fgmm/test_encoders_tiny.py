"""The loader of the shipped weights, on weights of our own."""

from __future__ import annotations

import importlib.resources
import logging
import shutil

import pytest
from PIL import Image

from fgmm import check_encoder, load_encoder
from fgmm.encoders import tiny
from fgmm.encoders.registry import forget_encoders
from fgmm.errors import WeightsNotFound


@pytest.fixture
def package(monkeypatch, tmp_path):
    """An installed fgmm whose weights are ours to put there."""
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path / package)
    monkeypatch.setattr(tiny, "_said", False)
    forget_encoders()
    yield tmp_path / "fgmm" / "weights" / "tiny"
    forget_encoders()


def test_without_its_weights_it_says_what_to_do(package):
    with pytest.raises(WeightsNotFound, match="'fake' needs no weights") as caught:
        load_encoder("tiny")
    assert str(package) in str(caught.value)
    assert "openclip:ViT-B-16/openai" in str(caught.value)


def test_with_weights_it_is_open_clips_encoder_of_that_folder(
    package, model_folder, encoder_name, caplog
):
    shutil.copytree(model_folder("openclip_timm"), package)
    with caplog.at_level(logging.INFO, logger="fgmm"):
        encoder = load_encoder("tiny")
        forget_encoders()
        load_encoder("tiny")
    check_encoder(encoder)
    assert encoder.space == load_encoder(encoder_name("openclip_timm")).space
    said = [one.getMessage() for one in caplog.records if "'tiny' is the small" in one.getMessage()]
    assert len(said) == 1  # once, however often it is loaded
    assert "openclip:ViT-B-16/openai" in said[0]
    assert repr(encoder).startswith("TinyEncoder('tiny'")


def test_what_is_shipped_can_be_used():
    if not (tiny.Path(str(importlib.resources.files("fgmm"))) / "weights" / "tiny").is_dir():
        pytest.skip("this copy of fgmm has no weights yet")
    encoder = load_encoder("tiny", device="cpu")
    check_encoder(encoder)
    red = encoder.encode_images([Image.new("RGB", (64, 64), "red")])
    assert red.space == encoder.space
