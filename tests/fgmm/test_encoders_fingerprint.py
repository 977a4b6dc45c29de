from __future__ import annotations

import json

import pytest
import safetensors.torch
import torch

from fgmm import load_encoder
from fgmm.encoders import fingerprint
from fgmm.encoders.fingerprint import LazyFingerprint, hash_description, hash_weights

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}


@pytest.mark.parametrize(
    "other",
    [
        {"a": WEIGHTS["a"] + torch.eye(2, 3) * 1e-6, "b": WEIGHTS["b"]},
        {"a": WEIGHTS["a"].T.contiguous(), "b": WEIGHTS["b"]},
        {"a": WEIGHTS["a"].T, "b": WEIGHTS["b"]},
        {"c": WEIGHTS["a"], "b": WEIGHTS["b"]},
        {"a": WEIGHTS["a"]},
        {"a": WEIGHTS["a"], "b": WEIGHTS["b"][:1]},
        {"a": WEIGHTS["a"].reshape(3, 2), "b": WEIGHTS["b"]},
    ],
    ids=["value", "turned", "strides", "name", "missing", "shorter", "shape"],
)
def test_other_weights_have_another_hash(other):
    assert hash_weights(other) != hash_weights(WEIGHTS)


@pytest.mark.parametrize(
    "same",
    [
        {"b": WEIGHTS["b"], "a": WEIGHTS["a"]},
        {"a": WEIGHTS["a"].half(), "b": WEIGHTS["b"].bfloat16()},
        {"a": WEIGHTS["a"].T.contiguous().T, "b": WEIGHTS["b"]},
        {**WEIGHTS, "num_batches_tracked": torch.tensor(7)},
        {"a": torch.nn.Parameter(WEIGHTS["a"]), "b": WEIGHTS["b"]},
    ],
    ids=["order", "half", "strides", "counter", "parameter"],
)
def test_the_same_weights_have_the_same_hash(same):
    assert hash_weights(same) == hash_weights(WEIGHTS)


def test_a_scalar_is_hashed():
    assert hash_weights({"s": torch.tensor(1.0)}) != hash_weights({"s": torch.tensor(2.0)})


@pytest.mark.parametrize(
    "other",
    [{"a": 1, "b": False}, {"a": 1, "b": 0}, {"a": 2}, {"a": "1"}, {"a": [1]}, {}, {"a": ""}],
)
def test_other_descriptions_have_another_hash(other):
    assert hash_description(other) != hash_description({"a": 1})


def test_the_same_description_has_the_same_hash():
    one = hash_description({"a": {"x": (1, 2.0), "y": None}, "b": True})
    assert hash_description({"b": True, "a": {"x": [1, 2]}}) == one


def test_it_is_computed_when_needed_and_once(monkeypatch):
    calls = []
    monkeypatch.setattr(fingerprint, "hash_weights", lambda state: calls.append(1) or "x")
    lazy = LazyFingerprint(torch.nn.Linear(2, 2), {})
    assert not calls
    assert lazy.value == lazy.value
    assert len(calls) == 1


def _space(name: str) -> str:
    from fgmm.encoders.registry import forget_encoders

    forget_encoders()
    return load_encoder(name).space


def test_a_copy_elsewhere_is_the_same_space(encoder_name, copied_folder):
    for model in ("openclip_timm", "hf_clip", "timm"):
        copy, _ = copied_folder(model)
        assert _space(copy) == _space(encoder_name(model))


def test_weights_stored_in_half_precision_are_the_same_in_full(copied_folder):
    name, folder = copied_folder("openclip_clip")
    file = folder / "open_clip_model.safetensors"
    rounded = {key: value.half() for key, value in safetensors.torch.load_file(file).items()}
    safetensors.torch.save_file(rounded, file)
    stored_half = _space(name)
    full = {key: value.float() for key, value in rounded.items()}
    safetensors.torch.save_file(full, file)
    assert _space(name) == stored_half


@pytest.mark.parametrize("model", ["openclip_clip", "hf_clip", "timm"])
def test_one_changed_weight_is_another_space(model, copied_folder):
    name, folder = copied_folder(model)
    before = _space(name)
    file = next(folder.glob("*.safetensors"))
    weights = safetensors.torch.load_file(file)
    key = max(weights, key=lambda key: weights[key].numel())
    weights[key].view(-1)[5] += 1e-3
    safetensors.torch.save_file(weights, file, metadata={"format": "pt"})
    assert _space(name) != before


@pytest.mark.parametrize(
    ("model", "file", "path", "value"),
    [
        ("openclip_clip", "open_clip_config.json", ["preprocess_cfg", "mean"], [0.4, 0.4, 0.4]),
        ("openclip_clip", "open_clip_config.json", ["preprocess_cfg", "std"], [0.3, 0.3, 0.3]),
        ("openclip_clip", "open_clip_config.json", ["preprocess_cfg", "resize_mode"], "squash"),
        ("openclip_clip", "open_clip_config.json", ["preprocess_cfg", "fill_color"], 9),
        (
            "openclip_clip",
            "open_clip_config.json",
            ["preprocess_cfg", "interpolation"],
            "bilinear",
        ),
        ("openclip_clip", "open_clip_config.json", ["model_cfg", "quick_gelu"], True),
        ("openclip_timm", "tokenizer.json", ["model", "vocab", "blue"], 19),
        ("hf_clip", "preprocessor_config.json", ["image_std"], [0.3, 0.3, 0.3]),
        ("hf_clip", "preprocessor_config.json", ["resample"], 2),
        ("hf_clip", "config.json", ["vision_config", "hidden_act"], "gelu"),
        ("timm", "config.json", ["pretrained_cfg", "mean"], [0.4, 0.4, 0.4]),
        ("timm", "config.json", ["pretrained_cfg", "crop_pct"], 0.5),
        ("timm", "config.json", ["pretrained_cfg", "crop_mode"], "squash"),
        ("timm", "config.json", ["pretrained_cfg", "interpolation"], "bicubic"),
        ("timm", "config.json", ["pretrained_cfg", "input_size"], [3, 96, 96]),
    ],
)
def test_another_preprocessing_tokenizer_or_activation_is_another_space(
    model, file, path, value, copied_folder
):
    name, folder = copied_folder(model)
    before = _space(name)
    content = json.loads((folder / file).read_text(encoding="utf-8"))
    place = content
    for key in path[:-1]:
        place = place[key]
    assert place.get(path[-1]) != value
    place[path[-1]] = value
    (folder / file).write_text(json.dumps(content), encoding="utf-8")
    assert _space(name) != before


def test_what_a_newer_open_clip_fills_in_is_no_part_of_the_space(encoder_name, monkeypatch):
    import open_clip

    before = _space(encoder_name("openclip_clip"))
    create = open_clip.create_model_from_pretrained

    def newer(*args, **options):
        model, transform = create(*args, **options)
        model.visual.preprocess_cfg["colour_management"] = "off"
        return model, transform

    monkeypatch.setattr(open_clip, "create_model_from_pretrained", newer)
    assert _space(encoder_name("openclip_clip")) == before


def test_what_a_newer_timm_fills_in_is_no_part_of_the_space(encoder_name, monkeypatch):
    from timm import data

    before = _space(encoder_name("timm"))
    resolve = data.resolve_model_data_config

    def newer(model):
        return resolve(model) | {"separate": False}  # which create_transform takes

    monkeypatch.setattr(data, "resolve_model_data_config", newer)
    assert _space(encoder_name("timm")) == before


def test_all_that_the_libraries_fill_in_has_been_judged(encoder_name):
    """A key we do not know may be one that changes pixels: look, then decide."""
    from timm import data

    from fgmm.encoders import openclip, timm_images

    clip = load_encoder(encoder_name("openclip_clip"))
    assert set(clip._model.visual.preprocess_cfg) == set(openclip._SEEN)
    towers = load_encoder(encoder_name("timm"))
    assert set(data.resolve_model_data_config(towers._model)) == set(timm_images._SEEN)


def test_the_librarys_version_in_a_file_is_no_part_of_the_space(copied_folder):
    name, folder = copied_folder("hf_clip")
    before = _space(name)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"transformers_version": "9.9.9", "_name_or_path": "somewhere/else"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert _space(name) == before


def test_every_model_has_a_space_of_its_own(encoder_name):
    models = ["fake", "openclip_clip", "openclip_timm", "hf_clip", "hf_siglip", "timm"]
    assert len({load_encoder(encoder_name(model)).space for model in models}) == len(models)
