"""Which format a file is of."""

from __future__ import annotations

import importlib

import pytest

from knowledge import Concept, KnowledgeGraph, Relation, read_graph, write_graph
from knowledge.errors import FormatError
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
