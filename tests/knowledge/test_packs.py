"""The packs: sound, whole, and in the vocabulary they declare."""

from __future__ import annotations

import json
import shutil
from importlib import resources

import pytest

from knowledge import AttributeMatrix
from knowledge.errors import ConceptNotFound, FormatError
from knowledge.packs import load_pack, pack_names
from knowledge.packs.tables import SOURCE
from knowledge.question_wording import ask_in_words

N_CLASSES = {"flowers": 102, "grocery": 81}
RANKS = {
    "flowers": ["species", "group", "genus", "family", "clade"],
    "grocery": ["product", "kind", "section"],
}
PACKS = sorted(N_CLASSES)


@pytest.fixture(scope="module", params=PACKS)
def pack(request):
    return request.param, load_pack(request.param)


@pytest.fixture(scope="module")
def flowers():
    return load_pack("flowers")


@pytest.fixture(scope="module")
def grocery():
    return load_pack("grocery")


def table(name: str, file: str) -> list[dict[str, str]]:
    text = resources.files("knowledge.packs").joinpath(name, file).read_text(encoding="utf-8")
    head, *lines = (line.split("\t") for line in text.split("\n")[:-1])
    return [dict(zip(head, line, strict=True)) for line in lines]


def looks(graph, concept) -> dict[tuple[str, str], float]:
    return {
        (fact.target, fact.part): fact.strength
        for fact in graph.relations(concept, kind="has-attribute")
    }


def test_the_packs_there_are():
    assert list(pack_names()) == PACKS


def test_another_name_is_refused_with_the_names_there_are():
    with pytest.raises(ConceptNotFound, match=r"'birds'; there are flowers, grocery"):
        load_pack("birds")
    with pytest.raises(ConceptNotFound, match=r"'flower'; the nearest is 'flowers'; there are"):
        load_pack("flower")
    with pytest.raises(ConceptNotFound, match=r"graph is fgmm\.fieldguide\.graph\(\)"):
        load_pack("fieldguide")


def test_each_call_gives_a_graph_of_its_own(pack):
    name, graph = pack
    assert load_pack(name) == graph
    assert load_pack(name) is not graph


def test_nothing_is_wrong_with_a_pack(pack):
    assert pack[1].validate() == []


def test_every_fact_has_the_source_and_a_place(pack):
    facts = [*pack[1].concepts(kind=None), *pack[1].relations()]
    assert {fact.source for fact in facts} == {SOURCE} == {"fgmm project, unreviewed"}
    assert all(".tsv:" in fact.where for fact in facts)


def test_a_place_is_the_line_it_says():
    graph = load_pack("flowers")
    file, line = graph["sunflower"].where.split(":")
    text = resources.files("knowledge.packs").joinpath(file).read_text(encoding="utf-8")
    assert text.split("\n")[int(line) - 1].split("\t")[1] == "sunflower"


def test_the_leaves_are_the_classes_and_each_looks_like_something(pack):
    name, graph = pack
    assert len(graph.leaves()) == N_CLASSES[name]
    few = {c.id: len(looks(graph, c)) for c in graph.leaves() if len(looks(graph, c)) < 6}
    assert few == {}
    seen = [max(looks(graph, c).values()) for c in graph.leaves()]
    assert min(seen) >= 0.5


def test_every_class_has_a_colour(pack):
    name, _ = pack
    assert [row["common"] for row in table(name, "classes.tsv") if not row["colour"]] == []


def test_ranks_run_in_order(pack):
    name, graph = pack
    order = RANKS[name]
    for leaf in graph.leaves():
        levels = [order.index(concept.rank) for concept in graph.lineage(leaf)]
        assert levels == sorted(set(levels)), leaf.id
        assert levels[-1] == len(order) - 1


def test_everything_has_one_parent_and_the_flowers_one_root(pack):
    name, graph = pack
    roots = graph.roots()
    assert all(len(graph.parents(c)) == 1 for c in graph.concepts() if c not in roots)
    assert [c.id for c in roots] == (
        ["flower"] if name == "flowers" else ["fruit", "package", "vegetable"]
    )


def test_no_two_classes_look_alike_in_every_word(pack):
    _, graph = pack
    similar = {frozenset((f.subject, f.target)) for f in graph.relations(kind="similar-to")}
    seen: dict[frozenset, str] = {}
    for leaf in graph.leaves():
        other = seen.setdefault(frozenset(looks(graph, leaf)), leaf.id)
        assert other == leaf.id or frozenset((other, leaf.id)) in similar


def test_look_alikes_are_classes(pack):
    _, graph = pack
    leaves = {c.id for c in graph.leaves()}
    pairs = [(f.subject, f.target) for f in graph.relations(kind="similar-to")]
    assert pairs
    assert {id for pair in pairs for id in pair} <= leaves


def test_every_declared_word_is_used_and_no_group_is_empty(pack):
    name, graph = pack
    used = {
        (column, cell.split("@")[0].rsplit(" 0.", 1)[0])
        for row in table(name, "classes.tsv")
        for column in row
        for cell in row[column].split(", ")
    }
    declared = [(row["column"], row["word"]) for row in table(name, "words.tsv")]
    assert len(set(declared)) == len(declared)
    assert set(declared) <= used
    leaves = {c.id for c in graph.leaves()}
    assert {row["id"] for row in table(name, "groups.tsv")}.isdisjoint(leaves)


@pytest.mark.data
def test_flowers_are_found_by_their_name_and_number(flowers, data_folder):
    path = data_folder / "flowers" / "cat_to_name.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    names = json.loads(path.read_text(encoding="utf-8"))
    assert len({flowers.find(name).id for name in names.values()}) == 102
    for number, name in names.items():
        assert flowers.find(name) == flowers.find(f"oxford-flower-{number}")


@pytest.mark.data
def test_groceries_are_found_by_name_and_number_under_their_kind(grocery, data_folder):
    path = data_folder / "grocery" / "classes.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    kinds: dict[str, set[str]] = {}
    for known in json.loads(path.read_text(encoding="utf-8")):
        found = grocery.find(known["name"])
        assert found == grocery.find(f"grocery-store-{known['id']}")
        kinds.setdefault(known["coarse"], set()).add(grocery.parents(found)[0].id)
    ours = [kind for found in kinds.values() for kind in found]
    assert all(len(found) == 1 for found in kinds.values())
    assert len(set(ours)) == len(ours) == len(kinds)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("pink 0.9", "pnik 0.9", r"flowers/classes.tsv:2: 'pnik 0.9' in column 'colour'"),
        ("pink 0.9", "pink lots", r"flowers/classes.tsv:2: 'pink lots' in column 'colour'"),
        ("\tspecies\t", "\t", r"flowers/classes.tsv:2: \d+ cells; there must be \d+"),
    ],
)
def test_a_slip_in_a_table_is_refused_with_its_line(tmp_path, monkeypatch, before, after, message):
    shutil.copytree(str(resources.files("knowledge.packs") / "flowers"), tmp_path / "flowers")
    path = tmp_path / "flowers" / "classes.tsv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(FormatError, match=message):
        load_pack("flowers")


# From botany, not from the tables: which family each belongs to.
FAMILIES = {
    "sunflower": "daisy family",
    "spear thistle": "daisy family",
    "tiger lily": "lily family",
    "daffodil": "amaryllis family",
    "water lily": "water lily family",
    "lotus": "lotus family",
    "moon orchid": "orchid family",
    "sweet pea": "pea family",
    "columbine": "buttercup family",
    "cyclamen": "primrose family",
    "petunia": "nightshade family",
    "azalea": "heath family",
}


@pytest.mark.parametrize(("flower", "family"), FAMILIES.items())
def test_families(flowers, flower, family):
    assert family in [concept.name for concept in flowers.lineage(flower)]


def test_the_genus_is_the_first_word_of_a_species(flowers):
    for flower in flowers.leaves():
        if flower.rank == "species":
            (genus,) = flowers.parents(flower)
            assert genus.rank == "genus"
            assert flower.scientific[0].split()[0] == genus.scientific[0]


def test_an_oxeye_daisy_is_white_around_a_yellow_disc(flowers):
    daisy = flowers.find("ox-eye daisies")
    assert flowers.attributes(daisy, part="part: petals")["attribute: white"] == 1
    assert flowers.attributes(daisy, part="part: disc") == {"attribute: yellow": 1.0}


def test_bananas_come_in_a_bunch_and_have_none(grocery):
    (trait,) = (t for t in AttributeMatrix.of(grocery, ["banana"]).traits if "bunch" in t.attribute)
    assert ask_in_words(grocery, trait) == "Is it in a bunch?"
