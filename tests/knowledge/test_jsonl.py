"""JSON lines: the same graph back, the same bytes again, and no for an answer."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge import Concept, KnowledgeGraph, Relation, jsonl, plain_files
from knowledge.errors import FormatError

HEADER = '{"format":"fgmm-knowledge","version":1}'
ROBIN = '{"id":"robin","source":"notes"}'


@given(st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_there_and_back_loses_nothing(make_graphs, tmp_path, data):
    graph = data.draw(make_graphs(json=True))
    path = tmp_path / "graph.jsonl"
    jsonl.write(graph, path)
    again = jsonl.read(path)
    assert again == graph
    first = path.read_bytes()
    jsonl.write(again, path)
    assert path.read_bytes() == first


def test_the_order_of_adding_does_not_show(birds, tmp_path):
    facts = [*birds.concepts(kind=None), *birds.relations()]
    written = set()
    for seed in range(5):
        random.Random(seed).shuffle(facts)
        graph = KnowledgeGraph()
        graph.add(*facts)
        jsonl.write(graph, tmp_path / "g.jsonl")
        written.add((tmp_path / "g.jsonl").read_bytes())
    assert len(written) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["g.jsonl"]


def test_the_lines_by_hand(tmp_path):
    graph = KnowledgeGraph()
    fact = Relation("rose", "has-attribute", "rot", strength=0.5, source="ich", where="x:1")
    graph.add(fact, Concept("rot", kind="attribute", common=["größer"], source="ich"))
    path = tmp_path / "g.jsonl"
    jsonl.write(graph, path)
    assert path.read_bytes().decode().split("\n") == [
        '{"concepts":1,"format":"fgmm-knowledge","relations":1,"version":1}',
        '{"common":["größer"],"id":"rot","kind":"attribute","source":"ich"}',
        '{"relation":"has-attribute","source":"ich","strength":0.5,"subject":"rose","target":"rot"}',
        "",
    ]
    assert [r.where for r in jsonl.read(path).relations()] == [f"{path}:3"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ":1: the file is empty"),
        ([ROBIN], ":1: the first line must be a header"),
        ([HEADER.replace(":1", ":2")], ":1: written in version 2 .* install a newer fgmm"),
        ([HEADER.replace(":1", ":true")], ":1: the version is True"),
        ([HEADER, "", ROBIN, ROBIN], r":4: the id 'robin' is there already \(.*:3\): take one"),
        ([HEADER, '{"id":'], ":2: no valid JSON: .* at column 7"),
        ([HEADER, "[1]"], ":2: a line must hold one JSON object"),
        ([HEADER, '{"id":"a","id":"b","source":"x"}'], ":2: the key 'id' is there twice"),
        ([HEADER, '{"id":"a"}'], ":2: the key 'source' is missing"),
        ([HEADER, '{"id":7,"source":"x"}'], ":2: the id of a concept is 7"),
        ([HEADER, '{"id":"a","source":"x","colour":1}'], ":2: the key 'colour' is unknown .*extra"),
        ([HEADER, '{"id":"a","source":"x","extra":1}'], ':2: "extra" is 1'),
        ([HEADER, '{"id":"a","source":"x","extra":{"concept":1}}'], ":2: .* is ours"),
        ([HEADER, '{"id":"a","source":"x","descriptions":["red"]}'], ":2: .* keys text and source"),
        (
            [HEADER, '{"subject":"a","relation":"is-a","target":"b"}'],
            ":2: the key 'source' is miss",
        ),
        (
            [HEADER, '{"subject":"a","relation":"eats","target":"b","source":"x"}'],
            ":2: .*'eats'; it must be one of",
        ),
        (
            [HEADER, '{"relation":"is-a","source":"x","strength":NaN,"subject":"a","target":"b"}'],
            ":2: NaN is no JSON number",
        ),
        ([HEADER, "[" * 100_000], ":2: JSON nested too deep"),
        ([HEADER, '{"id":' + "9" * 5000 + "}"], ":2: .*"),
        (
            ['{"concepts":2,"format":"fgmm-knowledge","version":1}', ROBIN],
            ":2: .* 1 concepts, .* 2",
        ),
        (
            ['{"concepts":0,"format":"fgmm-knowledge","version":1}', ROBIN],
            ":2: .* 1 concepts, .* 0",
        ),
        ([HEADER, b'{"id":"\xff"}'], ":2: no UTF-8 at byte 8: save"),
    ],
)
def test_a_malformed_file_is_refused_with_file_line_and_cure(tmp_path, lines, said):
    path = tmp_path / "hostile.jsonl"
    parts = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(b"".join(part + b"\n" for part in parts))
    with pytest.raises(FormatError, match=rf"hostile\.jsonl{said}"):
        jsonl.read(path)


def test_a_file_with_a_line_too_long_or_too_many_lines_is_refused(tmp_path):
    path = tmp_path / "long.jsonl"
    path.write_bytes(HEADER.encode() + b"\n" + b"x" * (plain_files.MAX_LINE_BYTES + 1))
    with pytest.raises(FormatError, match=r"long\.jsonl:2: longer than 4000000 bytes"):
        jsonl.read(path)
    path.write_text("a\n\nb\nc\n")
    with pytest.raises(FormatError, match=r"long\.jsonl:4: more than 3 lines"):
        list(plain_files.numbered_lines(path, max_lines=3))
    path.write_text("\ufeffabcde\r\nab")
    assert list(plain_files.numbered_lines(path, max_line_bytes=8)) == [(1, "abcde"), (2, "ab")]


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, float("nan"), b"x", object()])
def test_what_json_would_change_is_refused_and_the_old_file_stays(birds, tmp_path, value):
    path = tmp_path / "g.jsonl"
    jsonl.write(birds, path)
    before = path.read_bytes()
    plain = birds.to_networkx()
    plain.nodes["robin"]["mine"] = value
    with pytest.raises(FormatError, match=r"'robin' has keys of your own .*convert them"):
        jsonl.write(KnowledgeGraph.from_networkx(plain), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
