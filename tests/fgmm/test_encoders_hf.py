"""transformers: against the library's own forward pass, and what is refused."""

from __future__ import annotations

import json
import math

import pytest
import safetensors.torch
import torch
from PIL import Image

from fgmm import load_encoder
from fgmm.errors import EncoderBroken, TextTooLong, WeightsNotFound

PICTURES = [
    Image.linear_gradient("L").convert("RGB").resize((70, 50)),
    Image.new("RGB", (33, 90), (200, 40, 10)),
    Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 30).convert("RGB"),
]
TEXTS = ["red circle", "blue", "yellow wings"]
TEXT_MODELS = ["hf_clip", "hf_siglip", "hf_siglip2"]


def library_inputs(folder):
    """What transformers' own processors make of the pictures and texts."""
    from transformers import AutoImageProcessor, AutoTokenizer

    images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    inputs = images(images=PICTURES, return_tensors="pt")
    if (folder / "tokenizer.json").exists():
        tokens = AutoTokenizer.from_pretrained(folder)
        inputs |= tokens(TEXTS, padding="max_length", max_length=16, return_tensors="pt")
    return inputs


@pytest.mark.parametrize("model", TEXT_MODELS)
def test_vectors_and_logits_are_the_librarys(model, model_folder, encoder_name):
    from transformers import AutoModel

    folder = model_folder(model)
    with torch.no_grad():
        outputs = AutoModel.from_pretrained(folder).eval()(**library_inputs(folder))
    unit = torch.nn.functional.normalize
    encoder = load_encoder(encoder_name(model))
    ours, words = encoder.encode_images(PICTURES), encoder.encode_texts(TEXTS)
    torch.testing.assert_close(ours.vectors, unit(outputs.image_embeds), atol=1e-5, rtol=0)
    torch.testing.assert_close(words.vectors, unit(outputs.text_embeds), atol=1e-5, rtol=0)
    read = encoder.logit_scale * ours.cosine(words) + encoder.logit_bias
    torch.testing.assert_close(read, outputs.logits_per_image, atol=1e-3, rtol=0)


def test_dinov2_gives_the_class_token_and_the_patches(model_folder, encoder_name):
    from transformers import AutoModel

    folder = model_folder("hf_dinov2")
    with torch.no_grad():
        outputs = AutoModel.from_pretrained(folder).eval()(**library_inputs(folder))
    encoder = load_encoder(encoder_name("hf_dinov2"))
    unit = torch.nn.functional.normalize
    vectors = encoder.encode_images(PICTURES)
    torch.testing.assert_close(vectors.vectors, unit(outputs.pooler_output), atol=1e-5, rtol=0)
    patches = encoder.encode_patches(PICTURES)
    hidden = unit(outputs.last_hidden_state[:, 1:], dim=-1)
    torch.testing.assert_close(patches.vectors, hidden, atol=1e-5, rtol=0)
    assert patches.grid == (4, 4)  # 32 pixels in patches of 8
    assert patches.space != vectors.space
    assert encoder.encode_patches([]).vectors.shape == (0, 16, 32)


def test_a_patch_shows_where_it_is(encoder_name):
    # the network is random, so only this: what changes in one corner changes that patch most
    encoder = load_encoder(encoder_name("hf_dinov2"))
    plain = Image.new("RGB", (36, 36), "grey")
    dotted = plain.copy()
    dotted.paste("red", (28, 4, 33, 9))  # the crop keeps 2..34, so column 3, row 0
    before, after = (encoder.encode_patches([x]).vectors[0] for x in (plain, dotted))
    assert int((before - after).norm(dim=1).argmax()) == 3


@pytest.mark.parametrize(
    ("model", "scoring", "scale", "bias"),
    [
        ("hf_clip", "softmax", math.exp(2.6592), 0.0),
        ("hf_siglip", "sigmoid", None, None),
        ("hf_siglip2", "sigmoid", None, None),
    ],
)
def test_scoring_is_the_models(model, scoring, scale, bias, model_folder, encoder_name):
    weights = safetensors.torch.load_file(model_folder(model) / "model.safetensors")
    encoder = load_encoder(encoder_name(model))
    assert encoder.scoring == scoring
    scale = math.exp(float(weights["logit_scale"])) if scale is None else scale
    bias = float(weights["logit_bias"]) if bias is None else bias
    assert encoder.logit_scale == pytest.approx(scale, rel=1e-5)
    assert encoder.logit_bias == pytest.approx(bias)


def test_features_of_clip_projected_are_the_joint_vectors(model_folder, encoder_name):
    projection = safetensors.torch.load_file(model_folder("hf_clip") / "model.safetensors")
    encoder = load_encoder(encoder_name("hf_clip"))
    features = encoder.encode_images(PICTURES, layer="features")
    assert features.dim == 32
    projected = features.vectors @ projection["visual_projection.weight"].T
    joint = encoder.encode_images(PICTURES).vectors
    unit = torch.nn.functional.normalize(projected)
    torch.testing.assert_close(unit, joint, atol=1e-5, rtol=0)


@pytest.mark.parametrize("model", ["hf_siglip", "hf_siglip2", "hf_dinov2"])
def test_without_a_projection_both_layers_are_the_same_vectors(model, encoder_name):
    encoder = load_encoder(encoder_name(model))
    joint, features = (encoder.encode_images(PICTURES, layer=x) for x in ("joint", "features"))
    assert torch.equal(joint.vectors, features.vectors)
    assert features.space == joint.space + "+features"


@pytest.mark.parametrize(("model", "special"), [("hf_clip", 2), ("hf_siglip", 1)])
def test_a_text_is_counted_before_it_is_cut(model, special, encoder_name):
    encoder = load_encoder(encoder_name(model))
    encoder.encode_texts([" ".join(["bird"] * (16 - special))])
    with pytest.raises(TextTooLong, match="a text of 17 tokens is longer than the 16"):
        encoder.encode_texts([" ".join(["bird"] * (17 - special))])


def test_truncating_keeps_the_end_token(encoder_name):
    encoder = load_encoder(encoder_name("hf_clip"), on_long="truncate")
    with pytest.warns(UserWarning, match="1 of 1 texts were cut to the 16 tokens"):
        cut = encoder.encode_texts([" ".join(["bird"] * 30)])
    whole = encoder.encode_texts([" ".join(["bird"] * 14)])
    torch.testing.assert_close(cut.vectors, whole.vectors, atol=1e-6, rtol=0)


def test_a_tokenizer_that_offers_a_mask_does_not_change_siglip(copied_folder, encoder_name):
    name, folder = copied_folder("hf_siglip")
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config["model_input_names"] = ["input_ids", "attention_mask"]
    file.write_text(json.dumps(config), encoding="utf-8")
    ours = load_encoder(name).encode_texts(TEXTS)
    assert torch.equal(
        ours.vectors, load_encoder(encoder_name("hf_siglip")).encode_texts(TEXTS).vectors
    )


# what is refused ------------------------------------------------------------------------------


def test_weights_without_their_preprocessing_are_refused(copied_folder):
    for model in ("hf_clip", "hf_dinov2"):
        name, folder = copied_folder(model)
        (folder / "preprocessor_config.json").unlink()
        with pytest.raises(EncoderBroken, match=r"has no preprocessor_config.json. The right pre"):
            load_encoder(name)


@pytest.mark.parametrize("key", ["image_mean", "image_std"])
def test_preprocessing_without_mean_or_std_is_refused(key, copied_folder):
    name, folder = copied_folder("hf_siglip")
    file = folder / "preprocessor_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    del config[key]
    file.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(EncoderBroken, match=f"preprocessor_config.json has no '{key}'"):
        load_encoder(name)


def test_preprocessing_written_with_the_whole_processor_is_found(copied_folder, encoder_name):
    name, folder = copied_folder("hf_clip")
    file = folder / "preprocessor_config.json"
    content = {"image_processor": json.loads(file.read_text(encoding="utf-8"))}
    content["processor_class"] = "CLIPProcessor"
    (folder / "processor_config.json").write_text(json.dumps(content), encoding="utf-8")
    file.unlink()
    theirs = load_encoder(encoder_name("hf_clip")).encode_images(PICTURES)
    ours = load_encoder(name).encode_images(PICTURES)
    assert ours.space == theirs.space
    assert torch.equal(ours.vectors, theirs.vectors)


def test_a_missing_tokenizer_is_refused(copied_folder):
    # transformers 5 would make an empty one up
    name, folder = copied_folder("hf_siglip2")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EncoderBroken, match="has no tokenizer for its text tower"):
        load_encoder(name)


def test_weights_that_would_be_random_are_refused(copied_folder):
    name, folder = copied_folder("hf_clip")
    file = folder / "model.safetensors"
    weights = safetensors.torch.load_file(file)
    del weights["visual_projection.weight"]
    safetensors.torch.save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(EncoderBroken, match=r"would be random, first 'visual_projection.weight'"):
        load_encoder(name)


def test_missing_weights_are_named(copied_folder):
    name, folder = copied_folder("hf_clip")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsNotFound, match=r"has no weights; it needs one of model.safetensors"):
        load_encoder(name)


def test_split_weights_are_read_and_a_missing_part_is_named(copied_folder, encoder_name):
    from transformers import AutoModel

    name, folder = copied_folder("hf_clip")
    AutoModel.from_pretrained(folder).save_pretrained(folder / "split", max_shard_size="40KB")
    (folder / "model.safetensors").unlink()
    for file in (folder / "split").glob("model*"):
        file.rename(folder / file.name)
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    assert load_encoder(name).space == load_encoder(encoder_name("hf_clip")).space
    next(folder.glob("model-*.safetensors")).unlink()
    from fgmm.encoders.registry import forget_encoders

    forget_encoders()
    with pytest.raises(EncoderBroken, match=r"model-\d+-of-\d+.safetensors is not a file of weig"):
        load_encoder(name)


def test_code_that_comes_with_a_model_is_not_run(copied_folder, tmp_path):
    name, folder = copied_folder("hf_clip")
    file = folder / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config |= {"model_type": "boom", "auto_map": {"AutoConfig": "boom.Boom"}}
    file.write_text(json.dumps(config), encoding="utf-8")
    (folder / "boom.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    with pytest.raises(EncoderBroken, match="transformers cannot load"):
        load_encoder(name)
    assert not (tmp_path / "ran").exists()


def test_a_model_of_texts_alone_is_refused(tmp_path, copied_folder):
    from transformers import BertConfig, BertModel

    _, pictures = copied_folder("hf_dinov2")
    folder = tmp_path / "bert"
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=20, intermediate_size=16, **sizes)).save_pretrained(folder)
    (pictures / "preprocessor_config.json").rename(folder / "preprocessor_config.json")
    with pytest.raises(EncoderBroken, match="type 'bert' takes 'input_ids', no pictures"):
        load_encoder(f"hf:{folder}")


def test_a_tiny_height_is_not_taken_for_a_channel(encoder_name):
    # the picture is blue: read with channels first, its colours would mix
    for model in ("hf_clip", "hf_siglip"):
        encoder = load_encoder(encoder_name(model))
        small, large = Image.new("RGB", (3, 3), "blue"), Image.new("RGB", (40, 40), "blue")
        vectors = encoder.encode_images([small, large]).vectors
        torch.testing.assert_close(vectors[0], vectors[1], atol=1e-4, rtol=0)
