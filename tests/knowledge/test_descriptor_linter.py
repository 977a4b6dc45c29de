"""The linter of descriptors: every kind by hand, and the published files."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import DescriptorFinding, lint_descriptors

PAGE = Path(__file__).parents[2] / "docs" / "knowledge.md"


def kinds(*sentences: object) -> list[tuple[int, str]]:
    return [(f.index, f.kind) for f in lint_descriptors({"gull": list(sentences)})]


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("a long, hooked bill", "which-is"),
        ("A white head and neck", "which-is"),
        ("an orange eye-ring", "which-is"),
        ("a black and white tail with a bar", "which-is"),
        ("a wingspan of up to 3.5 feet", "which-is"),
        ("which is a long, hooked bill", "fragment"),
        ("and feet are yellow", "fragment"),
        ("There are several useful features to look for", "chatter"),
        ("Here are some features:", "chatter"),
        ("I am not entirely sure what you are asking", "chatter"),
        ("", "empty"),
        (" \n", "empty"),
        (7, "not-text"),
        ("red " * 21, "long"),
    ],
)
def test_what_is_found(sentence, kind):
    assert kinds(sentence) == [(0, kind)]


@pytest.mark.parametrize(
    "sentence",
    [
        "a seabird",
        "a black bird with a long, curved bill",
        "a large bird and a good swimmer",
        "long, hooked bill",
        "has a long bill",
        "white with black wings",
        "there is a stripe on the wing",
        "red " * 20,
    ],
)
def test_what_is_left_alone(sentence):
    assert kinds(sentence) == []


def test_duplicates_are_of_one_class_and_after_folding():
    assert kinds("black feet", "Black-feet ", "white") == [(1, "duplicate")]
    assert lint_descriptors({"a": ["black feet"], "b": ["black feet"]}) == []


def test_classes_without_sentences(tmp_path):
    said = {"a": [], "b": "a bird", "c": ["x"]}
    expected = [
        DescriptorFinding("a", -1, "empty", ""),
        DescriptorFinding("b", -1, "not-text", "a bird"),
    ]
    assert lint_descriptors(said) == expected
    (tmp_path / "said.json").write_text(json.dumps(said))
    assert lint_descriptors(tmp_path / "said.json") == expected


@given(st.lists(st.text(max_size=30), max_size=6), st.integers(1, 5))
def test_a_finding_points_at_its_sentence(sentences, max_words):
    for finding in lint_descriptors({"a": sentences}, max_words=max_words):
        if finding.index >= 0:
            assert finding.text == sentences[finding.index]
        if finding.kind == "long":
            assert len(finding.text.split()) > max_words


def test_what_cannot_be_checked(tmp_path):
    (tmp_path / "x").write_text("[1]")
    with pytest.raises(ValueError, match=r"x:1: no .*: write it so"):
        lint_descriptors(tmp_path / "x")
    with pytest.raises(ValueError, match=r"max_words is 0; .*: give 20"):
        lint_descriptors({}, max_words=0)


@pytest.mark.data
def test_the_figures_on_the_page_are_those_of_the_file(data_folder):
    path = data_folder / "knowledge/descriptors/descriptors_cub.json"
    if not path.is_file():
        pytest.skip(f"no descriptors at {path}")
    found = Counter(f.kind for f in lint_descriptors(path))
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", PAGE.read_text("utf-8"), re.M)
    assert {kind: int(n) for kind, n in rows if int(n)} == found


@pytest.mark.data
def test_bills_and_tails_of_cub_against_a_plain_search(data_folder):
    path = data_folder / "knowledge/descriptors/descriptors_cub.json"
    if not path.is_file():
        pytest.skip(f"no descriptors at {path}")
    said = [s for sentences in json.loads(path.read_text()).values() for s in sentences]
    simple = [s for s in said if re.fullmatch(r"a [^ ]+,? ([^ ]+ )?(bill|tail|beak)", s)]
    found = Counter(f.text for f in lint_descriptors(path) if f.kind == "which-is")
    assert len(simple) > 100
    assert all(found[s] == n for s, n in Counter(simple).items())
    kinds_of_bird = [s for s in said if re.fullmatch(r"a ([^ ]+ )*\w*bird", s)]
    assert kinds_of_bird
    assert not {*kinds_of_bird} & {*found}
