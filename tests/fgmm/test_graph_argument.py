"""``--knowledge``: packs by name, files, and what is said of neither."""

from __future__ import annotations

import pytest
import typer

import fgmm.fieldguide
import knowledge
from fgmm.command.graph_argument import GRAPH_HELP, find_classes, list_unknown, open_graph
from fgmm.command.terminal import errors_in_words


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("pack", knowledge.pack_names())
def test_a_pack_comes_by_its_name(pack):
    assert open_graph(pack) == knowledge.load_pack(pack)
    assert pack in GRAPH_HELP, "a new pack is told in the help"


def test_the_field_guide_comes_by_its_name():
    assert open_graph("fieldguide") == fgmm.fieldguide.graph()


def test_a_file_comes_by_its_path_and_a_name_before_it(folder):
    table = "concept,red breast\nrobin,0.95\n"
    (folder / "birds.csv").write_text(table)
    (folder / "flowers").write_text(table)
    for path in ("birds.csv", str(folder / "birds.csv"), "./flowers"):
        assert open_graph(path).attributes("robin") == {"red breast": 0.95}
    assert open_graph("flowers") == knowledge.load_pack("flowers")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("flowres", "did you mean flowers?"),
        ("Field-Guide", "did you mean fieldguide?"),
        ("birds.csv", "packs are fieldguide, flowers, grocery: give the path"),
    ],
)
def test_what_is_neither_names_the_packs_and_the_nearest(given, told):
    with pytest.raises(typer.BadParameter, match=f"no file or folder {given}") as error:
        open_graph(given)
    assert told in error.value.message


def test_a_damaged_file_is_told_with_its_line(folder, capsys):
    (folder / "circle.csv").write_text("child,parent\na,b\nb,a\n")
    with pytest.raises(typer.Exit) as stopped, errors_in_words():
        open_graph("circle.csv")
    assert stopped.value.exit_code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: circle.csv:")
    assert "fault in fgmm" not in said


UNCLEAR = "concept\tred\nrobin\t1\n"


def test_a_format_may_be_named_before_the_path(folder):
    (folder / "birds.tsv").write_text(UNCLEAR)
    assert open_graph("table:birds.tsv").attributes("robin") == {"red": 1}
    tree = open_graph(f"parent-child:{folder / 'birds.tsv'}")
    assert [concept.id for concept in tree.parents("red")] == ["concept"]
    (folder / "table:x.csv").write_text("concept,red\nrobin,0.5\n")
    assert open_graph("table:x.csv").attributes("robin") == {"red": 0.5}, "a path comes first"
    assert "FORMAT:PATH" in GRAPH_HELP


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "birds.tsv",
            "could be of 2 formats: .* such as table:birds.tsv; .*be table, parent-child",
        ),
        (
            "prose.txt",
            "of no format .*: say which before the path, such as jsonl:prose.txt; .* rdf",
        ),
        ("tabel:birds.tsv", "'tabel' is no format: did you mean table:birds.tsv"),
        ("qq:birds.tsv", "'qq' is no format: formats are jsonl, table"),
        ("table:", "no file or folder , and"),
        ("table:missing.tsv", "no file or folder missing.tsv"),
        ("qq:missing.tsv", "no file or folder qq:missing.tsv"),
        ("", "no file or folder , and"),
    ],
)
def test_a_format_that_is_not_clear_is_asked_for_in_the_words_of_the_terminal(folder, given, told):
    (folder / "birds.tsv").write_text(UNCLEAR)
    (folder / "prose.txt").write_text("what is this?\n")
    with pytest.raises(typer.BadParameter, match=told) as error:
        open_graph(given)
    assert "read_graph" not in error.value.message


HOW = {"option": "--labels", "cure": "say more"}


def test_classes_are_found_by_label_and_then_by_name():
    flowers = knowledge.load_pack("flowers")
    named = {"azalea": ["sunflower"], "054": ["no such", "sunflower"], "x": ["no such flower"]}
    found, unknown = find_classes(flowers, named, **HOW)
    assert found == {"azalea": "azalea", "054": "sunflower"}
    assert len(unknown) == 1
    assert unknown[0].startswith("class 'x': no concept is called 'no such flower'")


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"a": ["sunflower"], "b": ["sunflowers"]}, "'a' and 'b' are one thing in this graph"),
        ({"qq": [], "zz": []}, "knows none of the 2 classes: .*'qq'.*; .*'zz'.* say more"),
    ],
)
def test_classes_that_cannot_be_used_are_refused(named, told):
    with pytest.raises(typer.BadParameter, match=told):
        find_classes(knowledge.load_pack("flowers"), named, **HOW)


def test_of_many_unknown_classes_three_are_named():
    assert list_unknown(["a", "b", "c"]) == "a; b; c"
    assert list_unknown([str(i) for i in range(9)]) == "0; 1; 2; and 6 more"
