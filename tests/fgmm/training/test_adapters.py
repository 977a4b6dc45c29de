"""LoRA: where it goes, that nothing else moves, and that it comes back from disk and merges."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import sys

import pytest
import torch
from PIL import Image

from fgmm import load_encoder
from fgmm.encoders.registry import forget_encoders
from fgmm.errors import MissingExtra, SpaceMismatch, TrainingError
from fgmm.training import TuningPlan, load_adapter, merge_adapter, read_folder_pairs, tune_encoder
from fgmm.training.adapters import find_places
from fgmm.training.split_attention import SplitAttention, fuse_attentions
from fgmm.training.trainee import Trainee

PLAN = TuningPlan(steps=6, batch=8, every=3, rate=5e-3, rank=2)
MODELS = ["openclip_clip", "openclip_timm", "openclip_siglip", "hf_clip", "hf_siglip"]
TEXTS = ["a red bird", "a photo of the blue bird"]


@pytest.fixture(autouse=True)
def only_ours():
    """Models are of this test alone."""
    forget_encoders()


def hashes(folder) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def pictures(birds, n: int = 3) -> list[Image.Image]:
    return [Image.open(file).convert("RGB") for file in sorted(birds.rglob("*.png"))[::7][:n]]


def read(birds):
    return read_folder_pairs(birds, templates="{}")


@pytest.mark.parametrize("model", MODELS)
def test_lora_trains_saves_reloads_and_merges(model, encoder_name, model_folder, birds, tmp_path):
    name, images = encoder_name(model), pictures(birds)
    before = hashes(model_folder(model))
    base = load_encoder(name, device="cpu")
    weights = {key: value.clone() for key, value in base._model.state_dict().items()}
    found = tune_encoder(name, read(birds), tmp_path / "run", plan=PLAN, device="cpu")

    # nothing of the base has changed, in the file, in memory, or under the adapter
    assert hashes(model_folder(model)) == before
    assert all(torch.equal(value, weights[key]) for key, value in base._model.state_dict().items())
    bare = copy.deepcopy(found.trainee).adapter.unload()
    fuse_attentions(bare)
    frozen = {key: value for key, value in bare.state_dict().items() if "logit_" not in key}
    assert set(frozen) == {key for key in weights if "logit_" not in key}
    assert all(torch.equal(value, weights[key]) for key, value in frozen.items())
    assert sum(file.stat().st_size for file in (tmp_path / "run" / "adapter").iterdir()) < sum(
        value.nbytes for value in weights.values()
    )

    with torch.no_grad():
        seen = found.trainee.pictures([base.prepare(image) for image in images])
        said = found.trainee.texts(TEXTS)
        logits = found.trainee.scale * (seen @ said.T) + base.logit_bias * 0
        if base.scoring == "sigmoid":
            logits = logits + found.trainee.bias
    merged = merge_adapter(tmp_path / "run" / "adapter", tmp_path / "merged")
    for encoder in (
        load_encoder(merged, device="cpu"),
        load_adapter(tmp_path / "run" / "adapter", device="cpu"),
        found.encoder(),
    ):
        ours = encoder.logit_scale * (
            encoder.encode_images(images).vectors @ encoder.encode_texts(TEXTS).vectors.T
        )
        ours = ours + encoder.logit_bias
        torch.testing.assert_close(ours, logits, atol=1e-5, rtol=0)
    spaces = {load_encoder(merged).space, found.encoder().space}
    assert spaces == {load_adapter(tmp_path / "run" / "adapter").space}
    assert base.space not in spaces
    moved = encoder.encode_images(images).vectors - base.encode_images(images).vectors
    assert float(moved.abs().max()) > 1e-3


@pytest.mark.parametrize("model", ["openclip_clip", "hf_siglip"])
def test_an_adapter_that_has_learned_nothing_merges_into_the_base(
    model, encoder_name, birds, tmp_path
):
    from dataclasses import replace

    plan = replace(PLAN, steps=1, rate=1e-300, learn_scale=False)
    tune_encoder(encoder_name(model), read(birds), tmp_path / "run", plan=plan, device="cpu")
    merged = merge_adapter(tmp_path / "run" / "adapter", tmp_path / "merged")
    assert load_encoder(merged).space == load_encoder(encoder_name(model)).space


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_an_attention_taken_apart_attends_as_before_and_is_put_together_again(batch_first, bias):
    torch.manual_seed(0)
    fused = torch.nn.MultiheadAttention(12, 3, bias=bias, batch_first=batch_first).eval()
    split = SplitAttention(fused)
    query, key = torch.randn(4, 4, 12), torch.randn(4, 4, 12)
    causal = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    padding = torch.tensor([[False] * 4, [False] * 3 + [True], [False, True] * 2, [False] * 4])
    each = torch.randn(12, 4, 4)
    for options in (
        {},
        {"attn_mask": causal},
        {"attn_mask": each},
        {"key_padding_mask": padding},
        {"key_padding_mask": padding, "attn_mask": causal},
    ):
        theirs = fused(query, key, key, need_weights=False, **options)[0]
        torch.testing.assert_close(split(query, key, key, **options)[0], theirs)
    before = {name: value.clone() for name, value in fused.state_dict().items()}
    assert all(
        torch.equal(value, before[name]) for name, value in split.fuse().state_dict().items()
    )
    split.v_proj.weight.data.add_(1)
    changed = split.fuse().state_dict()["in_proj_weight"] - before["in_proj_weight"]
    assert changed.sum(1).round().tolist() == [0.0] * 24 + [12.0] * 12


def test_lora_on_an_attention_is_its_definition(encoder_name):
    encoder = load_encoder(encoder_name("openclip_clip"), device="cpu")
    plan = TuningPlan(rank=2, alpha=6.0, modules="attention", tower="image")
    trainee = Trainee(encoder, plan)
    changes = {}
    for name, value in trainee.network.named_parameters():
        if "lora_B" in name:
            value.data.normal_(std=0.3)
            down = trainee.network.get_parameter(name.replace("lora_B", "lora_A"))
            changes[name.partition(".lora_B")[0]] = 6.0 / 2 * value.data @ down.data
    assert len(changes) == 2 * 4
    by_hand = copy.deepcopy(encoder)
    for at in range(2):
        place = f"visual.transformer.resblocks.{at}.attn"
        attention = by_hand._model.get_submodule(place)
        rows = torch.cat([changes[f"{place}.{part}_proj"] for part in "qkv"])
        attention.in_proj_weight.data += rows
        attention.out_proj.weight.data += changes[f"{place}.out_proj"]
    images = [Image.effect_mandelbrot((40, 40), (-2, -1.5, 1, 1.5), n) for n in (5, 30)]
    expected = by_hand.encode_images(images).vectors
    with torch.no_grad():
        found = trainee.pictures([encoder.prepare(image) for image in images])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    merged = trainee.settled().encode_images(images).vectors
    torch.testing.assert_close(merged, expected, atol=1e-5, rtol=0)
    assert float((expected - encoder.encode_images(images).vectors).abs().max()) > 0.01


def test_layers_are_found_by_what_they_are(encoder_name):
    model = load_encoder(encoder_name("openclip_clip"))._model
    image = find_places(model, "image", "attention").wrapped
    assert image == tuple(f"visual.transformer.resblocks.{i}.attn" for i in range(2))
    assert find_places(model, "text", "all").wrapped == (
        "transformer.resblocks.0.attn",
        "transformer.resblocks.0.mlp.c_fc",
        "transformer.resblocks.0.mlp.c_proj",
    )
    hf = load_encoder(encoder_name("hf_clip"))._model
    names = {name.rpartition(".")[2] for name in find_places(hf, "both", "attention").wrapped}
    assert names == {"q_proj", "k_proj", "v_proj", "out_proj"}


def test_what_cannot_be_wrapped_is_listed_and_the_other_tower_left_alone(encoder_name):
    model = load_encoder(encoder_name("openclip_timm"))._model
    both = find_places(model, "both", "all")
    assert "visual.trunk.blocks.3.0.conv_dw" in both.left_out  # a convolution of each channel alone
    assert "visual.trunk.blocks.3.0.conv_pw" in both.wrapped
    with pytest.raises(TrainingError, match="LoRA finds no layer: tower='image' has no attention"):
        find_places(model, "image", "attention")
    trainee = Trainee(load_encoder(encoder_name("openclip_clip")), TuningPlan(tower="text"))
    learning = [n for n, p in trainee.named_parameters() if p.requires_grad and "lora_" in n]
    assert learning
    assert not [name for name in learning if "visual" in name]


def test_an_adapter_is_refused_on_another_encoder(encoder_name, birds, tmp_path):
    tune_encoder(encoder_name("openclip_clip"), read(birds), tmp_path / "run", plan=PLAN)
    adapter = tmp_path / "run" / "adapter"
    with pytest.raises(SpaceMismatch, match=r"was trained on .* give that encoder"):
        load_adapter(adapter, encoder_name("openclip_timm"))
    with pytest.raises(TrainingError, match="is there already"):
        merge_adapter(adapter, tmp_path / "run")
    with pytest.raises(TrainingError, match="is no adapter of fgmm"):
        load_adapter(tmp_path)
    told = json.loads((adapter / "fgmm_adapter.json").read_text())
    assert told["pictures"] == 24
    assert told["plan"]["rank"] == 2
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(TrainingError, match=r"there is no adapter_model.safetensors"):
        load_adapter(adapter)
    shutil.rmtree(adapter)


def test_without_peft_the_extra_is_named(encoder_name, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match=r"needs peft: pip install 'fgmm\[training\]'"):
        Trainee(load_encoder(encoder_name("openclip_clip")), TuningPlan())


def test_an_encoder_that_has_no_network_of_its_own_is_refused(encoder_name):
    with pytest.raises(TrainingError, match="encoder 'FakeEncoder' cannot be trained"):
        Trainee(load_encoder("fake"), TuningPlan())
    with pytest.raises(TrainingError, match="cannot be trained: those of open_clip"):
        Trainee(load_encoder(encoder_name("timm")), TuningPlan())
    half = load_encoder(encoder_name("openclip_clip"), dtype="bfloat16")
    with pytest.raises(TrainingError, match=r"is in torch.bfloat16: load it in float32"):
        Trainee(half, TuningPlan())


def test_the_whole_encoder_can_learn_and_is_written_as_a_model(
    encoder_name, model_folder, birds, tmp_path
):
    from dataclasses import replace

    before = hashes(model_folder("openclip_timm"))
    plan = replace(PLAN, adapt="all", tower="image", batch_statistics=True, rate=1e-3)
    name = encoder_name("openclip_timm")
    found = tune_encoder(name, read(birds), tmp_path / "run", plan=plan, device="cpu")
    assert hashes(model_folder("openclip_timm")) == before
    written = load_encoder(f"openclip:{tmp_path / 'run' / 'model'}", device="cpu")
    assert written.space == found.encoder().space != load_encoder(name).space
    base, ours = load_encoder(name)._model.state_dict(), written._model.state_dict()
    changed = {key for key in base if not torch.equal(base[key], ours[key])}
    assert "visual.trunk.bn1.running_mean" in changed
    assert {key.partition(".")[0] for key in changed} == {"visual", "logit_scale"}


def test_pictures_alone_learn_by_prototypes(encoder_name, birds, tmp_path):
    from dataclasses import replace

    plan = replace(PLAN, per_class=2)
    found = tune_encoder(encoder_name("hf_dinov2"), read(birds), tmp_path / "run", plan=plan)
    assert found.trainee.loss == "prototypes"
    merged = load_encoder(merge_adapter(tmp_path / "run" / "adapter", tmp_path / "merged"))
    images = pictures(birds)
    with torch.no_grad():
        seen = found.trainee.pictures([merged.prepare(image) for image in images])
    torch.testing.assert_close(merged.encode_images(images).vectors, seen, atol=1e-5, rtol=0)
