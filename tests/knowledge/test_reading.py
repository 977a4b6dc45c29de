"""Which format a file is of."""

from __future__ import annotations

import importlib

import networkx as nx
import pytest

from knowledge import Concept, KnowledgeGraph, Relation, read_graph, write_graph
from knowledge.errors import FormatError, GraphError, UnclearFormat
from knowledge.readers import FORMATS
from knowledge.readers.sample import Sample

FILES = {
    "jsonl": '{"format":"fgmm-knowledge","version":1}\n{"id":"a","source":"x"}\n',
    "table": "concept,red\na,1\n",
    "parent-child": "a b\na c\n",
    "newick": "(a,b)c;\n",
    "descriptors": '{"robin": ["a red breast"]}\n',
    "checklist": "taxonID\tscientificName\n1\tRosa\n",
    "graphml": '<?xml version="1.0"?><!-- x --><graphml><graph edgedefault="directed"/></graphml>',
    "node-link": '{"directed": true, "multigraph": false, "nodes": [], "links": []}',
    "obo": "format-version: 1.4\n[Term]\nid: A\n",
    "rdf": "@prefix s: <http://www.w3.org/2004/02/skos/core#> .\n<x:a> s:broader <x:b> .\n",
}


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("name", ["file", "file.csv", "file.json"])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\n"])
def test_a_format_is_told_by_content_and_by_one_reader_alone(tmp_path, format, name, before):
    path = tmp_path / name
    path.write_bytes(before + FILES[format].encode())
    sample = Sample.of(path)
    fitting = [n for n, home in FORMATS.items() if importlib.import_module(home).matches(sample)]
    assert fitting == [format]


@pytest.mark.parametrize("format", FILES)
def test_every_format_is_read(tmp_path, format):
    if format == "rdf":
        pytest.importorskip("rdflib", reason="needs the extra rdf")
    path = tmp_path / "file"
    path.write_text(FILES[format])
    told, given = read_graph(path), read_graph(str(path), format)
    assert told == given
    path.write_bytes(FILES[format].replace("\n", "\r\n").encode())
    assert read_graph(path) == told
    write_graph(told, tmp_path / "copy")
    assert read_graph(tmp_path / "copy") == told
    for fact in (*told.concepts(kind=None), *told.relations()):
        assert fact.where.startswith(f"{path}:")
        assert fact.source


def test_an_unknown_format_lists_those_there_are(tmp_path):
    (tmp_path / "x").write_text("what is this?\n")
    with pytest.raises(FormatError, match=r"x:1: of no format .* jsonl, table, cub, .*, rdf$"):
        read_graph(tmp_path / "x")
    with pytest.raises(FormatError, match=r"'newik' is no format; .*: did you mean 'newick'\?"):
        read_graph(tmp_path / "x", "newik")
    with pytest.raises(FormatError, match=r":1: of no format"):
        read_graph(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_graph(tmp_path / "missing")


def test_json_lines_give_back_even_what_other_formats_may_not_say(tmp_path):
    graph = KnowledgeGraph()
    graph.add(
        Concept("a", source="x"),
        Relation("a", "is-a", "b", source="x"),
        Relation("b", "is-a", "a", source="x"),
        Relation("a", "is-a", "a", source="x"),
    )
    write_graph(graph, tmp_path / "g")
    assert read_graph(tmp_path / "g") == graph


def test_a_file_that_several_formats_fit_names_them(tmp_path):
    (tmp_path / "birds.tsv").write_text("concept\tred\nrobin\t1\n")
    with pytest.raises(UnclearFormat, match=r"tsv:1: could be of 2 .*: table, parent-child$") as e:
        read_graph(tmp_path / "birds.tsv")
    assert e.value.formats == ("table", "parent-child")
    assert read_graph(tmp_path / "birds.tsv", "table").attributes("robin") == {"red": 1}


def test_a_folder_of_two_datasets_names_them(tmp_path):
    cub = {"classes": "1 001.Gull", "attributes": "1 has_size::small",
           "class_attribute_labels_continuous": "50"}  # fmt: skip
    awa = {"classes": "1\tox", "predicates": "1\tbig", "predicate-matrix-binary": "1"}
    for name, files in (("birds", cub), ("mammals", awa)):
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / f"{file}.txt").write_text(f"{text}\n")
        if name == "birds":  # one alone may be given by the folder around it
            assert read_graph(tmp_path) == read_graph(tmp_path / name)
    with pytest.raises(
        FormatError, match=r":1: 2 datasets inside: give one, .*birds or .*mammals$"
    ):
        read_graph(tmp_path)
    with pytest.raises(FormatError, match=r"is there twice, .*: give the folder of one"):
        read_graph(tmp_path, "cub")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "the path is empty"),
        (None, "a NoneType is no path: give the path"),
        (nx.DiGraph(), r"a DiGraph is no path: .* KnowledgeGraph\.from_networkx\(graph\)"),
        (nx.MultiDiGraph(), "from_networkx"),
    ],
)
def test_what_is_no_path_is_refused(given, told):
    with pytest.raises(GraphError, match=told):
        read_graph(given)
    with pytest.raises(GraphError):
        write_graph(KnowledgeGraph(), given)


@pytest.mark.parametrize("name", ["fl.csv", "fl.TSV", "fl.json", "a.b/fl.graphml"])
def test_a_graph_is_not_written_under_the_name_of_another_format(tmp_path, name):
    (tmp_path / "a.b").mkdir()
    with pytest.raises(FormatError, match=r"another format; .*: call it fl\.jsonl$"):
        write_graph(KnowledgeGraph(), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_graph_is_not_written_to_a_folder(tmp_path):
    with pytest.raises(FormatError, match=r"a folder; .*: give .*graph\.jsonl$"):
        write_graph(KnowledgeGraph(), tmp_path)
    (tmp_path / "v1.2").mkdir()
    for name in ("plain", "fl.jsonl", "fl.v1", "v1.2/fl"):
        write_graph(KnowledgeGraph(), tmp_path / name)
        assert read_graph(tmp_path / name) == KnowledgeGraph()
