"""Which pictures and words the benchmark of `tiny` reads."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import fgmm


@pytest.fixture
def made_up(tmp_path):
    """Groceries 0 (novel) and 1, flowers 3 (novel) and 4, a picture a file."""
    entries = [
        {
            "id": i,
            "name": name,
            "coarse": "Fruit",
            "description": "One thing. Another! A third. And more.",
        }
        for i, name in enumerate(["Nova", "Basa"])
    ]
    for split in ("train", "val", "test"):
        for entry in entries:
            folder = tmp_path / "grocery" / split / entry["name"]
            folder.mkdir(parents=True)
            (folder / "0.jpg").touch()
    (tmp_path / "grocery" / "classes.json").write_text(json.dumps(entries))
    for oxford in (3, 4):
        folder = tmp_path / "flowers" / "images" / f"{oxford:03d}"
        folder.mkdir(parents=True)
        for number in (1, 2, 5, 20, 21, 100, 101):
            (folder / f"image_{number:05d}.jpg").touch()
    return tmp_path


def test_groceries_by_split_and_novelty(benchmark_module, made_up):
    grocery = benchmark_module("tiny_data").grocery

    def found(*splits, novel):
        return [(p.parts[-3], key) for p, key in grocery(made_up, *splits, novel=novel)]

    assert found("test", novel=False) == [("test", "Basa")]
    assert found("train", "val", novel=True) == [("train", "Nova"), ("val", "Nova")]


@pytest.mark.parametrize(
    ("role", "key", "numbers"),
    [
        ("train", "004", [2]),
        ("steer", "004", [1, 21, 101]),
        ("test", "004", [5, 20, 100]),
        ("novel", "003", [1, 2, 5, 20, 21, 100, 101]),
    ],
)
def test_flowers_by_role(benchmark_module, made_up, role, key, numbers):
    found = benchmark_module("tiny_data").flowers(made_up, role)
    assert {k for _, k in found} == {key}
    assert [int(p.stem[-5:]) for p, _ in found] == numbers


@pytest.mark.data
def test_nothing_measured_was_trained_on(benchmark_module, data_folder):
    module = benchmark_module("tiny_data")
    measured = [
        *module.flowers(data_folder, "test"),
        *module.flowers(data_folder, "novel"),
        *module.grocery(data_folder, "test", novel=False),
        *module.grocery(data_folder, "train", "val", "test", novel=True),
    ]
    training = benchmark_module("tiny_training.data")
    trained = {
        path
        for steer in (False, True)
        for path, _ in training.flower_files(data_folder / "flowers", steer=steer)
    }
    trained |= {p for p, _ in training.grocery_files(data_folder / "grocery", ("train", "val"))}
    assert len(measured) > 3000
    assert not trained & {path for path, _ in measured}
    novel = {key for _, key in module.grocery(data_folder, "test", novel=True)}
    assert len(novel) == 21
    assert len({key for _, key in module.flowers(data_folder, "novel")}) == 28


def test_a_description_of_a_grocery_is_two_sentences(benchmark_module, made_up):
    (made_up / "flowers" / "cat_to_name.json").write_text(
        json.dumps({str(i): f"flower {i}" for i in range(1, 103)})
    )
    found = benchmark_module("tiny_data").descriptions(made_up)
    assert found["grocery"]["Basa"] == "One thing. Another!"
    assert found["flowers"]["001"] == (
        "a pale pink flower, flat flower with five notched petals, yellow-green centre"
    )


def test_embedding_keeps_pictures_and_keys_together(benchmark_module, tmp_path):
    listed = []
    for name in ("red", "blue"):
        Image.new("RGB", (20, 20), name).save(tmp_path / f"{name}.png")
        listed.append((tmp_path / f"{name}.png", name))
    encoder = fgmm.load_encoder("fake")
    pool = benchmark_module("tiny_data").embed(encoder, listed)
    assert pool.keys.tolist() == ["red", "blue"]
    assert pool.classes == ["blue", "red"]
    for layer in ("joint", "features"):
        wanted = encoder.encode_images([Image.open(p) for p, _ in listed], layer=layer)
        assert np.allclose(getattr(pool, layer).vectors, wanted.vectors)


def test_an_unreadable_picture_ends_the_benchmark(benchmark_module, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(SystemExit, match=r"broken\.jpg"):
        benchmark_module("tiny_data").embed(
            fgmm.load_encoder("fake"), [(tmp_path / "broken.jpg", "x")]
        )
