"""Every encoder x every sentence of the protocol."""

from __future__ import annotations

import pytest

from fgmm import check_encoder, load_encoder
from fgmm.encoders.base import Encoder, ImageEncoder, PatchEncoder, prepares
from fgmm.encoders.checks import IMAGE_CHECKS, PREPARING_CHECKS, TEXT_CHECKS, TOLERANCE

TEXT_MODELS = [
    "fake",
    "fake:sigmoid",
    "openclip_clip",
    "openclip_resnet",
    "openclip_timm",
    "openclip_siglip",
    "hf_clip",
    "hf_siglip",
    "hf_siglip2",
]
IMAGE_MODELS = ["hf_dinov2", "timm"]


@pytest.fixture(scope="module")
def load(encoder_name):
    """Each encoder loaded once; `load_encoder` itself keeps only the last few."""
    loaded = {}

    def find(model):
        if model not in loaded:
            loaded[model] = load_encoder(encoder_name(model))
        return loaded[model]

    return find


@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("model", TEXT_MODELS + IMAGE_MODELS)
def test_pictures(model, check, load):
    check(load(model), 1e-4)


@pytest.mark.parametrize("check", PREPARING_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("model", [m for m in TEXT_MODELS + IMAGE_MODELS if "fake" not in m])
def test_pictures_prepared_by_workers(model, check, load):
    assert prepares(load(model))
    check(load(model), 1e-4)


@pytest.mark.parametrize("check", TEXT_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("model", TEXT_MODELS)
def test_texts(model, check, load):
    check(load(model), 1e-4)


@pytest.mark.parametrize("model", ["openclip_siglip", "hf_clip"])
def test_an_encoder_that_truncates_with_a_warning_keeps_its_promises(model, encoder_name):
    check_encoder(load_encoder(encoder_name(model), on_long="truncate"), tolerance=TOLERANCE)


@pytest.mark.parametrize("model", TEXT_MODELS)
def test_text_models_are_encoders(model, load):
    assert isinstance(load(model), Encoder)


@pytest.mark.parametrize("model", IMAGE_MODELS)
def test_image_models_are_no_encoders_of_texts(model, load):
    encoder = load(model)
    assert isinstance(encoder, ImageEncoder)
    assert not isinstance(encoder, Encoder)
    assert not hasattr(encoder, "encode_texts")


@pytest.mark.parametrize("model", TEXT_MODELS + IMAGE_MODELS)
def test_only_dinov2_gives_patches(model, load):
    assert isinstance(load(model), PatchEncoder) == (model == "hf_dinov2")
