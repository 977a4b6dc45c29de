"""Labels from the command line and from files."""

from __future__ import annotations

import pytest

from fgmm.command.label_list import (
    check_labels,
    read_label_file,
    repeated_labels,
    split_labels,
)
from fgmm.errors import CandidateError


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ("great tit\n\n  blue tit  \r\n", ["great tit", "blue tit"]),
        ("\ufeffgreat tit\n", ["great tit"]),
        (
            "pm\tgreat tit\npm\tKohlmeise\ncc\tblue tit\nx\n",
            {"pm": ["great tit", "Kohlmeise"], "cc": ["blue tit"], "x": ["x"]},
        ),
        (
            "pm\tgreat tit\t Kohlmeise\ncc\t\tblue tit\t\nx\n",
            {"pm": ["great tit", "Kohlmeise"], "cc": ["blue tit"], "x": ["x"]},
        ),
        ('["great tit", "blue, tit"]', ["great tit", "blue, tit"]),
        (
            '{"pm": ["great tit", "x"], "cc": "blue tit"}',
            {"pm": ["great tit", "x"], "cc": "blue tit"},
        ),
        ("[draft] tit\n", ["[draft] tit"]),
        ("# of the garden\n  # at dusk\n#\n#1 dahlia\nrose # red\n", ["#1 dahlia", "rose # red"]),
        ("# label, tab, text\npm\tgreat tit\n#\thash\n", {"pm": ["great tit"], "#": ["hash"]}),
    ],
)
def test_label_files(tmp_path, content, labels):
    path = tmp_path / "labels.txt"
    path.write_bytes(content.encode())
    assert read_label_file(path) == labels


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.txt", b"\n \n", "holds no label"),
        ("x.txt", b"# only\n#\n", "holds no label"),
        ("x.txt", b"caf\xe9\n", r"x\.txt is not UTF-8 text \(byte 3\)"),
        ("x.json", b'{"a": ', "is not JSON"),
        ("x.json", b'{"a": "x", "a": "y"}', "label 'a' is given twice"),
        ("x.json", b'"a"', "write a list of labels"),
    ],
)
def test_bad_label_files_are_named(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CandidateError, match=words):
        read_label_file(path)


def test_labels_that_stand_on_several_lines_are_counted(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("# a\npm\tgreat tit\ncc\tblue tit\n pm \tKohlmeise\npm\n")
    assert repeated_labels(path) == {"pm": 3}
    path.write_text('["a", "b"]')
    assert repeated_labels(path) == {}


def test_labels_split_at_commas_unless_quoted():
    assert split_labels('great tit,"tit, blue" , x') == ["great tit", "tit, blue", "x"]
    assert split_labels("") == []


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([], r'there are no candidates: give some, as in --labels "great tit, blue tit"'),
        ({}, "there are no candidates"),
        (["a", "A", "b", " a", "a"], r"^'a' is given 4 times \(also as 'A', ' a'\)\. Case"),
        (["a", "a"], r"^'a' is given 2 times\. Case"),
        (["caf\u00e9", "cafe\u0301"], "is given 2 times"),
        ([str(i // 2) for i in range(10)], r"^'0' .*; '1' .*; '2' is given 2 times; and 2 more\."),
        (["a", ""], "candidate 1 is '', an empty text"),
        ({"a": ["x"], "b": []}, "candidate 'b' has no texts"),
        (["a", 5], "candidate 1 is 5, a int"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused_in_the_commands_words(labels, words):
    with pytest.raises(CandidateError, match=words):
        check_labels(labels)


def test_labels_that_can_be_told_apart_are_let_pass():
    check_labels(["great tit", "blue tit"])
    check_labels({"pm": ["great tit", "Kohlmeise"], "cc": "great tit"})
