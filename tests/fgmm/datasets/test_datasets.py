"""Every layout as a small fake folder: which pictures, which labels, which words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import fgmm
from fgmm.datasets import (
    LabelledImages,
    class_words,
    dataset_names,
    drop_small_classes,
    embed_dataset,
    open_dataset,
    read_folder,
)
from fgmm.datasets.folder import find_wordless, plain_words
from fgmm.errors import DatasetError, EncoderBroken


def draw(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 12), colour).save(path)
    return path


@pytest.fixture
def grocery(tmp_path):
    """Classes 0 to 4, of which 0 and 4 are novel."""
    entries = [
        {"id": i, "name": f"Good-Pear-{i}", "coarse": "Sour-Fruit", "description": "-"}
        for i in range(5)
    ]
    root = tmp_path / "grocery"
    for split, number in (("train", 2), ("val", 1), ("test", 3)):
        for e in entries:
            if split != "val" or e["id"]:  # val lacks some classes
                for at in range(number):
                    draw(root / split / e["name"] / f"{split}{at}.jpg")
    (root / "classes.json").write_text(json.dumps(entries))
    return tmp_path


def test_grocery_shows_train_and_val_and_asks_about_test(grocery):
    found = open_dataset("grocery", data=grocery)
    assert found.classes == ("Good-Pear-0", "Good-Pear-4")
    shown = [(p.parent.parent.name, p.parent.name) for p in found.images]
    first, last = found.classes
    assert shown == [("train", first)] * 2 + [("train", last)] * 2 + [("val", last)]
    assert {p.parent.parent.name for p in found.query_images} == {"test"}
    assert found.labels == tuple(p.parent.name for p in found.images)
    assert found.query_labels == tuple(p.parent.name for p in found.query_images)
    assert found.texts["name"][first] == "Good Pear 0"
    assert found.texts["coarse"][first] == "sour fruit"
    base = open_dataset("grocery", data=grocery, classes="base")
    assert base.classes == ("Good-Pear-1", "Good-Pear-2", "Good-Pear-3")


def test_flowers_divisible_by_three_are_novel_and_every_fifth_base_picture_is_asked_about(
    tmp_path, monkeypatch
):
    for oxford in (2, 3, 6):
        for number in range(1, 11):
            draw(tmp_path / "flowers" / "images" / f"{oxford:03d}" / f"image_{number:05d}.jpg")
    names = {"2": "rose", "3": "lily", "6": "iris"}
    (tmp_path / "flowers" / "cat_to_name.json").write_text(json.dumps(names))
    monkeypatch.setenv("FGMM_DATA", str(tmp_path))
    novel = open_dataset("flowers")
    assert (novel.classes, len(novel), novel.query_labels) == (("003", "006"), 20, None)
    assert novel.texts["name"] == {"003": "lily", "006": "iris"}
    base = open_dataset("flowers", classes="base")
    assert [p.stem for p in base.query_images] == ["image_00005", "image_00010"]
    assert base.query_labels == ("002", "002")
    assert len(base.labels) == 8


def test_the_field_guide_is_drawn_when_asked_with_odd_seeds(monkeypatch):
    from fgmm.fieldguide import FieldGuide

    asked = []
    original = FieldGuide.draw
    monkeypatch.setattr(
        FieldGuide,
        "draw",
        lambda self, s, seed, size=160: asked.append(seed) or original(self, s, seed, size),
    )
    found = open_dataset("fieldguide")
    assert asked == []
    guide = FieldGuide()
    assert set(found.classes) == {s.name for s in guide.novel}
    picture = found.images[33]  # the second picture of the second species
    assert picture.tobytes() == original(guide, guide.novel[1], 3).image.tobytes()
    assert found.labels[33] == guide.novel[1].name
    assert [seed % 2 for seed in asked] == [1]
    assert found.texts["sentence"][guide.novel[1].name] == guide.novel[1].sentence
    base = open_dataset("fieldguide", classes="base")
    assert set(base.classes).isdisjoint(found.classes)


def test_a_folder_of_folders(tmp_path):
    for name in ("001.Sooty_Tern", "002.Tree-Sparrow"):
        draw(tmp_path / name / "a.png")
        draw(tmp_path / name / "deeper" / "b.png")
    (tmp_path / "notes").mkdir()
    draw(tmp_path / ".hidden" / "x.png")
    draw(tmp_path / "beside.png")
    found = open_dataset(str(tmp_path))
    assert found.labels == ("001.Sooty_Tern",) * 2 + ("002.Tree-Sparrow",) * 2
    assert [Path(p).name for p in found.images] == ["a.png", "b.png"] * 2
    assert found.texts["name"]["002.Tree-Sparrow"] == "Tree Sparrow"


@pytest.mark.parametrize("beside", [1, 3])
def test_pictures_beside_the_folders_are_counted(beside, tmp_path, caplog):
    for at in range(beside):
        draw(tmp_path / f"{at}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    told = f"{beside} pictures" if beside > 1 else "1 picture"
    with pytest.raises(DatasetError, match=f"holds {told} and no folders: put each class into a"):
        read_folder(tmp_path)
    draw(tmp_path / "wren" / "a.png")
    draw(tmp_path / "tit" / "a.png")
    assert len(read_folder(tmp_path)) == 2
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(f"left out: {told} beside the folders in")


def test_nothing_beside_the_folders_is_nothing_to_speak_of(tmp_path, caplog):
    draw(tmp_path / "wren" / "a.png")
    draw(tmp_path / "tit" / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    read_folder(tmp_path)
    assert not caplog.records


@pytest.mark.parametrize(
    ("labels", "wordless"),
    [
        (["tit", "wren"], None),
        (["tit", "002"], "002"),
        (["12-34", "56"], "12-34"),
        (["n02085620", "n02085782"], "n02085620"),
        (["n02085620-Chihuahua", "001.Tern"], None),
        (["雀", "Ähre"], None),
    ],
)
def test_folders_called_by_numbers_have_no_words(labels, wordless, tmp_path):
    for label in labels:
        draw(tmp_path / label / "a.png")
    assert find_wordless(labels) == wordless
    found = read_folder(tmp_path)
    assert set(found.labels) == set(labels)
    assert bool(found.texts) is (wordless is None)


@pytest.mark.parametrize(
    ("label", "words"),
    [("n02085620-Chihuahua", "Chihuahua"), ("7up", "7up"), ("n1", "n1"), ("10", "10"), ("_", "_")],
)
def test_names_of_folders_as_words(label, words):
    assert plain_words(label) == words


def aircraft(root):
    data = root / "fgvc-aircraft-2013b" / "data"
    for number in ("01", "02", "03"):
        draw(data / "images" / f"{number}.jpg")
    (data / "variants.txt").write_text("707-320\nA300B4\n")
    (data / "images_variant_trainval.txt").write_text("02 A300B4\n01 707-320\n")
    (data / "images_variant_test.txt").write_text("03 A300B4\n")
    return ["01.jpg", "02.jpg"], ("707-320", "A300B4"), ["03.jpg"], ("A300B4",)


def pets(root):
    home = root / "oxford-iiit-pet"
    for name in ("Shiba_Inu_1", "beagle_1", "beagle_2"):
        draw(home / "images" / f"{name}.jpg")
    (home / "annotations").mkdir()
    (home / "annotations" / "trainval.txt").write_text("Shiba_Inu_1 2 2 2\nbeagle_1 1 2 1\n")
    (home / "annotations" / "test.txt").write_text("Shiba_Inu_1 2 2 2\nbeagle_2 1 2 1\n")
    shown = ["Shiba_Inu_1.jpg", "beagle_1.jpg"]
    asked = ["Shiba_Inu_1.jpg", "beagle_2.jpg"]
    return shown, ("Shiba Inu", "Beagle"), asked, ("Shiba Inu", "Beagle")


def cars(root):
    import numpy as np
    from scipy.io import savemat

    home = root / "stanford_cars"
    (home / "devkit").mkdir(parents=True)
    kind = [("fname", object), ("class", object)]
    for split, file in (
        ("train", "devkit/cars_train_annos"),
        ("test", "cars_test_annos_withlabels"),
    ):
        draw(home / f"cars_{split}" / "1.jpg")
        draw(home / f"cars_{split}" / "2.jpg")
        rows = np.array([("1.jpg", 2), ("2.jpg", 1)], dtype=kind)
        savemat(home / f"{file}.mat", {"annotations": rows})
    savemat(home / "devkit" / "cars_meta.mat", {"class_names": np.array(["Audi", "BMW"], object)})
    names = ["1.jpg", "2.jpg"]
    return names, ("BMW", "Audi"), names, ("BMW", "Audi")


def naturalist(root):
    tail = "Animalia_Chordata_Aves_Order_Family_Parus"
    for at, species in enumerate(("major", "minor")):
        for number in (2, 1):
            draw(root / "2021_valid" / f"0000{at}_{tail}_{species}" / f"{at}{number}.jpg")
    labels = ("Parus major",) * 2 + ("Parus minor",) * 2
    return ["01.jpg", "02.jpg", "11.jpg", "12.jpg"], labels, None, None


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("FGVCAircraft", aircraft),
        ("INaturalist", naturalist),
        ("OxfordIIITPet", pets),
        ("StanfordCars", cars),
    ],
)
def test_torchvisions_sets_are_paths_with_labels_and_names(name, make, tmp_path):
    shown, labels, asked, answers = make(tmp_path)
    found = open_dataset(f"torchvision:{name}", data=tmp_path)
    assert [p.name for p in found.images] == shown
    assert found.labels == labels
    assert found.query_labels == answers
    assert (found.query_images and [p.name for p in found.query_images]) == asked
    assert set(found.texts["name"]) >= set(labels)
    assert all(p.is_file() for p in found.images)


def test_flowers102_and_omniglot_of_torchvision(tmp_path, monkeypatch):
    from scipy.io import savemat
    from torchvision import datasets

    # their archives' checksums cannot be faked; what is read from them can
    monkeypatch.setattr(datasets.Flowers102, "_check_integrity", lambda self: True)
    monkeypatch.setattr(datasets.Omniglot, "_check_integrity", lambda self: True)
    home = tmp_path / "flowers-102"
    for number in range(1, 5):
        draw(home / "jpg" / f"image_{number:05d}.jpg")
    savemat(home / "imagelabels.mat", {"labels": [1, 2, 2, 1]})
    savemat(home / "setid.mat", {"trnid": [1, 2], "valid": [3, 3], "tstid": [4, 4]})
    found = open_dataset("torchvision:Flowers102", data=tmp_path)
    assert [p.stem[-1] for p in found.images] == ["1", "2", "3", "3"]
    assert found.labels == ("pink primrose", *["hard-leaved pocket orchid"] * 3)
    assert found.query_labels == ("pink primrose",) * 2
    for alphabet in ("Tengwar", "Avesta"):
        draw(tmp_path / "omniglot-py" / "images_evaluation" / alphabet / "character01" / "7.png")
    found = open_dataset("torchvision:Omniglot", data=tmp_path)
    assert found.labels == ("Avesta/character01", "Tengwar/character01")
    assert found.texts == {}


def test_nothing_is_fetched_unless_asked(tmp_path, monkeypatch):
    from torchvision import datasets

    asked = []

    def make(root, **arguments):
        asked.append(arguments["download"])
        raise RuntimeError("Dataset not found")

    monkeypatch.setattr(datasets, "Flowers102", make)
    with pytest.raises(DatasetError, match="pass --download"):
        open_dataset("torchvision:Flowers102", data=tmp_path)
    with pytest.raises(DatasetError, match="cannot be fetched into"):
        open_dataset("torchvision:Flowers102", data=tmp_path, download=True)
    assert asked == [False, True]
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DatasetError, match="there is no folder"):
        open_dataset("torchvision:INaturalist", data=tmp_path / "no")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("grocrey", {}, "did you mean grocery"),
        ("flowers102", {}, "did you mean torchvision:Flowers102"),
        ("torchvision:flowers102", {"data": "."}, "did you mean Flowers102"),
        ("torchvision:CIFAR10", {"data": "."}, "none of FGVCAircraft"),
        ("grocery", {}, "FGMM_DATA"),
        ("grocery", {"data": "."}, "there is no grocery/classes.json"),
        ("flowers", {"data": "."}, "there is no flowers/cat_to_name.json"),
        ("omniglot", {"data": "."}, "there is no omniglot/images_background_small1.zip"),
        (".", {"classes": "base"}, "has no base classes"),
        ("grocery", {"download": True}, "cannot be fetched"),
        (".", {}, "holds 1 folder, of which 1 with pictures"),
    ],
)
def test_what_cannot_be_opened_is_said(source, options, words, tmp_path, monkeypatch):
    monkeypatch.delenv("FGMM_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "one" / "a.png")
    with pytest.raises(DatasetError, match=words):
        open_dataset(source, **options)


def test_labels_words_and_pictures_must_fit():
    with pytest.raises(DatasetError, match="2 pictures and 1 label:"):
        LabelledImages("x", ["1", "2"], ("a",))
    with pytest.raises(DatasetError, match="no query pictures"):
        LabelledImages("x", ["1"], ("a",), [], ())
    with pytest.raises(DatasetError, match="together, or neither"):
        LabelledImages("x", ["1"], ("a",), ["1"])
    with pytest.raises(DatasetError, match="class 'b' has no name"):
        LabelledImages("x", ["1", "2"], ("a", "b"), texts={"name": {"a": "A"}})


def test_small_classes_go_from_both_pools():
    one = LabelledImages("x", list("12345"), tuple("aabbb"))
    kept, dropped = drop_small_classes(one, shots=1, queries=2)
    assert (kept.labels, list(kept.images), dropped) == (("b",) * 3, list("345"), {"a": (2, 2)})
    two = LabelledImages("x", list("12"), tuple("ab"), list("3456"), tuple("aabc"))
    kept, dropped = drop_small_classes(two, shots=1, queries=2)
    assert (kept.classes, list(kept.images), list(kept.query_images)) == (("a",), ["1"], ["3", "4"])
    assert dropped == {"b": (1, 1), "c": (0, 1)}
    assert drop_small_classes(two, shots=0, queries=1) == (two, {})
    with pytest.raises(DatasetError, match="3 classes has 1 picture to show and 3 others to ask"):
        drop_small_classes(two, shots=1, queries=3)


def test_vectors_and_labels_stay_together_when_a_picture_cannot_be_read(tmp_path):
    red, blue = draw(tmp_path / "r.png"), draw(tmp_path / "b.png", "blue")
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    encoder = fgmm.load_encoder("fake")
    data = LabelledImages("x", [bad, red, blue], tuple("xrb"), [blue, bad], tuple("bx"))
    found = embed_dataset(data, encoder=encoder, layer="joint")
    assert (found.labels, found.query_labels) == (("r", "b"), ("b",))
    alone = fgmm.embed_images([red, blue], encoder=encoder).vectors
    assert torch.equal(found.features, alone)
    assert torch.equal(found.query_features, alone[1:])
    assert [failure.name for failure in found.failures] == [str(bad)] * 2
    assert found.space == encoder.space
    with pytest.raises(DatasetError, match="no picture could be read"):
        embed_dataset(LabelledImages("x", [bad], ("x",)), encoder=encoder)


def test_words_are_rows_in_the_order_of_the_sorted_classes():
    encoder = fgmm.load_encoder("fake")
    texts = {"name": {"z": "red", "A": "blue", "a": "green"}, "other": dict.fromkeys("zAa", "red")}
    data = LabelledImages("x", list("123"), tuple("zAa"), texts=texts)
    words = class_words(data, encoder=encoder, templates="{}")
    expected = fgmm.embed_texts(["blue", "green", "red"], encoder=encoder).vectors
    assert torch.allclose(words.embeddings, expected, atol=1e-6)
    assert words.logit_scale == encoder.logit_scale
    assert words.classes == data.classes
    other = class_words(data, encoder=encoder, kind="other", templates="{}")
    assert torch.allclose(other.embeddings, expected[[2, 2, 2]], atol=1e-6)
    with pytest.raises(DatasetError, match="only 'name', 'other'"):
        class_words(data, encoder=encoder, kind="nmae")
    with pytest.raises(DatasetError, match="have no words"):
        class_words(LabelledImages("x", ["1"], ("a",)), encoder=encoder)
    with pytest.raises(EncoderBroken, match="pictures only"):
        class_words(data, encoder=object())


@pytest.mark.data
def test_the_protocol_on_the_published_sets(data_folder):
    found = open_dataset("grocery", data=data_folder)
    assert len(found.classes) == 21
    found = open_dataset("flowers", data=data_folder)
    assert len(found.classes) == 28
    assert {int(label) % 3 for label in found.labels} == {0}
    found = open_dataset("omniglot", data=data_folder)
    assert len(found) == 20 * len(found.classes)
    assert {label.count("/") for label in found.classes} == {1}


def test_every_name_is_of_some_set():
    assert set(dataset_names()) >= {"grocery", "torchvision:Omniglot"}
    with pytest.raises(DatasetError, match="there is no folder"):
        read_folder("no such")


def test_vectors_of_some_classes_are_kept_with_their_labels():
    pictures = [Image.new("RGB", (9, 9), (40 * at, 20, 90)) for at in range(6)]
    two = LabelledImages("six", pictures[:4], tuple("abca"), pictures[4:], tuple("cb"))
    whole = embed_dataset(two, encoder=fgmm.load_encoder("fake"), layer="joint")
    kept = whole.keep(["a", "c"])
    assert (kept.labels, kept.query_labels, kept.classes) == (tuple("aca"), ("c",), ("a", "c"))
    assert torch.equal(kept.features, whole.features[[0, 2, 3]])
    assert torch.equal(kept.query_features, whole.query_features[:1])
    one = embed_dataset(two.keep("ab"), encoder=fgmm.load_encoder("fake"), layer="joint").keep("b")
    assert (one.labels, one.query_labels) == (("b",), ("b",))
