"""Attribute tables, wide and long."""

from __future__ import annotations

import csv

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge import Relation, read_graph


def test_a_wide_table_by_hand(read, tmp_path):
    graph = read(
        "birds.csv",
        "concept,common,scientific,rank,parent,source,red breast,hooked bill",
        'robin,"robin, European",Erithacus rubecula,species,bird,notes,0.95,0',
        "bird,,,class,,,,25%",
    )
    robin = graph["robin"]
    assert robin.common == ("robin, European",)
    assert (robin.scientific, robin.rank, robin.source) == (
        ("Erithacus rubecula",),
        "species",
        "notes",
    )
    assert robin.where == f"{tmp_path / 'birds.csv'}:2"
    assert graph["bird"].source == "birds.csv"
    assert graph.attributes("robin") == {"red breast": 0.95, "hooked bill": 0.0}
    assert graph.attributes("bird") == {"hooked bill": 0.25}  # a blank cell says nothing
    assert [c.id for c in graph.lineage("robin")] == ["robin", "bird"]


def test_a_long_table_by_hand(read, tmp_path):
    graph = read(
        "birds.tsv",
        "concept\tattribute\tstrength\tpart\tsource",
        "robin\tred\t0.95\tbreast\tnotes",
        "robin\tred\t\tface\t",
    )
    place = f"{tmp_path / 'birds.tsv'}:3"
    assert [*graph.relations()] == [
        Relation("robin", "has-attribute", "red", strength=0.95, part="breast", source="notes"),
        Relation("robin", "has-attribute", "red", part="face", source="birds.tsv"),
    ]
    assert [fact.where for fact in graph.relations()][1] == place
    assert {c.id: c.kind for c in graph.concepts(kind=None)} == {
        "robin": "concept",
        "red": "attribute",
        "breast": "part",
        "face": "part",
    }


def test_a_quoted_cell_may_run_over_lines_and_lines_are_still_counted(read, tmp_path):
    graph = read("t.csv", "concept,common,red", 'a,"x', 'y",1', "b,z,0")
    assert graph["a"].common == ("x\ny",)
    assert graph["b"].where == f"{tmp_path / 't.csv'}:4"


@given(
    st.dictionaries(
        st.text("abc,\"' é\t", min_size=1).filter(lambda s: s.strip() == s and s.strip("\"'")),
        st.lists(st.floats(0, 1) | st.none(), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_csv_writes_is_read(tmp_path, table):
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["concept", "red", "blue"])
        writer.writerows(
            [name, *("" if s is None else repr(s) for s in row)] for name, row in table.items()
        )
    graph = read_graph(path, format="table")
    assert {c.id for c in graph.concepts()} == set(table)
    for name, row in table.items():
        known = {k: v for k, v in zip(("red", "blue"), row, strict=True) if v is not None}
        assert graph.attributes(name) == known


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_the_sign_between_cells_is_told(read, sign):
    graph = read("t.txt", sign.join(["name", "red", "blue"]), sign.join(["a", "1", "0.5"]))
    assert graph.attributes("a") == {"red": 1.0, "blue": 0.5}
