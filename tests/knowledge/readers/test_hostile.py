"""Files that are malformed or meant to harm: each refused with file, line and cure."""

from __future__ import annotations

import contextlib
import os
import re
import time

import pytest

from knowledge import KnowledgeGraph, lint_descriptors, read_graph
from knowledge.errors import FormatError
from knowledge.readers import FORMATS, contents

BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
GRAPHML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
KEYS = '<key id="s" for="edge" attr.name="strength" attr.type="double"/>'
DRAWN = '<graph edgedefault="directed">'
RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
SKOS = "@prefix s: <http://www.w3.org/2004/02/skos/core#> ."
TERM = ["format-version: 1.2", "[Term]", "id: A"]

CASES = {
    # tables
    "NaN strength": (["concept,red", "a,1", "b,nan"], 3, "'nan' is no strength"),
    "percent without sign": (["concept,red", "a,95"], 2, "'95' is no strength"),
    "infinite": (["concept,red", "a,1", "b,inf"], 3, "'inf' is no strength"),
    "underscore": (["concept,red", "a,1", "b,0_1"], 3, "'0_1' is no strength"),
    "word": (["concept,red", "a,1", "b,very"], 3, "'very' is no strength"),
    "too few columns": (["concept,red,blue", "a,1,0", "b,1"], 3, "2 columns where .* has 3"),
    "too many columns": (["concept,red", "a,1", "b,1,1"], 3, "3 columns where .* has 2"),
    "duplicate row": (["concept,red", "a,1", "a,1"], 3, "'a' is there already .*:2"),
    "duplicate column": (["concept,red,red", "a,1,1"], 1, "two columns are called 'red'"),
    "nameless column": (["concept,red,", "a,1,1"], 1, "column 3 has no name"),
    "blank concept": (["concept,red", "a,1", ",1"], 3, "the first cell is blank"),
    "concept and attribute": (["concept,a", "a,1"], 2, "'a' is there already"),
    "unknown parent": (["concept,parent,red", "a,z,1"], 2, "no concept has the id 'z': add"),
    "own parent": (["concept,parent,red", "a,a,1"], 2, "'a' is-a itself: take it out"),
    "open quote": (["concept,common,red", "a,x,1", 'b,"y,1'], 3, "no CSV: .*check the quotes"),
    "long, duplicate": (["concept,attribute", "a,red", "a,red"], 3, "is there already, line 2"),
    "long, no attribute": (["concept,attribute", "a,"], 2, "the attribute is blank"),
    "long, other column": (["concept,attribute,weight", "a,red,1"], 1, "rename or remove"),
    "long, kinds": (["concept,attribute", "a,red", "red,b"], 3, "'red' is a concept here and a"),
    # trees
    "three words": ([*(f"a b{n}" for n in range(60)), "a e f"], 61, "3 words; a line must"),
    "circle": (["a b", "b c", "c a"], 3, "is-a runs in a circle: .*: take one"),
    "self": (["a b", "b b"], 2, "'b' is-a itself"),
    "said twice": (["a b", "a c", "a b"], 3, "is there already, line 1: take one out"),
    "blank child": (["parent,child", "a,"], 2, "a cell is blank"),
    "newick, open": (["((a,b)", ",c"], 2, "brackets are still open"),
    "newick, closed": (["(a,b))c;"], 1, r"'\)' outside all brackets"),
    "newick, cut short": (["(a,b)c"], 1, "the ; is missing"),
    "newick, two": (["(a,b)c;", "(d,e)f;"], 2, "after the end of the tree"),
    "newick, twice": (["(a,", "a)c;"], 2, "'a' is there already .*:1"),
    "newick, nothing": (["(a,,b)c;"], 1, "no label before ','"),
    "newick, length": (["(a:x,b)c;"], 1, "'x' is no length"),
    "newick, comment": (["(a,b[x)c;"], 1, r"'\[' opens what does not close"),
    "newick, side by side": (["(a 'b')c;"], 1, "'b' right after 'a'"),
    "newick, deep": (["(" * 1_000_000 + ";"], 1, "brackets more than 10000 deep"),
    "obo, unknown": ([*TERM, "is_a: B ! none"], 4, "'A' is_a 'B', and no term has that id"),
    "obo, no id": (["format-version: 1.2", "[Term]", "name: x"], 2, "a term with 0 ids"),
    "obo, no tag": ([*TERM, "nonsense"], 4, "'nonsense' is no 'tag: value'"),
    "obo, no quotes": ([*TERM, "def: nonsense"], 4, "must begin with a text in quotes"),
    "obo, twice": ([*TERM, "[Term]", "id: A"], 4, "'A' is there already .*:2"),
    "obo, circle": ([*TERM, "is_a: B", "[Term]", "id: B", "is_a: A"], 4, "runs in a circle"),
    # JSON
    "class twice": (['{"a": ["x"],', '"b": [],', '"a": []}'], 3, "the key 'a' is there twice"),
    "no string": (['{"a": ["x",', "7]}"], 2, "text is 7; .* correct it"),
    "blank sentence": (['{"a": ["x"],', '"b": [" "]}'], 2, "text is ' '; .* correct it"),
    "no list": (['{"a": ["x"],', '"b": "y"}'], 2, "'b' has 'y'; it must be a list"),
    "no JSON": (['{"a": ["x"],', '"b": [}'], 2, "no valid JSON: .*: correct it there"),
    "NaN": (['{"a": ["x"],', '"b": [NaN]}'], 2, "NaN is no JSON number"),
    "deep JSON": (['{"a": ["x"], "b": ' + "[" * 200_000 + "]" * 200_000 + "}"], 1, "too deep"),
    "node-link, strength": (
        ['{"directed": true, "nodes": [{"id": "a"}, {"id": "b", "kind": "attribute"}],',
         '"links": [', '{"source": "a", "target": "b", "relation": "has-attribute",',
         '"strength": 7}]}'],
        3, "has strength 7.0; it must lie between 0 and 1",
    ),
    "node-link, relation": (
        ['{"directed": true, "nodes": [{"id": "a"}, {"id": "b"}], "links": [',
         '{"source": "a", "target": "b", "relation": "eats"}]}'],
        2, "has the relation 'eats'",
    ),
    "node-link, unknown": (
        ['{"directed": true, "nodes": [{"id": "a"}],',
         '"links": [{"source": "a", "target": "b"}]}'],
        2, "ends at 'b', which is no node",
    ),
    "node-link, twice": (
        ['{"directed": true, "nodes": [{"id": "a"},', '{"id": "a"}], "links": []}'],
        2, "'a' is there already, line 1",
    ),
    "node-link, id": (['{"directed": true, "nodes": [', '{"id": []}], "links": []}'], 2, "id is "),
    "node-link, object": (['{"directed": true, "links": [], "nodes": [', "7]}"], 2, "7 in nodes"),
    "node-link, links": (['{"directed": true, "nodes": []}'], 1, '"links" must be a list'),
    "node-link, undirected": (
        ['{"directed": false, "nodes": [], "links": []}'], 1, "no direction: say",
    ),
    "node-link, circle": (
        ['{"directed": true, "nodes": [{"id": "a"}, {"id": "b"}], "edges": [',
         '{"source": "a", "target": "b"},', '{"source": "b", "target": "a"}]}'],
        2, "is-a runs in a circle",
    ),
    # XML
    "graphml, entities": ([BOMB, GRAPHML + "&b;</graphml>"], 1, "has a document type"),
    "graphml, deep": (["<graphml>" + "<graph>" * 200], 1, "nested more than 100 deep"),
    "graphml, no XML": ([GRAPHML, "<graph></graphml>"], 2, "no XML: mismatched tag"),
    "graphml, unknown": (
        [GRAPHML, DRAWN, '<node id="a"/>', '<edge source="a" target="b"/>', "</graph></graphml>"],
        4, "ends at 'b'",
    ),
    "graphml, undirected": (
        [GRAPHML, '<graph edgedefault="undirected"></graph></graphml>'], 2, "no direction",
    ),
    "graphml, key": (
        [GRAPHML, DRAWN, '<node id="a">', '<data key="x">1</data></node></graph></graphml>'],
        4, "the key 'x' is not declared",
    ),
    "graphml, number": (
        [GRAPHML, KEYS, DRAWN, '<node id="a"/><edge source="a" target="a">',
         '<data key="s">much</data></edge></graph></graphml>'],
        5, "'much' is no double",
    ),
    "graphml, NaN": (
        [GRAPHML, KEYS, DRAWN, '<node id="a"/><node id="b"/>', '<edge source="a" target="b">',
         '<data key="s">nan</data></edge></graph></graphml>'],
        5, "has strength nan",
    ),
    "graphml, graphs": ([GRAPHML, "</graphml>"], 1, "0 graphs; it must be one"),
    # RDF
    "rdf, entities": (["<?xml version='1.0'?>", BOMB, RDF + "</rdf:RDF>"], 2, "a document type"),
    "rdf, XML": ([RDF, "<a></rdf:RDF>"], 2, "no XML"),
    "turtle": ([SKOS, "<x:a> s:broader"], 2, "no Turtle|no RDF"),
    "turtle, deep": ([SKOS, "<x:a> s:broader " + "[ s:broader " * 5000], 2, "more than 100 deep"),
    "turtle, circle": ([SKOS, "<x:a> s:broader <x:b> . <x:b> s:broader <x:a> ."], 1, "circle"),
    "turtle, nothing": (["@prefix x: <http://x/> ."], 1, "no SKOS concept and no class"),
    # all
    "bytes": ([b"concept,red", b"a,1", b"\xff\xfe,1"], 3, "no UTF-8 at byte 1"),
    "bytes in JSON": ([b'{"a": ["x"],', b'"\xe9": []}'], 2, "no UTF-8 at byte"),
    "NUL": ([b"concept,red", b"a,1", b"b\0,1"], 3, "a NUL byte"),
    "NUL in JSON": ([b'{"a": ["x"],', b'"\0": []}'], 2, "a NUL byte"),
    "UTF-16": (["concept,red\na,1".encode("utf-16")], 1, "UTF-16, not UTF-8: .* 'CSV UTF-8'"),
    "one line": ([b"concept,red", b"a,1", b"b" * 4_000_001], 3, "longer than 4000000 bytes"),
    "blank": (["  "], 1, "the file is empty"),
    "header only": (["concept,attribute"], 1, "no row follows"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_refused_with_file_line_and_cure(write, name):
    lines, line, said = CASES[name]
    if "rdf" in name or "turtle" in name:
        pytest.importorskip("rdflib", reason="needs the extra rdf")
    path = write("bad.file", *lines)
    begin = time.monotonic()
    with pytest.raises(FormatError) as caught:
        read_graph(path)
    message = str(caught.value)
    assert re.match(re.escape(f"{path}:{line}") + r"(, \S+:\d+)*: ", message), message
    assert re.search(said, message), message
    assert len(message) < 1000
    assert time.monotonic() - begin < 30


def test_a_file_that_is_too_large_is_not_read(write, monkeypatch):
    monkeypatch.setattr(contents, "MAX_BYTES", 1000)
    for name, text in [
        ("a.json", '{"a": ["%s"]}'),
        ("a.nwk", "(%s,b)c;"),
        ("a.xml", "<graphml>%s"),
    ]:
        with pytest.raises(FormatError, match=r":1: larger than 1000 bytes, .*: split it"):
            read_graph(write(name, text % ("x" * 1000)))


@pytest.mark.parametrize(
    "content",
    [
        "<!>" * 20_000,
        "<?x?>" * 20_000,
        "[x]" * 20_000,
        "#" + "\n" * 60_000,
        '{"a": ["' + " " * 300_000 + 'x"]}',
        "<x:a> <x:b> " + '"' + '\\"' * 300_000,
        "<x:a> " + "<" * 300_000,
        "(" + "[" * 300_000,
        "format-version: 1\n[Term]\nid: A\nis_a: B" + " " * 300_000 + "x",
        "concept,red\na," + " " * 300_000 + "1",
    ],
    ids=range(10),
)
def test_no_text_takes_time_that_grows_by_its_square(write, content):
    begin = time.monotonic()
    with contextlib.suppress(FormatError):
        read_graph(write("x", content))
    with contextlib.suppress(FormatError):
        lint_descriptors(write("x", content))
    assert time.monotonic() - begin < 20


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match=r"pipe:1: no regular file"):
        read_graph(tmp_path / "pipe")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"\xff" * 99, b"nonsense\n", b"[[", b"<a"])
def test_a_reader_that_is_forced_raises_what_it_should_or_gives_a_graph(write, format, content):
    if format == "rdf":
        pytest.importorskip("rdflib", reason="needs the extra rdf")
    try:
        assert isinstance(read_graph(write("x", content), format=format), KnowledgeGraph)
    except FormatError as error:
        assert re.search(r":\d+: ", str(error))
