"""The last step: the scale, the background, and how files reach the shipped folder."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import fgmm


def plain_set(script, name, colours, labels, classes):
    """A set of 12 x 12 pictures of one colour each."""
    pixels = torch.tensor(colours, dtype=torch.uint8).view(-1, 3, 1, 1).repeat(1, 1, 12, 12)
    kind = script("tiny_training.pictures").PictureSet
    return kind(name, pixels, torch.tensor(labels), classes)


@pytest.fixture
def pools(script):
    """Colours that `fake` sees, in two sets; "unused" has no picture."""
    red, green, blue = (255, 0, 0), (0, 128, 0), (0, 0, 255)
    return [
        plain_set(script, "general", [red, green, red], [0, 2, 0], ("r", "unused", "g")),
        plain_set(script, "grocery", [blue, red], [0, 0], ("b",)),
    ]


# ---------------------------------------------------------------- scale


def test_the_scale_of_two_classes_by_hand(script):
    """Cosines 1 and 0, right three times in four: sigmoid(scale) = 3/4, scale = ln 3."""
    cosines = torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    found = script("tiny_training.scale").fit_scale([(cosines, torch.tensor([0, 0, 0, 1]))])
    assert found == pytest.approx(math.log(3), rel=1e-4)


def test_sets_count_the_same_whatever_their_size(script):
    """A set 9 : 1 right and a set 1 : 1, of any sizes: sigmoid(scale) = (0.9 + 0.5) / 2."""
    few = torch.tensor([[0.5, -0.5]]).repeat(2, 1), torch.tensor([0, 1])
    many = torch.tensor([[0.5, -0.5]]).repeat(1000, 1), (torch.arange(1000) < 100).long()
    found = script("tiny_training.scale").fit_scale([few, many])
    assert found == pytest.approx(math.log(0.7 / 0.3), rel=1e-4)


def test_no_scale_near_the_one_found_is_likelier(script):
    rng = np.random.default_rng(0)
    sets = [
        (
            torch.tensor(rng.uniform(-0.2, 0.6, (50, k))).float(),
            torch.tensor(rng.integers(k, size=50)),
        )
        for k in (3, 8)
    ]
    for cosines, labels in sets:
        cosines[torch.arange(40), labels[:40]] += 0.3

    def loss(scale):
        total = 0.0
        for cosines, labels in sets:
            rows = [
                math.log(sum(math.exp(scale * float(c)) for c in row)) - scale * float(row[y])
                for row, y in zip(cosines, labels, strict=True)
            ]
            total += sum(rows) / len(rows)
        return total

    found = script("tiny_training.scale").fit_scale(sets)
    assert loss(found) < min(loss(found * 0.98), loss(found * 1.02))


def test_what_is_compared_is_what_classify_compares(script, pools):
    """Softmax of the encoder's scale times these cosines is classify's own answer."""
    encoder = fgmm.load_encoder("fake")
    names = {
        "general": {"r": "red", "unused": "yellow", "g": "green"},
        "grocery": {"b": "blue"},
    }
    scale = script("tiny_training.scale")
    (cosines, labels), (alone, _) = scale.steering_cosines(encoder, pools, names)
    assert labels.tolist() == [0, 2, 0]
    assert alone.shape == (2, 1)
    pictures = scale.pil_pictures(pools[:1])
    told = fgmm.classify(pictures, {"r": "red", "unused": "yellow", "g": "green"}, encoder=encoder)
    for row, prediction in zip((encoder.logit_scale * cosines).softmax(1), told, strict=True):
        assert prediction.label == ("r", "unused", "g")[int(row.argmax())]
        assert prediction.probability == pytest.approx(float(row.max()), abs=1e-5)


def test_names_are_those_a_user_types(script, tmp_path):
    grocery = [
        {"id": 0, "name": "Golden-Delicious", "coarse": "Apple", "description": ""},
        {"id": 1, "name": "Arla-Sour-Milk", "coarse": "Sour-Milk", "description": ""},
    ]
    for folder, file, content in (
        ("grocery", "classes.json", grocery),
        ("flowers", "cat_to_name.json", {"7": "moon orchid"}),
        ("tiny_imagenet_32", "words.json", {"n1": "goldfish, Carassius auratus"}),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text(json.dumps(content))
    names = script("tiny_training.phrases").typed_names(tmp_path)
    assert names["grocery"] == {
        "Golden-Delicious": "Golden Delicious apple",
        "Arla-Sour-Milk": "Arla Sour Milk",
    }
    assert names["flowers"] == {"007": "moon orchid"}
    assert names["general"] == {"n1": "goldfish"}


# ---------------------------------------------------------------- background


def test_moments_against_loops(script):
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(30, 4)), rng.choice([0, 1, 3], size=30)
    found = script("tiny_training.background").fit_background(
        {"joint": torch.tensor(x)}, torch.tensor(labels)
    )
    mean = sum(x) / 30
    total = sum(np.outer(row - mean, row - mean) for row in x) / 29
    means = {c: sum(x[labels == c]) / (labels == c).sum() for c in (0, 1, 3)}
    within = sum(
        np.outer(row - means[c], row - means[c]) for row, c in zip(x, labels, strict=True)
    ) / (30 - 3)
    for name, wanted in (("mean", mean), ("total", total), ("within", within)):
        assert np.allclose(found[f"joint.{name}"], wanted, atol=1e-6), name


def test_the_file_describes_these_pictures_through_this_encoder(script, pools, tmp_path):
    """Red twice, green, blue and red: within a class two reds are equal, so are no others."""
    encoder = fgmm.load_encoder("fake")
    background = script("tiny_training.background")
    background.write_background(tmp_path, encoder, pools)
    pictures = script("tiny_training.scale").pil_pictures(pools)
    with safe_open(tmp_path / "background.safetensors", "pt") as stored:
        about = stored.metadata()
        for layer in ("joint", "features"):
            vectors = encoder.encode_images(pictures, layer=layer)
            assert json.loads(about["spaces"])[layer] == vectors.space
            x = vectors.vectors.double()
            assert torch.allclose(stored.get_tensor(f"{layer}.mean").double(), x.mean(0), atol=1e-6)
            # the first set's class 0 and the second's are two classes: only blue and red vary
            half = (x[3] - x[4]) / 2
            within = 2 * torch.outer(half, half) / (5 - 3)
            assert torch.allclose(stored.get_tensor(f"{layer}.within").double(), within, atol=1e-6)
    assert about["n"] == "5"
    assert "tiny_imagenet val: 3 pictures of 2 classes, 12 pixels wide" in about["source"]
    assert "grocery val (base classes): 2 pictures of 1 classes" in about["source"]
    assert "enlarged" in about["source"]


def test_only_steering_pictures_and_new_poses_enter(script, pools, tmp_path, monkeypatch):
    train = script("train_tiny")
    birds = plain_set(script, "birds", [(9, 9, 9)], [0], ("wren",))
    seeds, encoded = [], []

    def field_guide(asked):
        seeds.extend(asked)
        return birds

    embed = fgmm.embed_images

    def seen(pictures, **options):
        encoded.append([np.asarray(p).tobytes() for p in pictures])
        return embed(pictures, **options)

    monkeypatch.setattr(train, "field_guide", field_guide)
    monkeypatch.setattr(train, "load_encoder", lambda name: fgmm.load_encoder("fake"))
    monkeypatch.setattr(fgmm, "embed_images", seen)
    train.ship_background(tmp_path, pools)
    assert tuple(seeds) == train.NEW_POSES
    wanted = [p.permute(1, 2, 0).numpy().tobytes() for s in (*pools, birds) for p in s.pictures]
    assert encoded == [wanted, wanted]  # once for each layer


# ---------------------------------------------------------------- the folder


def test_a_new_scale_changes_nothing_else(script, tmp_path):
    ship = script("tiny_training.ship")
    before = {"logit_scale": torch.tensor(1.0), "text.a": torch.ones(2, 2).half()}
    save_file(before, tmp_path / ship.WEIGHTS, metadata={"format": "pt"})
    held = load_file(tmp_path / ship.WEIGHTS)
    ship.write_scale(tmp_path, 25.0)
    after = load_file(tmp_path / ship.WEIGHTS)
    assert float(after["logit_scale"].exp()) == pytest.approx(25.0, rel=1e-6)
    assert torch.equal(after["text.a"], before["text.a"])
    assert float(held["logit_scale"]) == 1.0  # whoever has the old file open keeps it
    assert [p.name for p in tmp_path.iterdir()] == [ship.WEIGHTS]


def test_files_arrive_together_readable_and_beside_the_card(script, tmp_path):
    out = tmp_path / "tiny"
    out.mkdir()
    (out / "README.md").write_text("the card")
    (out / "a.json").write_text("old")
    with script("tiny_training.ship").staged(out) as folder:
        (folder / "a.json").write_text("new")
        (folder / "b.safetensors").write_bytes(b"x")
        (folder / "b.safetensors").chmod(0o600)
        assert (out / "a.json").read_text() == "old"
    assert {p.name for p in out.iterdir()} == {"README.md", "a.json", "b.safetensors"}
    assert (out / "a.json").read_text() == "new"
    assert {oct(p.stat().st_mode & 0o777) for p in out.glob("[ab].*")} == {"0o644"}
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


def test_a_step_that_fails_leaves_the_folder_as_it_was(script, tmp_path):
    out = tmp_path / "tiny"
    out.mkdir()
    (out / "a.json").write_text("old")
    with pytest.raises(ZeroDivisionError), script("tiny_training.ship").staged(out) as folder:
        (folder / "a.json").write_text("new")
        1 / 0  # noqa: B018
    assert (out / "a.json").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


def test_the_shipped_scale_is_fitted_through_the_folders_own_encoder(
    script, pools, tmp_path, monkeypatch
):
    train = script("train_tiny")
    asked, written = [], []
    names = {"general": {"r": "red", "unused": "yellow", "g": "green"}, "grocery": {"b": "blue"}}

    def load_encoder(name):
        asked.append(name)
        return fgmm.load_encoder("fake")

    monkeypatch.setattr(train, "load_encoder", load_encoder)
    monkeypatch.setattr(train, "write_scale", lambda *given: written.append(given))
    train.ship_scale(tmp_path, pools, names)
    assert asked == [f"openclip:{tmp_path}"]
    ((folder, scale),) = written
    assert folder == tmp_path
    compared = train.steering_cosines(fgmm.load_encoder("fake"), pools, names)
    assert scale == train.fit_scale(compared)
