"""The published files in full, counted by a reading of their own, and there and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from knowledge import KnowledgeGraph, read_graph, write_graph
from knowledge.readers.cub import attribute_name

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def folder(data_folder) -> Path:
    folder = data_folder / "knowledge"
    if not folder.is_dir():
        pytest.skip(f"no published graphs at {folder}")
    return folder


@pytest.fixture(scope="module")
def cub(folder):
    return read_graph(folder / "cub")


def assert_comes_back(graph, path):
    write_graph(graph, path)
    assert read_graph(path) == graph


def test_cub_in_full(folder, cub, tmp_path):
    cells = [
        line.split()
        for line in (folder / "cub/class_attribute_labels_continuous.txt").read_text().splitlines()
    ]
    classes = [line.split()[1] for line in (folder / "cub/classes.txt").read_text().splitlines()]
    names = [line.split()[1] for line in (folder / "cub/attributes.txt").read_text().splitlines()]
    assert (len(classes), len(names), len(cells)) == (200, 312, 200)
    assert [c.id for c in cub.concepts()] == classes
    assert [c.id for c in cub.concepts(kind="attribute")] == names
    assert len([*cub.relations()]) == 200 * 312
    for name, row in zip(classes, cells, strict=True):
        expected = {a: float(cell) / 100 for a, cell in zip(names, row, strict=True)}
        assert cub.attributes(name) == expected
    assert_comes_back(cub, tmp_path / "cub.jsonl")


def test_cub_in_plain_english(folder, cub):
    albatross = cub.find("black-footed albatross")
    assert albatross.id == "001.Black_footed_Albatross"
    assert cub["has_bill_shape::curved_(up_or_down)"].common == ("curved (up or down) bill",)
    readable = [c.name for c in cub.concepts(kind="attribute")]
    assert len(set(readable)) == 312
    assert not any("_" in name or "::" in name for name in readable)
    parts = {fact.part for fact in cub.relations(albatross)}
    assert {"bill", "wing", "upper tail", ""} <= parts
    assert cub.find("bill", kind="part").id == "bill"
    keypoints = (folder / "cub/parts.txt").read_text().split("\n")
    assert all(line.split(" ", 1)[1] in cub for line in keypoints if line)
    assert attribute_name("has_wings") == ("", "")


def test_awa_in_full(folder, tmp_path):
    graph = read_graph(folder / "awa2")
    animals = [line.split()[1] for line in (folder / "awa2/classes.txt").read_text().splitlines()]
    names = [line.split()[1] for line in (folder / "awa2/predicates.txt").read_text().splitlines()]
    rows = [
        line.split()
        for line in (folder / "awa2/predicate-matrix-binary.txt").read_text().splitlines()
    ]
    assert (len(animals), len(names)) == (50, 85)
    for animal, row in zip(animals, rows, strict=True):
        assert graph.attributes(animal) == dict(zip(names, map(float, row), strict=True))
    assert graph.find("grizzly bear").id == "grizzly+bear"
    assert_comes_back(graph, tmp_path / "awa.jsonl")


@pytest.mark.parametrize(
    ("name", "n_lines"),
    [
        ("hierarchy_inat.txt", 14_035),
        ("wordnet.parent-child.mintree.txt", 1_784),
        ("cub_wikispecies.parent-child.txt", 382),
    ],
)
def test_trees_in_full(folder, tmp_path, name, n_lines):
    graph = read_graph(folder / "taxonomy" / name)
    pairs = {tuple(line.split()) for line in (folder / "taxonomy" / name).read_text().splitlines()}
    assert len(pairs) == n_lines
    assert {(fact.target, fact.subject) for fact in graph.relations()} == pairs
    assert {c.id for c in graph.concepts()} == {id for pair in pairs for id in pair}
    assert_comes_back(graph, tmp_path / "tree.jsonl")


@pytest.mark.parametrize(
    ("name", "n_classes"), [("imagenet", 1000), ("cub", 200), ("flowers102", 102), ("pets", 37)]
)
def test_descriptors_in_full(folder, tmp_path, name, n_classes):
    path = folder / "descriptors" / f"descriptors_{name}.json"
    graph = read_graph(path)
    said = json.loads(path.read_text())
    assert len(said) == n_classes
    found = {c.id: [text.text for text in c.descriptions] for c in graph.concepts()}
    assert found == said
    lines = path.read_text().splitlines()
    for concept in graph.concepts()[:: max(1, n_classes // 20)]:
        assert json.dumps(concept.id) in lines[int(concept.where.rpartition(":")[2]) - 1]
    assert_comes_back(graph, tmp_path / "said.jsonl")


@pytest.mark.parametrize(
    "name",
    [
        "cub/classes.txt",
        "cub/attributes.txt",
        "awa2/predicate-matrix-binary.txt",
        "taxonomy/classes_wikispecies.txt",
        "taxonomy/hierarchy_wikispecies.txt",
        "taxonomy/imagenet_class_index.json",
    ],
)
def test_what_is_none_of_the_formats_is_not_guessed(folder, name):
    with pytest.raises(ValueError, match=r":1: of no format .* format=\.\.\.\): jsonl, "):
        read_graph(folder / name)


def test_a_tree_of_codes_gets_names_as_the_docs_say(folder):
    codes = read_graph(folder / "taxonomy/wordnet.parent-child.mintree.txt")
    index = json.loads((folder / "taxonomy/imagenet_class_index.json").read_text())
    names = dict(index.values())
    named = KnowledgeGraph()
    named.add(
        *(
            replace(concept, common=(names[concept.id],)) if concept.id in names else concept
            for concept in codes.concepts()
        ),
        *codes.relations(),
    )
    assert {leaf.id for leaf in named.leaves()} == set(names)
    assert all(name in named[id].common for id, name in names.items())
    assert named.find("goldfish").id == "n01443537"
    assert named.parents("goldfish")[0].id == codes.parents("n01443537")[0].id


def test_the_attributes_of_cub_are_joined_with_its_tree_as_the_docs_say(folder):
    birds = read_graph(folder / "cub")
    tree = read_graph(folder / "taxonomy/cub_wikispecies.parent-child.txt")
    ours = {str(int(concept.id[:3])): concept.id for concept in birds.concepts()}
    assert set(ours) == {leaf.id for leaf in tree.leaves()}
    n_facts = len([*birds.relations(), *tree.relations()])
    birds.add(
        *(concept for concept in tree.concepts() if concept.id not in ours),
        *(replace(fact, subject=ours.get(fact.subject, fact.subject)) for fact in tree.relations()),
    )
    assert len([*birds.relations()]) == n_facts
    # Each bird has the siblings that the list of scientific names gives it: those of its genus.
    lines = (folder / "taxonomy/classes_wikispecies.txt").read_text().splitlines()
    genus = dict(line.split()[:2] for line in lines)
    alike = [
        genus[number] == genus[str(int(other.id[:3]))]
        for number, id in ours.items()
        for other in birds.siblings(id)
        if other.id in set(ours.values())
    ]
    assert alike
    assert all(alike)
    assert {fact.kind for fact in birds.relations("black-footed albatross")} == {
        "is-a",
        "has-attribute",
    }
    assert {finding.kind for finding in birds.validate()} == {"missing-rank"}
