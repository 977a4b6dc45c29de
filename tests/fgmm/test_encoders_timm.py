"""timm: against the library's own forward pass, and what is refused."""

from __future__ import annotations

import json

import pytest
import safetensors.torch
import torch
from PIL import Image

from fgmm import load_encoder
from fgmm.errors import EncoderBroken, EncoderNotFound, WeightsNotFound

PICTURES = [
    Image.linear_gradient("L").convert("RGB").resize((70, 50)),
    Image.new("RGB", (33, 90), (200, 40, 10)),
]


def test_vectors_are_the_librarys(model_folder, encoder_name):
    import timm

    network = timm.create_model(
        f"local-dir:{model_folder('timm')}", pretrained=True, num_classes=0
    ).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network))
    with torch.no_grad():
        theirs = network(torch.stack([transform(picture) for picture in PICTURES]))
    encoder = load_encoder(encoder_name("timm"))
    assert encoder.dim == theirs.shape[1]
    unit = torch.nn.functional.normalize(theirs)
    torch.testing.assert_close(encoder.encode_images(PICTURES).vectors, unit, atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["test_vit", "test_efficientnet", "mobilenetv3_small_050"])
def test_dim_is_what_the_network_gives(architecture, tmp_path):
    import timm

    model = timm.create_model(architecture, num_classes=5)
    timm.models.save_for_hf(model, str(tmp_path), safe_serialization=True)
    encoder = load_encoder(f"timm:{tmp_path}")
    assert encoder.encode_images(PICTURES[:1]).vectors.shape == (1, encoder.dim)


def test_arguments_and_preprocessing_of_the_folder_are_used(tmp_path):
    import timm

    model = timm.create_model("test_vit", num_classes=0, img_size=96)
    timm.models.save_for_hf(
        model,
        str(tmp_path),
        data_config={"mean": (0.1, 0.2, 0.3), "input_size": (3, 96, 96)},
        safe_serialization=True,
    )
    encoder = load_encoder(f"timm:{tmp_path}")
    prepared = encoder.prepare(Image.new("RGB", (96, 96), (0, 0, 0)))["image"]
    assert prepared.shape == (3, 96, 96)
    # black is -mean / std, and test_vit's std is 0.5
    expected = torch.tensor([-0.2, -0.4, -0.6])
    torch.testing.assert_close(prepared[:, 0, 0], expected, atol=1e-6, rtol=0)


# what is refused ------------------------------------------------------------------------------


def _edit(folder, change):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    change(config)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize("key", ["mean", "std"])
def test_weights_without_their_preprocessing_are_refused(key, copied_folder):
    name, folder = copied_folder("timm")
    _edit(folder, lambda config: config["pretrained_cfg"].pop(key))
    with pytest.raises(EncoderBroken, match=rf"config.json has no '{key}'. The right preproc"):
        load_encoder(name)


def test_a_missing_configuration_is_refused(copied_folder):
    name, folder = copied_folder("timm")
    _edit(folder, lambda config: config.pop("architecture"))
    with pytest.raises(EncoderBroken, match="has no 'architecture'"):
        load_encoder(name)
    (folder / "config.json").unlink()
    with pytest.raises(EncoderBroken, match=r"has no config.json. A timm folder has"):
        load_encoder(name)


def test_an_unknown_architecture_is_refused(copied_folder):
    name, folder = copied_folder("timm")
    _edit(folder, lambda config: config.update(architecture="resnet_of_nobody"))
    with pytest.raises(EncoderBroken, match="timm cannot build 'resnet_of_nobody'"):
        load_encoder(name)


def test_weights_that_would_be_random_are_refused(copied_folder):
    name, folder = copied_folder("timm")
    file = folder / "model.safetensors"
    weights = safetensors.torch.load_file(file)
    del weights["conv1.0.weight"]
    safetensors.torch.save_file(weights, file)
    with pytest.raises(EncoderBroken, match=r"timm cannot build .*conv1.0.weight"):
        load_encoder(name)


def test_missing_weights_are_named(copied_folder):
    name, folder = copied_folder("timm")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsNotFound, match=r"it needs one of model.safetensors, pytorch_model"):
        load_encoder(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("timm:resnet5", r"no model 'resnet5'. Nearest: 'timm:resnet"),
        (
            "timm:resnet50.a1_in2k",
            r"no weights 'resnet50.a1_in2k'. Nearest: 'timm:resnet50.a1_in1k",
        ),
        ("timm:owner/name", "no model 'owner/name'"),
    ],
)
def test_unknown_names_give_the_nearest(name, words):
    with pytest.raises(EncoderNotFound, match=words) as caught:
        load_encoder(name)
    assert len(str(caught.value)) < 300
