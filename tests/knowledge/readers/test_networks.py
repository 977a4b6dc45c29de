"""GraphML and node-link JSON, as networkx writes them; RDF by rdflib."""

from __future__ import annotations

import builtins
import json

import networkx as nx
import pytest

from knowledge import KnowledgeGraph, read_graph

rdflib = pytest.importorskip("rdflib", reason="needs the extra rdf")

TURTLE = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix : <http://example.org/> .
:bird a skos:Concept ; skos:prefLabel "bird"@en, "Aves"@la ; skos:narrower :gull .
:robin a skos:Concept ; skos:broader :bird ;
  skos:prefLabel "robin"@en, "Rotkehlchen"@de ; skos:altLabel "redbreast" ;
  skos:definition "a small (and round) bird" .
"""


def drawn() -> nx.MultiDiGraph:
    plain = nx.MultiDiGraph()
    plain.add_node("robin", label="European robin", rank="species")
    plain.add_node("bird", rank="class", size=3)
    plain.add_node("red", kind="attribute")
    plain.add_edge("robin", "bird")
    plain.add_edge("robin", "red", relation="has-attribute", strength=0.95)
    plain.add_edge("robin", "red", relation="has-attribute", strength=0.5, part="red")
    return plain


def test_graphml_is_what_networkx_says(tmp_path):
    path = tmp_path / "birds.graphml"
    nx.write_graphml(drawn(), path)
    graph = read_graph(path)
    expected = KnowledgeGraph.from_networkx(drawn(), source="birds.graphml")
    assert {*graph.concepts(kind=None)} == {*expected.concepts(kind=None)}
    assert {*graph.relations()} == {*expected.relations()}
    lines = path.read_text().splitlines()
    for fact in graph.relations():
        said = lines[int(fact.where.rpartition(":")[2]) - 1]
        assert f'source="{fact.subject}" target="{fact.target}"' in said


def test_names_of_edges_are_no_relations(read):
    graph = read(
        "t.graphml",
        '<graphml><key id="n" for="graph" attr.name="made" attr.type="string"/>',
        '<graph edgedefault="directed"><data key="n">by hand</data><node id="a"/><node id="b"/>',
        '<edge id="e1" source="a" target="b"/></graph></graphml>',
    )
    assert [(f.subject, f.kind, f.target) for f in graph.relations()] == [("a", "is-a", "b")]
    assert graph.to_networkx().graph == {"made": "by hand"}


def test_the_key_of_an_edge_may_be_its_relation(read):
    graph = read(
        "t.json",
        '{"directed": true, "nodes": [{"id": "a"}, {"id": "b"}], "links": [',
        '{"source": "a", "target": "b", "key": "has_part"}, {"source": "a", "target": "b"}]}',
    )
    assert {f.kind for f in graph.relations()} == {"has-part", "is-a"}


@pytest.mark.parametrize("name", ["links", "edges"])
def test_node_link_is_what_networkx_says(tmp_path, name):
    path = tmp_path / "birds.json"
    path.write_text(json.dumps(nx.node_link_data(drawn(), edges=name), indent=1))
    graph = read_graph(path)
    expected = KnowledgeGraph.from_networkx(drawn(), source="birds.json")
    assert {*graph.concepts(kind=None)} == {*expected.concepts(kind=None)}
    assert {*graph.relations()} == {*expected.relations()}
    assert graph.to_networkx().nodes["bird"]["size"] == 3
    lines = path.read_text().splitlines()
    for concept in graph.concepts(kind=None):
        at = int(concept.where.rpartition(":")[2])
        assert lines[at - 1].strip() == "{"
        assert f'"id": "{concept.id}"' in "".join(lines[at : at + 4])


@pytest.mark.parametrize("format", ["turtle", "xml", "nt", "pretty-xml"])
def test_skos_in_every_form(tmp_path, format):
    path = tmp_path / "birds"
    graph = rdflib.Graph().parse(data=TURTLE, format="turtle")
    graph.serialize(path, format=format, encoding="utf-8")
    graph = read_graph(path)
    robin, bird = graph.find("robin"), graph.find("bird")
    assert (robin.id, bird.scientific) == ("http://example.org/robin", ("Aves",))
    assert robin.synonyms == ("redbreast",)
    assert [(t.text, t.language) for t in robin.other_names] == [("Rotkehlchen", "de")]
    assert [t.text for t in robin.descriptions] == ["a small (and round) bird"]
    assert {c.id for c in graph.children(bird)} == {
        "http://example.org/robin",
        "http://example.org/gull",
    }


def test_classes_of_owl_without_thing_and_without_restrictions(read):
    graph = read(
        "t.ttl",
        "# classes",
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .",
        "@prefix owl: <http://www.w3.org/2002/07/owl#> .",
        "<x:robin> a owl:Class ; rdfs:label 'robin' ;",
        " rdfs:subClassOf <x:bird> , [ a owl:Restriction ] .",
        "<x:bird> rdfs:subClassOf owl:Thing .",
    )
    assert {c.id for c in graph.concepts()} == {"x:robin", "x:bird"}
    assert [(f.subject, f.target) for f in graph.relations()] == [("x:robin", "x:bird")]


def test_without_rdflib_the_extra_is_named(write, monkeypatch):
    path = write("t.ttl", TURTLE)
    found = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.split(".")[0] == "rdflib":
            raise ModuleNotFoundError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ValueError, match=r"t\.ttl:1: .*pip install 'fgmm\[rdf\]'"):
        read_graph(path)
