"""Look-alikes and what tells them apart, by hand and by slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from knowledge import AttributeMatrix, Difference, Trait, find_lookalikes, tell_apart
from knowledge.errors import ConceptNotFound, GraphError


def random_matrix(seed: int, n: int = 30, m: int = 8) -> AttributeMatrix:
    """Coarse strengths, so that there are ties; some rows are empty, some entries stated 0."""
    rng = np.random.default_rng(seed)
    dense = rng.integers(0, 3, size=(n, m)) / 2
    known = (rng.random((n, m)) < 0.5) & (np.arange(n) % 7 > 0)[:, None]
    rows, columns = np.nonzero(known)
    strengths = sparse.csr_array((dense[known], (rows, columns)), shape=(n, m))
    ids = tuple(f"c{i}" for i in range(n))
    return AttributeMatrix(strengths, ids, tuple(Trait(f"t{j}") for j in range(m)))


@pytest.mark.parametrize("n", [1, 3, 29, 99])
@pytest.mark.parametrize("seed", range(5))
def test_lookalikes_against_slow_loops(seed, n):
    matrix = random_matrix(seed)
    rows = matrix.dense().tolist()

    def cosine(a, b):
        length = math.hypot(*a) * math.hypot(*b)
        return sum(x * y for x, y in zip(a, b, strict=True)) / length if length else 0.0

    for me in (1, 7, 12):
        wanted = {f"c{i}": cosine(rows[me], row) for i, row in enumerate(rows) if i != me}
        wanted = {id: value for id, value in wanted.items() if value > 0}
        found = find_lookalikes(matrix, f"c{me}", n)
        assert len(found) == min(n, len(wanted))
        assert dict(found) == pytest.approx({id: wanted[id] for id, _ in found})
        values = [value for _, value in found]
        assert values == sorted(values, reverse=True)
        assert values == pytest.approx(sorted(wanted.values(), reverse=True)[:n])


def test_equal_ones_come_in_the_order_of_the_rows_and_twins_are_at_one():
    strengths = sparse.csr_array(np.array([[0.3, 0.7], [1, 0], [0.3, 0.7], [1, 0], [0, 0]]))
    matrix = AttributeMatrix(strengths, tuple("abcde"), (Trait("x"), Trait("y")))
    found = find_lookalikes(matrix, "a")
    assert [id for id, _ in found] == ["c", "b", "d"]
    assert found[0].similarity == pytest.approx(1)
    assert found[0].similarity <= 1
    assert [id for id, _ in find_lookalikes(matrix, "a", 2)] == ["c", "b"]
    ids = tuple(map(str, range(101)))
    many = AttributeMatrix(matrix.strengths[[0] + [1, 2] * 50], ids, matrix.traits)
    assert [int(id) for id, _ in find_lookalikes(many, "0", 70)] == [
        *range(2, 101, 2),
        *range(1, 40, 2),
    ]
    assert find_lookalikes(matrix, "e") == (), "of whom nothing is known, nobody is like"


def test_tell_apart_by_hand(colours):
    matrix = AttributeMatrix.of(colours)
    assert tell_apart(matrix, "robin", "magpie") == (
        Difference(Trait("black", "tail"), 0.0, 1.0),
        Difference(Trait("red"), pytest.approx(0.8), 0.0),
        Difference(Trait("black", "wing"), 0.0, 0.6),
    )
    assert tell_apart(matrix, "robin", "magpie", unknown=None) == ()
    (red,) = tell_apart(matrix, "robin", colours["wren"], unknown=None)
    assert red == Difference(Trait("red"), pytest.approx(0.8), 0.0), "a stated 0 is known"
    assert tell_apart(matrix, "wren", "robin", unknown=None) == ((red[0], red[2], red[1]),)
    assert len(tell_apart(matrix, "robin", "magpie", 2)) == 2


@pytest.mark.parametrize("unknown", [None, 0.0, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_tell_apart_against_slow_loops(seed, unknown):
    matrix = random_matrix(seed)
    dense = matrix.dense(unknown or 0.0)
    known = matrix.dense(0.25) != 0.25  # strengths are halves
    for a, b in [(1, 2), (3, 7), (8, 9)]:
        wanted = []
        for j, trait in enumerate(matrix.traits):
            if unknown is None and not (known[a, j] and known[b, j]):
                continue
            if dense[a, j] != dense[b, j]:
                wanted.append((trait, dense[a, j], dense[b, j]))
        wanted.sort(key=lambda d: -abs(d[1] - d[2]))  # stable
        found = tell_apart(matrix, f"c{a}", f"c{b}", unknown=unknown)
        assert list(found) == [Difference(*each) for each in wanted]


def test_what_cannot_be_is_refused(colours):
    matrix = AttributeMatrix.of(colours)
    with pytest.raises(
        ConceptNotFound, match=r"'European robin' is none of the 4 rows here: .* graph\.find"
    ):
        find_lookalikes(matrix, "European robin")
    with pytest.raises(ConceptNotFound, match=r"'Robyn' is none .*; the nearest is 'robin'"):
        tell_apart(matrix, "wren", "Robyn")
    with pytest.raises(GraphError, match="both are 'robin'"):
        tell_apart(matrix, "robin", colours["robin"])
    with pytest.raises(ConceptNotFound, match="'emu'"):
        tell_apart(matrix, "robin", "emu")
    with pytest.raises(GraphError, match="n is 0"):
        find_lookalikes(matrix, "robin", 0)
    with pytest.raises(GraphError, match="n is 0"):
        tell_apart(matrix, "robin", "wren", 0)
    with pytest.raises(GraphError, match="unknown is 2"):
        tell_apart(matrix, "robin", "wren", unknown=2)


def test_without_traits_the_lack_is_told(birds):
    bare = AttributeMatrix.of(birds, ["gull", "robin"])
    with pytest.raises(GraphError, match=r"the matrix has no traits, .* has-attribute"):
        find_lookalikes(bare, "gull")
