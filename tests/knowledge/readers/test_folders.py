"""Small folders in the forms of CUB and AwA, whole and broken."""

from __future__ import annotations

import pytest

from knowledge import read_graph

CUB = {
    "classes.txt": ["1 001.Red_robin", "2 002.Gull"],
    "attributes.txt": ["1 has_bill_shape::hooked", "2 has_primary_color::red"],
    "class_attribute_labels_continuous.txt": ["0.0 100.0", "62.5 1.25"],
}
AWA = {
    "classes.txt": ["     1\tpolar+bear", "     2\tox"],
    "predicates.txt": ["     1\twhite"],
    "predicate-matrix-binary.txt": ["1", "0"],
}


def make(write, files, **changes):
    path = None
    for name, lines in {**files, **changes}.items():
        path = write(f"set/{name}", *lines)
    return path.parent


def test_cub_as_published_has_its_files_in_folders(write):
    nested = {
        "classes.txt": CUB["classes.txt"],
        "attributes/attributes.txt": CUB["attributes.txt"],
        "attributes/class_attribute_labels_continuous.txt": CUB[
            "class_attribute_labels_continuous.txt"
        ],
        "parts/parts.txt": ["1 left eye", "2 bill"],
    }
    graph = read_graph(make(write, nested).parent)
    assert graph.attributes("Gull") == {
        "has_bill_shape::hooked": 0.625,
        "has_primary_color::red": 0.0125,
    }
    assert graph.attributes("Red robin", part="bill") == {"has_bill_shape::hooked": 0.0}
    assert {c.id for c in graph.concepts(kind="part")} == {"bill", "left eye"}


def test_awa_by_hand(write):
    graph = read_graph(make(write, AWA))
    assert graph.attributes("polar bear") == {"white": 1.0}
    assert graph.attributes("ox") == {"white": 0.0}
    percent = read_graph(make(write, AWA, **{"predicate-matrix-continuous.txt": ["62.5", "-1.00"]}))
    assert percent.attributes("polar bear") == {"white": 0.625}
    assert percent.attributes("ox") == {}


@pytest.mark.parametrize(
    ("files", "name", "lines", "said"),
    [
        (CUB, "classes.txt", ["1 001.Red", "3 003.Gull"], r"classes\.txt:2: '3 003.Gull' should"),
        (CUB, "classes.txt", ["1 robin", "2 gull"], r"classes\.txt:1: 'robin' is no class such"),
        (CUB, "classes.txt", ["1 001.Gull", "2 001.Gull"], r"classes\.txt:2: .* there already"),
        (CUB, "attributes.txt", ["1 red", "2 blue"], r"attributes\.txt:1: 'red' is no attribute"),
        (AWA, "predicate-matrix-binary.txt", ["1"], r":2: 1 rows for 2 classes: .* cut short"),
        (AWA, "predicate-matrix-binary.txt", ["1", "0", "0"], r":3: more rows than the 2 classes"),
        (AWA, "predicate-matrix-binary.txt", ["1 1", "0"], r":1: 2 columns for 1 attributes"),
        (AWA, "predicate-matrix-binary.txt", ["nan", "0"], r":1: 'nan' is no strength; .* 0 to 1:"),
        (AWA, "predicate-matrix-continuous.txt", ["101", "0"], r":1: '101' is no .* 0 to 100:"),
        (
            AWA,
            "predicates.txt",
            ["1 ox"],
            r"predicates\.txt:1: the id 'ox' is there already .*:2\)",
        ),
    ],
)
def test_a_broken_folder_is_refused(write, files, name, lines, said):
    with pytest.raises(ValueError, match=said):
        read_graph(make(write, files, **{name: lines}))


def test_a_missing_file_and_one_that_is_there_twice(write):
    folder = make(write, CUB)
    write("set/more/classes.txt", "1 001.Gull")
    with pytest.raises(ValueError, match=r"classes\.txt:1: classes\.txt is there twice, also as"):
        read_graph(folder)
    (folder / "more/classes.txt").unlink()
    (folder / "classes.txt").unlink()
    with pytest.raises(ValueError, match=r"classes\.txt:1: no such file: copy it there"):
        read_graph(folder)
