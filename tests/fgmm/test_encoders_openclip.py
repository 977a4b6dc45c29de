"""open_clip: against the library's own forward pass, and what is refused."""

from __future__ import annotations

import json
import math

import pytest
import torch
from PIL import Image

from fgmm import load_encoder
from fgmm.errors import EncoderBroken, EncoderNotFound, TextTooLong, WeightsNotFound

PICTURES = [
    Image.linear_gradient("L").convert("RGB").resize((70, 50)),
    Image.new("RGB", (33, 90), (200, 40, 10)),
    Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 30).convert("RGB"),
]
TEXTS = ["a photo of a red circle", "BLUE", "the bird with yellow wings"]
MODELS = ["openclip_clip", "openclip_resnet", "openclip_timm", "openclip_siglip"]


@pytest.fixture
def library(model_folder):
    """open_clip's own model, preprocessing and tokenizer."""
    import open_clip

    def load(model):
        source = f"local-dir:{model_folder(model)}"
        network, transform = open_clip.create_model_from_pretrained(source)
        return network.eval(), transform, open_clip.get_tokenizer(source)

    return load


@pytest.mark.parametrize("model", MODELS)
def test_vectors_and_logits_are_the_librarys(model, library, encoder_name):
    network, transform, tokenizer = library(model)
    with torch.no_grad():
        outputs = network(torch.stack([transform(p) for p in PICTURES]), tokenizer(TEXTS))
        pictures, texts, scale = outputs[:3]
        logits = scale * pictures @ texts.T
        if len(outputs) == 4:
            logits = logits + outputs[3]
    encoder = load_encoder(encoder_name(model))
    ours, words = encoder.encode_images(PICTURES), encoder.encode_texts(TEXTS)
    torch.testing.assert_close(ours.vectors, pictures, atol=1e-5, rtol=0)
    torch.testing.assert_close(words.vectors, texts, atol=1e-5, rtol=0)
    read = encoder.logit_scale * ours.cosine(words) + encoder.logit_bias
    torch.testing.assert_close(read, logits, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("model", "scoring", "scale", "bias"),
    [
        ("openclip_clip", "softmax", 1 / 0.07, 0.0),  # open_clip begins at log(1 / 0.07)
        ("openclip_siglip", "sigmoid", math.exp(2.3), -10.0),
    ],
)
def test_scoring_is_the_models(model, scoring, scale, bias, encoder_name):
    encoder = load_encoder(encoder_name(model))
    assert encoder.scoring == scoring
    assert encoder.logit_scale == pytest.approx(scale, rel=1e-5)
    assert encoder.logit_bias == bias


def test_features_of_a_vision_transformer_projected_are_the_joint_vectors(library, encoder_name):
    network, _, _ = library("openclip_clip")
    encoder = load_encoder(encoder_name("openclip_clip"))
    features = encoder.encode_images(PICTURES, layer="features")
    assert features.dim == 32
    projected = torch.nn.functional.normalize(features.vectors @ network.visual.proj.detach())
    joint = encoder.encode_images(PICTURES).vectors
    torch.testing.assert_close(projected, joint, atol=1e-5, rtol=0)


def test_features_of_a_timm_tower_projected_are_the_joint_vectors(library, encoder_name):
    network, _, _ = library("openclip_timm")
    encoder = load_encoder(encoder_name("openclip_timm"))
    features = encoder.encode_images(PICTURES, layer="features").vectors
    with torch.no_grad():
        projected = torch.nn.functional.normalize(network.visual.head(features))
    joint = encoder.encode_images(PICTURES).vectors
    torch.testing.assert_close(projected, joint, atol=1e-5, rtol=0)


def test_features_of_a_resnet_are_the_mean_of_its_last_map(library, encoder_name):
    network, transform, _ = library("openclip_resnet")
    maps = []
    network.visual.layer4.register_forward_hook(lambda *call: maps.append(call[2]))
    with torch.no_grad():
        network.encode_image(torch.stack([transform(p) for p in PICTURES]))
    means = torch.nn.functional.normalize(maps[0].mean(dim=(2, 3)))
    encoder = load_encoder(encoder_name("openclip_resnet"))
    features = encoder.encode_images(PICTURES, layer="features").vectors
    torch.testing.assert_close(features, means, atol=1e-5, rtol=0)


def test_without_a_projection_both_layers_are_the_same_vectors(encoder_name):
    encoder = load_encoder(encoder_name("openclip_siglip"))
    joint, features = (encoder.encode_images(PICTURES, layer=x) for x in ("joint", "features"))
    assert torch.equal(joint.vectors, features.vectors)
    assert features.space == joint.space + "+features"


def test_taking_features_leaves_the_model_its_projection(encoder_name):
    encoder = load_encoder(encoder_name("openclip_clip"))
    before = encoder.encode_images(PICTURES).vectors
    encoder.encode_images(PICTURES, layer="features")
    assert torch.equal(encoder.encode_images(PICTURES).vectors, before)


@pytest.mark.parametrize("model", MODELS)
def test_a_text_is_counted_before_it_is_cut(model, encoder_name):
    special = 1 if model == "openclip_siglip" else 2
    encoder = load_encoder(encoder_name(model))
    assert encoder.context_length == 16
    encoder.encode_texts([" ".join(["bird"] * (16 - special))])
    with pytest.raises(TextTooLong, match=r"a text of 17 tokens is longer than the 16 that") as e:
        encoder.encode_texts(["red", " ".join(["bird"] * (17 - special))])
    assert "'bird bird bird" in str(e.value)
    assert "on_long='truncate'" in str(e.value)


@pytest.mark.parametrize("model", ["openclip_clip", "openclip_siglip"])
def test_truncating_warns_with_the_number_and_keeps_the_beginning(model, library, encoder_name):
    encoder = load_encoder(encoder_name(model), on_long="truncate")
    long = [" ".join(["red", *["bird"] * 30]), "red", " ".join(["bird"] * 40)]
    with pytest.warns(UserWarning, match="2 of 3 texts were cut to the 16 tokens that"):
        ours = encoder.encode_texts(long)
    network, _, tokenizer = library(model)
    with torch.no_grad():
        theirs = network.encode_text(tokenizer(long), normalize=True)
    torch.testing.assert_close(ours.vectors, theirs, atol=1e-5, rtol=0)


def test_a_head_can_learn_from_the_vectors(encoder_name):
    encoder = load_encoder(encoder_name("openclip_clip"))
    for given in (
        encoder.encode_images(PICTURES),
        encoder.encode_prepared([encoder.prepare(PICTURES[0])]),
        encoder.encode_texts(TEXTS),
    ):
        weights = torch.zeros(24, 2, requires_grad=True)
        (given.vectors @ weights).exp().sum().backward()
        assert float(weights.grad.abs().sum()) > 0


def test_more_pictures_than_fit_a_batch_keep_their_order(encoder_name):
    encoder = load_encoder(encoder_name("openclip_clip"))
    many = [Image.new("RGB", (8, 8), (3 * i, 255 - 3 * i, 40)) for i in range(70)]
    vectors = encoder.encode_images(many).vectors
    for i in (0, 63, 64, 69):
        alone = encoder.encode_images([many[i]]).vectors[0]
        torch.testing.assert_close(vectors[i], alone, atol=1e-5, rtol=0)


def test_prepared_pictures_give_the_same_vectors(encoder_name):
    encoder = load_encoder(encoder_name("openclip_clip"))
    prepared = [encoder.prepare(picture) for picture in PICTURES]
    vectors = encoder.encode_prepared(prepared, layer="features").vectors
    assert torch.equal(vectors, encoder.encode_images(PICTURES, layer="features").vectors)


@pytest.mark.parametrize("model", ["openclip_clip", "hf_siglip"])
def test_a_strip_is_shortened_to_its_middle_not_blown_up(model, encoder_name):
    encoder = load_encoder(encoder_name(model))
    # where the shorter side becomes 32 and the rest is cropped, 2 x 60,000 would be resized to
    # 32 x 960,000 pixels; where the picture is squashed, the middle is told from the whole
    strip = Image.new("RGB", (60_000, 2), "red")
    strip.paste("blue", (29_900, 0, 30_100, 2))
    middle = strip.crop((29_936, 0, 30_064, 2))
    vectors = encoder.encode_images([strip, middle]).vectors
    assert torch.equal(vectors[0], vectors[1])


# what is refused ------------------------------------------------------------------------------


def _edit(folder, change, file="open_clip_config.json"):
    config = json.loads((folder / file).read_text(encoding="utf-8"))
    change(config)
    (folder / file).write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize("key", ["mean", "std"])
@pytest.mark.parametrize("value", [None, [], "0.5"])
def test_weights_without_their_preprocessing_are_refused(key, value, copied_folder):
    name, folder = copied_folder("openclip_clip")
    _edit(folder, lambda config: config["preprocess_cfg"].update({key: value}))
    with pytest.raises(
        EncoderBroken, match=rf"open_clip_config.json has no '{key}'. The right pre"
    ):
        load_encoder(name)


def test_a_missing_preprocess_cfg_is_refused(copied_folder):
    name, folder = copied_folder("openclip_clip")
    _edit(folder, lambda config: config.pop("preprocess_cfg"))
    with pytest.raises(EncoderBroken, match="has no 'mean'"):
        load_encoder(name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "has no open_clip_config.json"),
        ("{", "cannot be read as JSON"),
        ("[]", "is not a JSON object"),
        ("{}", "has no whole 'model_cfg'"),
    ],
)
def test_a_damaged_configuration_is_named(text, words, copied_folder):
    name, folder = copied_folder("openclip_clip")
    file = folder / "open_clip_config.json"
    file.unlink() if text is None else file.write_text(text, encoding="utf-8")
    with pytest.raises(EncoderBroken, match=words):
        load_encoder(name)


def test_missing_and_damaged_weights_are_named(copied_folder):
    name, folder = copied_folder("openclip_clip")
    file = folder / "open_clip_model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(
        EncoderBroken, match=r"open_clip_model.safetensors is not a file of weights"
    ):
        load_encoder(name)
    file.unlink()
    with pytest.raises(WeightsNotFound, match=r"has no weights; it needs one of open_clip_model"):
        load_encoder(name)


def test_weights_of_another_architecture_are_refused(copied_folder):
    name, folder = copied_folder("openclip_clip")
    _edit(folder, lambda config: config["model_cfg"]["vision_cfg"].update(layers=3))
    with pytest.raises(EncoderBroken, match="open_clip cannot build the model from") as caught:
        load_encoder(name)
    assert len(str(caught.value)) < 700


class Boom:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize(
    ("model", "file"),
    [
        ("openclip_clip", "open_clip_pytorch_model.bin"),
        ("hf_clip", "pytorch_model.bin"),
        ("timm", "pytorch_model.bin"),
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_is_refused_and_not_run(model, file, legacy, copied_folder, tmp_path):
    name, folder = copied_folder(model)
    next(folder.glob("*.safetensors")).unlink()
    content = {"state_dict": {"a": torch.ones(1)}, "more": Boom(tmp_path / "ran")}
    torch.save(content, folder / file, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(EncoderBroken, match=r"not a file of weights alone.* a pickle"):
        load_encoder(name)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_called_safetensors_is_refused(copied_folder, tmp_path):
    name, folder = copied_folder("openclip_clip")
    torch.save(Boom(tmp_path / "ran"), folder / "open_clip_model.safetensors")
    with pytest.raises(EncoderBroken, match="not a file of weights alone"):
        load_encoder(name)
    assert not (tmp_path / "ran").exists()


def test_weights_that_torch_reads_as_tensors_alone_are_taken(copied_folder, encoder_name):
    import safetensors.torch

    name, folder = copied_folder("openclip_clip")
    file = folder / "open_clip_model.safetensors"
    torch.save(safetensors.torch.load_file(file), folder / "open_clip_pytorch_model.bin")
    file.unlink()
    assert load_encoder(name).space == load_encoder(encoder_name("openclip_clip")).space


def test_a_missing_tokenizer_is_refused(copied_folder):
    name, folder = copied_folder("openclip_timm")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EncoderBroken, match="has no tokenizer, which its text_cfg asks for"):
        load_encoder(name)


def test_a_tokenizer_that_wants_to_run_code_is_refused(copied_folder):
    name, folder = copied_folder("openclip_timm")
    text = {"tokenizer_kwargs": {"trust_remote_code": True}}
    _edit(folder, lambda config: config["model_cfg"]["text_cfg"].update(text))
    with pytest.raises(EncoderBroken, match="tokenizer_kwargs ask to run code"):
        load_encoder(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "openclip:ViT-B-16/openia",
            r"no tag 'openia' for 'ViT-B-16'. Nearest: 'openclip:ViT-B-16/openai'",
        ),
        ("openclip:ViT-B-16", r"no weights named with 'ViT-B-16'. Nearest: 'openclip:ViT-B-16/"),
        ("openclip:ViT-B16/openai", r"no architecture 'ViT-B16'. Nearest: 'openclip:ViT-B-16/..."),
        ("openclip:xyzzy", r"no architecture 'xyzzy'"),
    ],
)
def test_unknown_tags_give_the_nearest_and_never_the_whole_list(name, words):
    with pytest.raises(EncoderNotFound, match=words) as caught:
        load_encoder(name)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("path", ["/no/such/folder", "./no/such", "~/no/such", "local-dir:no/such"])
@pytest.mark.parametrize("scheme", ["openclip", "timm", "hf"])
def test_a_folder_that_is_not_there_is_named(path, scheme):
    if scheme == "hf" and path.startswith("local-dir"):
        pytest.skip("not a way hf writes a folder")
    with pytest.raises(WeightsNotFound, match=r"there is no folder '.*no.such"):
        load_encoder(f"{scheme}:{path}")
