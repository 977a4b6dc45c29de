"""The loader of the shipped weights, on weights of our own."""

from __future__ import annotations

import importlib.resources
import inspect
import logging
import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from fgmm import check_encoder, classify, embed_images, embed_texts, load_encoder
from fgmm.encoders import registry, tiny
from fgmm.encoders.registry import forget_encoders
from fgmm.errors import SpaceMismatch, WeightsNotFound
from fgmm.fieldguide import FieldGuide


@pytest.fixture
def package(monkeypatch, tmp_path):
    """An installed fgmm whose weights are ours to put there."""
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path / package)
    monkeypatch.setattr(registry, "_said", {})
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
    (said,) = notices(caplog)  # once, however often it is loaded
    assert said.levelname == "INFO"
    assert "openclip:ViT-B-16/openai" in said.getMessage()
    assert repr(encoder).startswith("TinyEncoder('tiny'")


def notices(caplog):
    return [one for one in caplog.records if "'tiny' is the small" in one.getMessage()]


@pytest.mark.parametrize(
    "use",
    [
        lambda red, **named: classify(red, ["red", "blue"], **named),
        lambda red, **named: classify([red], ["red", "blue"], **named),
        lambda red, **named: embed_images([red], **named),
        lambda red, **named: embed_texts(["red"], **named),
    ],
    ids=["classify", "classify many", "embed_images", "embed_texts"],
)
def test_who_names_no_encoder_is_told_once_what_it_is(package, model_folder, caplog, use):
    shutil.copytree(model_folder("openclip_timm"), package)
    red = Image.new("RGB", (16, 16), "red")
    with caplog.at_level(logging.INFO, logger="fgmm"):
        use(red, encoder="tiny")
        assert [one.levelname for one in notices(caplog)] == ["INFO"]
        for _ in range(2):
            use(red)
            forget_encoders()
            use(red, encoder="tiny")
    assert [one.levelname for one in notices(caplog)] == ["INFO", "WARNING"]
    assert "pass encoder='tiny' to have it without this line" in notices(caplog)[1].getMessage()


def test_the_line_is_seen_where_nobody_set_up_logging_and_can_be_silenced():
    code = (
        "import sys, logging, fgmm\n"
        "if sys.argv[1] == 'silent': logging.getLogger('fgmm').setLevel(logging.ERROR)\n"
        "named = {'encoder': 'tiny'} if sys.argv[1] == 'named' else {}\n"
        "for _ in range(2): fgmm.embed_texts(['red'], **named)\n"
        "assert not logging.getLogger().handlers\n"  # they are the program's to choose
    )
    for how, lines in (("default", 1), ("silent", 0), ("named", 0)):
        done = subprocess.run(
            [sys.executable, "-c", code, how], capture_output=True, text=True, check=True
        )
        assert done.stderr.count("'tiny' is the small") == lines
        assert "WARNING" not in done.stderr
        assert done.stdout == ""


def test_the_default_shows_in_signatures_and_provenance_as_a_plain_name(shipped):
    default = inspect.signature(classify).parameters["encoder"].default
    assert repr(default) == "'tiny'"
    answer = classify(Image.new("RGB", (16, 16), "red"), ["red", "blue"])
    assert type(answer.provenance["encoder_name"]) is str
    assert answer.provenance["encoder_name"] == "tiny"


@pytest.fixture(scope="module")
def shipped():
    forget_encoders()
    return load_encoder("tiny", device="cpu")


def test_what_is_shipped_keeps_the_protocol(shipped):
    check_encoder(shipped)


def test_what_is_shipped_is_small():
    files = [f for f in tiny.find_folder().iterdir() if f.is_file()]
    assert sum(f.stat().st_size for f in files) <= 25 * 2**20
    assert not [f for f in files if f.suffix in {".pt", ".pth", ".bin", ".pkl"}]


def test_what_is_shipped_is_an_open_clip_folder_of_its_own(shipped):
    folder = load_encoder(f"openclip:{tiny.find_folder()}", device="cpu")
    assert folder.space == shipped.space


def test_what_is_shipped_knows_drawn_birds_in_new_poses(shipped):
    guide = FieldGuide()
    species = guide.base[::8]
    names = [s.name for s in species]
    plates = [guide.draw(s, seed=2_001).image for s in species]
    predictions = classify(plates, names, encoder=shipped)
    right = sum(p.label == name for p, name in zip(predictions, names, strict=True))
    assert right >= len(names) // 2  # one in twenty by chance


@pytest.mark.parametrize("layer", ["joint", "features"])
def test_its_background_is_that_of_unit_vectors(shipped, layer):
    background = shipped.background(layer)
    image = Image.new("RGB", (64, 64), "red")
    assert background.space == shipped.encode_images([image], layer=layer).space
    assert background.n > 5_000
    for matrix in (background.within, background.total):
        assert torch.allclose(matrix, matrix.T, atol=1e-7)
        assert torch.linalg.eigvalsh(matrix.double()).min() > -1e-7
    # for vectors of length one, spread and squared mean add up to one
    spread = background.total.trace() * (background.n - 1) / background.n
    assert float(spread + background.mean.square().sum()) == pytest.approx(1, abs=1e-4)
    assert background.within.trace() < background.total.trace()


def test_a_background_of_other_weights_is_refused(package, model_folder):
    shutil.copytree(model_folder("openclip_timm"), package)
    encoder = load_encoder("tiny")
    matrix = torch.eye(2)
    save_file(
        {"joint.mean": torch.zeros(2), "joint.within": matrix, "joint.total": matrix.clone()},
        package / "background.safetensors",
        metadata={"n": "9", "source": "elsewhere", "spaces": '{"joint": "openclip/2d/other"}'},
    )
    with pytest.raises(SpaceMismatch, match="openclip/2d/other"):
        encoder.background("joint")


def test_a_background_that_is_not_there_is_named(shipped, package, model_folder):
    with pytest.raises(ValueError, match="nonsense"):
        shipped.background("nonsense")
    shutil.copytree(model_folder("openclip_timm"), package)
    with pytest.raises(WeightsNotFound, match=r"no .*background\.safetensors"):
        load_encoder("tiny").background()
