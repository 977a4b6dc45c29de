"""LoRA: where it goes, that nothing else moves, and that it comes back from disk and merges."""

from __future__ import annotations

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
    frozen = {
        key.replace(".base_layer", ""): value
        for key, value in found.trainee.network.state_dict().items()
        if "lora_" not in key and "logit_" not in key
    }
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
