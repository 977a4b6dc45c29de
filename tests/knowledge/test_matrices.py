"""The attribute matrix against the graph's own answers, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import AttributeMatrix, Concept, KnowledgeGraph, Relation, Trait
from knowledge.errors import ConceptNotFound, GraphError, KnowledgeError

NAN = float("nan")


def test_by_hand(colours):
    matrix = AttributeMatrix.of(colours)
    assert matrix.concepts == ("bird", "robin", "wren", "magpie")
    assert matrix.traits == (
        Trait("red"),
        Trait("black", "tail"),
        Trait("black", "wing"),
        Trait("feathered"),
    )
    wanted = [
        [0.2, 0.5, 0.5, 1.0],
        [0.8, 0.5, 0.5, 0.5],
        [0.0, 0.5, 0.5, 0.5],
        [0.5, 1.0, 0.6, 0.5],
    ]
    assert matrix.dense(unknown=0.5) == pytest.approx(np.array(wanted))
    assert matrix.strengths.nnz == 6, "a stated 0 is stored, silence is not"
    assert (matrix.dense() == matrix.strengths.toarray()).all()


def test_the_lineage_is_inherited_where_the_concept_is_silent(colours):
    matrix = AttributeMatrix.of(colours, ["wren", "magpie"], inherited=True)
    found = dict(zip(matrix.traits, matrix.dense().T.tolist(), strict=True))
    assert found[Trait("red")] == [0.0, 0.2], "what the wren says itself counts, though it is 0"
    assert found[Trait("feathered")] == [1.0, 1.0]


@given(st.data())
def test_every_entry_is_what_the_graph_says(make_dag, data):
    graph, _ = make_dag(data.draw(st.integers(0, 10**6)), n=7)
    ids = st.sampled_from([c.id for c in graph.concepts()])
    facts = st.builds(
        Relation,
        ids,
        st.just("has-attribute"),
        st.sampled_from(["x", "y"]),
        strength=st.floats(0, 1),
        part=st.sampled_from(["", "wing"]),
        source=st.just("notes"),
    )
    graph.add(*data.draw(st.lists(facts, max_size=15)))
    inherited = data.draw(st.booleans())
    matrix = AttributeMatrix.of(graph, inherited=inherited)
    assert matrix.strengths.nnz == sum(
        len(graph.attributes(c, part=part, inherited=inherited))
        for c in graph.concepts()
        for part in ("", "wing")
    )
    for row, concept in zip(matrix.dense(0.123), matrix.concepts, strict=True):
        for value, (attribute, part) in zip(row, matrix.traits, strict=True):
            said = graph.attributes(concept, part=part, inherited=inherited)
            assert value == said.get(attribute, 0.123)


def test_rows_are_selected_with_their_columns(colours):
    matrix = AttributeMatrix.of(colours)
    some = matrix.select(["wren", colours["bird"]])
    assert some.concepts == ("wren", "bird")
    assert some.traits == matrix.traits
    assert (some.dense(0.5) == matrix.dense(0.5)[[2, 0]]).all()
    assert AttributeMatrix.of(colours, ["Wrens", "bird"]).concepts == ("wren", "bird")


def test_nobody_can_change_it(colours):
    matrix = AttributeMatrix.of(colours)
    for changing in (matrix, matrix.select(["wren"])):
        with pytest.raises(ValueError, match="read-only"):
            changing.strengths.data[0] = 0.3
    matrix.dense()[0, 0] = 7
    assert matrix.dense()[0, 0] == 0.2


def test_nothing_known_is_a_matrix_without_columns():
    graph = KnowledgeGraph()
    assert AttributeMatrix.of(graph).dense().shape == (0, 0)
    graph.add(Concept("robin", source="notes"))
    assert AttributeMatrix.of(graph).dense().shape == (1, 0)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda g: AttributeMatrix.of(g, ["robbin"]), ConceptNotFound, "nearest is 'robin'"),
        (lambda g: AttributeMatrix.of(g, ["robin", "Robins"]), GraphError, "'robin': give it once"),
        (lambda g: AttributeMatrix.of(g, "robin"), GraphError, r"such as \['robin'\]"),
        (lambda g: AttributeMatrix.of(g).rows(["emu"]), ConceptNotFound, "none of the 4 rows"),
        (lambda g: AttributeMatrix.of(g).rows("emu"), GraphError, r"such as \['emu'\]"),
        (lambda g: AttributeMatrix.of(g).dense(1.5), GraphError, "give 0 to 1"),
        (lambda g: AttributeMatrix.of(g).dense(NAN), GraphError, "give 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused(colours, ask, error, message):
    with pytest.raises(error, match=message) as raised:
        ask(colours)
    assert isinstance(raised.value, KnowledgeError)
