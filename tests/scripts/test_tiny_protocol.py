"""What `tiny` may see: the rules of its card, held on files and on the pictures that come out.

Every picture of the made-up data has a colour of its own, which says who it is.
"""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
import torch
from PIL import Image

STEP = 28  # of the colours: JPEG and resizing move a plain colour by less than half of it
SPLITS = ("train", "val", "test", "iconic")
IDS = tuple(range(9))  # grocery: 0, 4 and 8 are novel
OXFORD = (1, 2, 3, 4, 5, 6, 7)  # 3 and 6 are novel
NUMBERS = (1, 2, 5, 6, 7, 8, 9, 10, 21)  # 1 and 21 steer, 5 and 10 are test


def colour(source: str, who: int, number: int) -> tuple[int, int, int]:
    """Red says from where, green which class, blue which picture."""
    return STEP * ([*SPLITS, "flowers"].index(source) + 1), STEP * who, STEP * number


def identities(pictures: torch.Tensor) -> list[tuple[str, int, int]]:
    """Who each picture is, by the colour of its middle."""
    middle = pictures[:, :, 80, 80].double().numpy() / STEP
    assert np.abs(middle - middle.round()).max() < 0.4
    names = [*SPLITS, "flowers"]
    return [(names[r - 1], g, b) for r, g, b in middle.round().astype(int).tolist()]


@pytest.fixture
def made_up(tmp_path):
    """A folder of groceries and flowers in the real layout."""
    root = tmp_path / "data"
    entries = [{"name": f"Item-{i}", "id": i, "coarse": "Fruit"} for i in IDS]
    for entry in entries:
        for split in ("train", "val", "test"):
            folder = root / "grocery" / split / entry["name"]
            folder.mkdir(parents=True)
            for k in range(2):
                Image.new("RGB", (200, 170), colour(split, entry["id"], k)).save(
                    folder / f"{k}.jpg", quality=95
                )
    (root / "grocery" / "classes.json").write_text(json.dumps(entries))
    (root / "grocery" / "iconic").mkdir()
    for entry in entries:
        studio = Image.new("RGB", (200, 200), "white")
        studio.paste(colour("iconic", entry["id"], 0), (50, 50, 150, 150))
        studio.save(root / "grocery" / "iconic" / f"{entry['name']}.jpg", quality=95)
    for oxford in OXFORD:
        folder = root / "flowers" / "images" / f"{oxford:03d}"
        folder.mkdir(parents=True)
        for at, number in enumerate(NUMBERS):
            Image.new("RGB", (170, 200), colour("flowers", oxford, at)).save(
                folder / f"image_{number:05d}.jpg", quality=95
            )
    return root


@pytest.fixture
def loaded(script, made_up, monkeypatch, tmp_path):
    """Sets of the made-up data, and what was asked of the two sources that are not there."""
    data = script("tiny_training.data")
    asked = {"general": [], "birds": []}

    def general(root, split):
        asked["general"].append((root, split))
        pictures = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
        return data.PictureSet("general", pictures, torch.arange(2), ("a", "b"))

    def field_guide(seeds):
        asked["birds"].append(seeds)
        pictures = torch.zeros(1, 3, 160, 160, dtype=torch.uint8)
        return data.PictureSet("birds", pictures, torch.zeros(1, dtype=torch.long), ("c",))

    monkeypatch.setattr(data, "general", general)
    monkeypatch.setattr(data, "field_guide", field_guide)
    train, steer = data.load_sets(made_up, tmp_path / "cache")
    return {s.name: s for s in train}, {s.name: s for s in steer}, asked


BASE = {i for i in IDS if i % 4}
BASE_FLOWERS = {i for i in OXFORD if i % 3}


def test_groceries_trained_on_are_train_photos_of_base_classes(loaded):
    found = loaded[0]["grocery"]
    shop = found.pictures[: 2 * len(BASE)]
    assert identities(shop) == [("train", i, k) for i in sorted(BASE) for k in range(2)]


def test_groceries_that_steer_are_val_photos_of_base_classes(loaded):
    train, steer, _ = loaded
    assert identities(steer["grocery"].pictures) == [
        ("val", i, k) for i in sorted(BASE) for k in range(2)
    ]
    assert steer["grocery"].classes == train["grocery"].classes


def test_flowers_trained_on_neither_steer_nor_test(loaded):
    at = [i for i, number in enumerate(NUMBERS) if number % 5 and number % 20 != 1]
    assert [NUMBERS[i] for i in at] == [2, 6, 7, 8, 9]
    assert identities(loaded[0]["flowers"].pictures) == [
        ("flowers", i, k) for i in sorted(BASE_FLOWERS) for k in at
    ]


def test_flowers_that_steer_are_numbers_one_modulo_twenty(loaded):
    at = [NUMBERS.index(1), NUMBERS.index(21)]
    assert identities(loaded[1]["flowers"].pictures) == [
        ("flowers", i, k) for i in sorted(BASE_FLOWERS) for k in at
    ]


def test_every_picture_has_the_label_of_its_class(loaded):
    train, steer, _ = loaded
    for found in (steer["grocery"], train["flowers"], steer["flowers"]):
        for (_, who, _), label in zip(identities(found.pictures), found.labels, strict=True):
            assert int(found.classes[label].split("-")[-1]) == who


def test_the_general_set_trains_on_train_and_steers_by_val(loaded, made_up):
    root = made_up / "tiny_imagenet_32"
    assert loaded[2]["general"] == [(root, "train"), (root, "val")]


def test_studio_pictures_are_of_base_classes_on_flowers_trained_on(loaded):
    """A copy shows the product of its label, and beside it a flower that is trained on."""
    found = loaded[0]["grocery"]
    copies = found.pictures[2 * len(BASE) :]
    labels = found.labels[2 * len(BASE) :]
    assert len(copies) == 15 * len(BASE)
    trained = {
        colour("flowers", i, k)
        for i in BASE_FLOWERS
        for k, number in enumerate(NUMBERS)
        if number % 5 and number % 20 != 1
    }
    grounds = set()
    for picture, label in zip(copies, labels, strict=True):
        product = colour("iconic", int(found.classes[label].split("-")[-1]), 0)
        pixels = picture.permute(1, 2, 0).reshape(-1, 3).double()
        is_product = (pixels - torch.tensor(product)).abs().amax(1) < STEP * 0.4
        assert is_product.float().mean() > 0.1
        rest = pixels[~is_product]
        if len(rest) < 0.2 * len(pixels):  # little of the ground is left beside soft edges
            continue
        nearest = tuple(int(v) for v in (rest.median(0).values / STEP).round().mul(STEP).tolist())
        assert nearest in trained
        grounds.add(nearest)
    assert len(grounds) > 1


def test_seeds_of_birds_are_even_and_new_poses_are_others(loaded, script):
    (trained,) = loaded[2]["birds"]
    default = inspect.signature(script("tiny_training.data").load_sets).parameters
    assert len(trained) == default["birds_per_species"].default == len(set(trained))
    new = script("train_tiny").NEW_POSES
    assert len(set(new)) == len(new) > 0
    assert all(seed % 2 == 0 for seed in (*trained, *new))
    assert not set(trained) & set(new)


@pytest.mark.data
def test_no_photo_of_a_novel_or_test_grocery_is_listed(script, data_folder):
    root = data_folder / "grocery"
    numbers = {c["name"]: c["id"] for c in json.loads((root / "classes.json").read_text())}
    files = script("tiny_training.data").grocery_files(root, ("train", "val"))
    assert len({name for _, name in files}) == 60
    assert len(files) > 2_000
    for path, name in files:
        assert path.parts[-3:-1] in {("train", name), ("val", name)}
        assert numbers[name] % 4 != 0


@pytest.mark.data
def test_no_novel_or_test_flower_is_listed(script, data_folder):
    root = data_folder / "flowers"
    data = script("tiny_training.data")
    train = data.flower_files(root, steer=False)
    steer = data.flower_files(root, steer=True)
    assert len({name for _, name in train}) == 61
    assert not set(train) & set(steer)
    assert len(steer) > 100
    for path, name in train + steer:
        assert path.parent.name == name
        assert int(name) % 3 != 0
        assert int(path.stem.split("_")[1]) % 5 != 0


def test_birds_are_base_species_and_the_seeds_asked_for(script, monkeypatch):
    drawn = []
    data = script("tiny_training.data")
    guide = data.FieldGuide()
    original = data.FieldGuide.draw

    def draw(self, species, seed, size=160):
        drawn.append((species, seed))
        return original(self, species, seed, 32)

    class Here:
        """Runs jobs in this process, so that they are seen."""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def map(self, work, jobs, chunksize):
            return map(work, jobs)

    monkeypatch.setattr(data.FieldGuide, "draw", draw)
    monkeypatch.setattr(data, "ProcessPoolExecutor", Here)
    found = data.field_guide((0, 2))
    assert len(found) == 2 * len(guide.base)
    assert {name for name, _ in drawn} == {s.name for s in guide.base}
    assert {seed for _, seed in drawn} == {0, 2}


def test_general_pictures_come_from_the_split_asked_for(script, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import io

    import pyarrow

    def row(shade: int) -> bytes:
        held = io.BytesIO()
        Image.new("L", (32, 32), shade).save(held, "JPEG")
        return held.getvalue()

    (tmp_path / "words.json").write_text(json.dumps({"n2": "two", "n1": "one"}))
    for split, shade in (("train", 50), ("val", 200)):
        table = {"image": [row(shade), row(shade + 20)], "wnid": ["n1", "n2"]}
        parquet.write_table(pyarrow.table(table), tmp_path / f"{split}.parquet")
    found = script("tiny_training.data").general(tmp_path, "val")
    assert found.classes == ("n2", "n1")
    assert found.labels.tolist() == [1, 0]
    assert found.pictures[:, 0, 16, 16].tolist() == [200, 220]
