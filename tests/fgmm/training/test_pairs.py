"""Pairs: folders, tables, shards, graphs, and what is refused."""

from __future__ import annotations

import csv
import io
import tarfile

import pytest
from PIL import Image

from fgmm.datasets import read_folder
from fgmm.datasets.plates import read_field_guide
from fgmm.errors import DatasetError
from fgmm.fieldguide import graph
from fgmm.images import read_image
from fgmm.training import (
    Pair,
    Pairs,
    pair_labelled,
    pair_with_graph,
    read_folder_pairs,
    read_shard_pairs,
    read_table_pairs,
)
from knowledge import KnowledgeGraph, describe


def picture(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 7), colour).save(file, "PNG")
    return file.getvalue()


def test_a_folder_of_folders_is_named_by_them(birds):
    found = read_folder_pairs(birds, templates=("{}", "a drawing of a {}."), concept="bird")
    assert len(found) == 24
    assert len(found.classes) == 4
    for pair in found.items:
        name = pair.picture.parent.name.replace("_", " ")
        assert pair.label == pair.picture.parent.name
        assert pair.texts[0] == f"{name}, a bird"
        assert pair.texts[1].endswith(f" {name}, a bird.")
        assert pair.texts[1].startswith("a drawing of a")


def test_captions_beside_pictures_are_their_texts(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "deep/a.png"):
        (tmp_path / name).write_bytes(picture("red"))
    (tmp_path / "b.txt").write_text("a bird\n\n  a red bird \na bird\n", encoding="utf-8")
    (tmp_path / "deep" / "a.txt").write_text("ein Vögelchen", encoding="utf-8")
    found = read_folder_pairs(tmp_path)
    assert [pair.texts for pair in found.items] == [("a bird", "a red bird"), ("ein Vögelchen",)]
    assert found.classes == ()
    (tmp_path / "deep" / "a.txt").write_text(" \n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"1 picture without a text, the first .*a\.png: write"):
        read_folder_pairs(tmp_path)


def test_a_table_names_pictures_from_its_folder(tmp_path):
    table = tmp_path / "birds.csv"
    with table.open("w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)
        rows.writerows([("file", "said", "species"), ("x/1.png", "a tit, blue", "tit")])
        rows.writerows([("2.png", "an owl", "owl"), ("x/1.png", "a blue tit", "tit")])
    found = read_table_pairs(table, image="file", text="said", label="species")
    assert [pair.texts for pair in found.items] == [("a tit, blue", "a blue tit"), ("an owl",)]
    assert [pair.picture for pair in found.items] == [tmp_path / "x/1.png", tmp_path / "2.png"]
    assert found.classes == ("owl", "tit")
    assert read_table_pairs(table, image="file", text="said").classes == ()
    with pytest.raises(DatasetError, match="no column 'sad': did you mean 'said'"):
        read_table_pairs(table, image="file", text="sad")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("image,text\na.png,\n", "line 2: nothing in column 'text'"),
        ("image,text\na.png\n", "line 2: nothing in column 'text'"),
        ("image,text\n", "there are no pictures"),
        ("image,text,c\na.png,x,one\na.png,y,two\n", "a.png is 'two', and was 'one' before"),
    ],
)
def test_a_table_with_holes_is_refused(rows, words, tmp_path):
    (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    with pytest.raises(DatasetError, match=words):
        read_table_pairs(tmp_path / "t.csv", label="c" if ",c\n" in rows else None)


def test_shards_that_webdataset_wrote_are_read_as_webdataset_reads_them(tmp_path):
    webdataset = pytest.importorskip("webdataset")
    colours = ["red", "lime", "blue", "white", "black"]
    for shard in range(2):
        with webdataset.TarWriter(str(tmp_path / f"birds-{shard}.tar")) as out:
            for at, colour in enumerate(colours[shard::2]):
                sample = {"__key__": f"{shard}/{at}", "png": picture(colour)}
                out.write({**sample, "txt": f"a {colour} bird", "cls": at, "json": {"x": 1}})
    found = read_shard_pairs(tmp_path)
    theirs = []
    for shard in range(2):
        source = str(tmp_path / f"birds-{shard}.tar")
        theirs += list(webdataset.WebDataset(source, shardshuffle=False))
    assert len(found) == len(theirs) == 5
    for pair, sample in zip(found.items, theirs, strict=True):
        assert pair.picture.read() == sample["png"]
        assert pair.texts == (sample["txt"].decode(),)
        assert pair.label == sample["cls"].decode()
    colour = read_image(found.items[0].picture, name=found.items[0].title).getpixel((0, 0))
    assert colour == (255, 0, 0)
    assert found.items[0].title == "birds-0.tar/0/0"


def test_a_compressed_shard_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("x.png"))
    with pytest.raises(DatasetError, match=r"a.tar is no plain tar file.* gunzip"):
        read_shard_pairs(tmp_path / "a.tar")
    with pytest.raises(DatasetError, match="there is no tar file"):
        read_shard_pairs(tmp_path / "b-*.tar")


def test_a_graphs_sentences_are_texts(birds):
    dataset, birds_graph = read_folder(birds), graph()
    found = pair_with_graph(dataset, birds_graph, max_words=12)
    names = {label: dataset.texts["name"][label] for label in dataset.classes}
    for pair in found.items:
        said = describe(birds_graph, names[pair.label], among=list(names.values()), max_words=12)
        assert pair.texts[0] == names[pair.label]
        assert pair.texts[2:] == tuple(map(str, said))
        assert len(pair.texts) > 3


def test_a_class_that_the_graph_does_not_know_is_named(birds):
    with pytest.raises(DatasetError, match=r"does not know .* \(4 of 4 classes are unknown\)"):
        pair_with_graph(read_folder(birds), KnowledgeGraph())


def test_a_graphs_own_names_can_be_given(birds):
    dataset = read_folder(birds)
    other = graph().leaves()[7].name
    found = pair_with_graph(dataset, graph(), concepts={dataset.classes[0]: other})
    own = next(pair for pair in found.items if pair.label == dataset.classes[0])
    plain = next(p for p in pair_with_graph(dataset, graph()).items if p.label == own.label)
    assert own.texts[0] == plain.texts[0]
    assert own.texts[2:] != plain.texts[2:]


def test_a_set_that_draws_its_pictures_draws_them_when_they_are_looked_at():
    dataset = read_field_guide("base")
    found = pair_labelled(dataset)
    assert len(found) == len(dataset.labels) > 1000
    pair = found.items[7]
    assert pair.title == f"{dataset.labels[7]} #7"
    assert read_image(pair.source).tobytes() == dataset.images[7].tobytes()


def test_labels_are_for_all_or_none_and_texts_say_something():
    with pytest.raises(DatasetError, match=r"b has no label and others have one \(1 of 2 pict"):
        Pairs("p", (Pair("a", ("x",), "one"), Pair("b", ("x",))))
    with pytest.raises(DatasetError, match="a has a text with nothing in it"):
        Pairs("p", (Pair("a", (" ",)),))
    with pytest.raises(DatasetError, match="there are no pictures"):
        Pairs("p", ())


def test_a_split_is_of_the_seed_alone_and_loses_nothing(birds):
    pairs = pair_labelled(read_folder(birds))
    one, other = pairs.split(0.25, seed=3)
    assert (len(one), len(other)) == (18, 6)
    assert {p.title for p in one.items} | {p.title for p in other.items} == {
        p.title for p in pairs.items
    }
    assert pairs.split(0.25, seed=3)[1].mark == other.mark != pairs.split(0.25, seed=4)[1].mark
    assert pairs.split(0, seed=3) == (pairs, None)
    with pytest.raises(DatasetError, match=r"a share of 0.01 of 24 pictures leaves too few"):
        pairs.split(0.01, seed=0)
