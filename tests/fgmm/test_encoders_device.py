from __future__ import annotations

import pytest
import torch
from PIL import Image

from fgmm import load_encoder
from fgmm.encoders.device import choose_device, choose_dtype
from fgmm.errors import DeviceError


@pytest.fixture
def machine(monkeypatch):
    """Pretend that torch sees this many cuda devices, and mps or not."""

    def pretend(cuda: int, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(0, False, "cpu"), (0, True, "mps"), (1, False, "cuda"), (2, True, "cuda")],
)
def test_auto_takes_the_fastest_there_is(machine, cuda, mps, chosen):
    machine(cuda, mps)
    assert choose_device("auto") == torch.device(chosen)


def test_a_device_that_is_there_is_taken_at_its_word(machine):
    machine(2, True)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert choose_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("cuda:2", r"'cuda:2' was asked for and torch .* sees 2 cuda devices"),
        ("mps", "'mps' was asked for and is not available"),
        ("gpu", r"'gpu' is no device: use 'auto'"),
        ("", "'' is no device"),
        ("meta", "'meta' computes nothing"),
    ],
)
def test_a_device_that_is_not_there_is_refused(machine, asked, words):
    machine(2, False)
    with pytest.raises(DeviceError, match=words):
        choose_device(asked)


@pytest.mark.parametrize("model", ["openclip_clip", "hf_clip", "timm"])
def test_no_cuda_at_all_is_said_before_anything_is_loaded(model, machine, copied_folder):
    name, folder = copied_folder(model)
    next(folder.glob("*.safetensors")).unlink()
    machine(0, False)
    with pytest.raises(DeviceError, match="sees 0 cuda devices"):
        load_encoder(name, device="cuda")
    with pytest.raises(DeviceError, match="not in 'int8'"):
        load_encoder(name, dtype="int8")


def test_kinds_of_number():
    assert choose_dtype(None) is torch.float32
    assert choose_dtype("bfloat16") is torch.bfloat16
    assert choose_dtype("torch.float16") is torch.float16
    assert choose_dtype(torch.float16) is torch.float16
    for wrong in ("int8", torch.int8, "half"):
        with pytest.raises(DeviceError, match="computes in bfloat16, float16, float32, not in"):
            choose_dtype(wrong)


@pytest.mark.parametrize("model", ["openclip_clip", "openclip_timm", "hf_siglip", "timm"])
def test_half_precision_gives_nearly_the_same_vectors_of_the_same_space(model, encoder_name):
    full = load_encoder(encoder_name(model))
    half = load_encoder(encoder_name(model), dtype="bfloat16")
    picture = [Image.linear_gradient("L").convert("RGB")]
    one, other = full.encode_images(picture), half.encode_images(picture)
    assert one.space == other.space
    assert other.vectors.dtype is torch.float32
    assert not torch.equal(one.vectors, other.vectors)
    assert float(one.cosine(other)) > 0.999


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no cuda device")
@pytest.mark.parametrize("model", ["openclip_clip", "openclip_timm", "hf_siglip2", "timm"])
@pytest.mark.parametrize(("dtype", "nearness"), [("float32", 0.99999), ("float16", 0.999)])
def test_cuda_agrees_with_the_processor(model, dtype, nearness, encoder_name):
    here = load_encoder(encoder_name(model), device="cpu")
    there = load_encoder(encoder_name(model), device="cuda", dtype=dtype)
    pictures = [Image.linear_gradient("L").convert("RGB"), Image.new("RGB", (50, 40), "red")]
    one, other = here.encode_images(pictures), there.encode_images(pictures)
    assert other.vectors.device.type == "cpu"
    assert float(one.cosine(other).diagonal().min()) > nearness
    if hasattr(here, "encode_texts"):
        texts = ["a red circle", "blue"]
        cosines = here.encode_texts(texts).cosine(there.encode_texts(texts))
        assert float(cosines.diagonal().min()) > nearness
