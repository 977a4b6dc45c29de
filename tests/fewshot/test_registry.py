"""Heads by name, those of other packages too."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import fewshot
from fewshot import PrototypeHead, head_names, load_head, registry
from fewshot.errors import HeadNotFound, HeadParameterError


def test_the_library_s_own_come_first_and_once():
    names = head_names()
    assert names[: len(registry.HEADS)] == tuple(registry.HEADS)
    assert len(set(names)) == len(names)


def test_every_head_has_one_name_and_is_exported_from_its_module():
    for module, kind in registry.HEADS.values():
        assert fewshot._HOME[kind] == f"fewshot.heads.{module}"
    kinds = [kind for _, kind in registry.HEADS.values()]
    assert len(set(kinds)) == len(kinds)


def test_a_head_s_class_can_be_found_without_making_one(plugins):
    assert registry.find_head("prototype") is PrototypeHead
    assert registry.find_head("zebra") is fewshot.SimpleShotHead
    with pytest.raises(HeadNotFound, match="Did you mean 'ridge'"):
        registry.find_head("rigde")


def test_parameters_go_to_the_head_which_comes_in_eval_mode():
    head = load_head("prototype", distance="cosine", scale=3.0)
    assert (type(head), head.distance, head.scale) == (PrototypeHead, "cosine", 3.0)
    assert not head.training


@pytest.mark.parametrize(
    ("name", "near"),
    [("Prototype", "'prototype'"), ("simpleshot", "'simple-shot'"), ("lp", "'lp[+][+]'")],
)
def test_a_name_nearly_right_is_told_the_nearest(name, near):
    with pytest.raises(HeadNotFound, match=f"no head is called '{name}'. Did you mean {near}"):
        load_head(name)


def test_a_name_like_no_other_gets_the_way_to_the_list():
    with pytest.raises(LookupError, match=r"'###'\. `fewshot.head_names") as caught:
        load_head("###")
    assert "Did you mean" not in str(caught.value)


@pytest.fixture
def plugins(monkeypatch):
    """Two heads of another package; one of them has the name of ours."""
    points = [
        importlib.metadata.EntryPoint(name, "fewshot.heads.simple_shot:SimpleShotHead", group)
        for name, group in (("zebra", "fewshot.heads"), ("prototype", "fewshot.heads"))
    ]

    def found(*, group):
        return [point for point in points if point.group == group]

    monkeypatch.setattr(registry, "entry_points", found)


def test_another_package_s_head_is_found_by_its_name(plugins):
    assert head_names()[-1] == "zebra"
    assert type(load_head("zebra", scale=2.0)) is fewshot.SimpleShotHead
    with pytest.raises(HeadNotFound, match="Did you mean 'zebra'"):
        load_head("zebras")


def test_another_package_cannot_take_the_place_of_ours(plugins):
    assert head_names().count("prototype") == 1
    assert type(load_head("prototype")) is PrototypeHead


def test_names_by_condition_part_the_heads_and_leave_out_what_cannot_be_loaded(monkeypatch):
    lost = importlib.metadata.EntryPoint("zebra", "no_such_package:Head", "fewshot.heads")
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [lost])
    alone, joint = head_names(inductive=True), head_names(inductive=False)
    assert sorted((*alone, *joint)) == sorted(registry.HEADS)
    assert all(load_head(name).transductive for name in joint)
    assert not any(load_head(name).transductive for name in alone)
    asking = head_names(words=True)
    assert asking == tuple(n for n in registry.HEADS if "words" in load_head(n).needs)
    assert head_names(inductive=True, words=True) == tuple(n for n in alone if n in asking)
    assert head_names()[-1] == "zebra"


def test_importing_and_listing_heads_loads_no_torch():
    code = "import sys, fewshot; fewshot.head_names(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "tip-adapter",
            {"alpa": 3},
            r"tip-adapter has no parameter 'alpa': it has alpha=1.0, beta=5.5.*mean 'alpha'",
        ),
        ("fused", {"scale": 1}, "fused has no parameter 'scale': it has none"),
        ("zero-shot", {"x": 1}, "zero-shot has no parameter 'x': it has none"),
        ("clap", {"strength": 1.0, "qq": 2}, "clap has no parameter 'qq': it has strength=100.0"),
    ],
)
def test_a_parameter_that_a_head_lacks_is_told_with_those_it_has(name, given, message):
    with pytest.raises(HeadParameterError, match=message):
        load_head(name, **given)
    with pytest.raises(TypeError):
        load_head(name, **given)


def test_a_head_that_takes_any_parameter_gets_them(monkeypatch):
    class Any(PrototypeHead):
        def __init__(self, **given):
            super().__init__()
            self.given = given

    monkeypatch.setattr(registry, "find_head", lambda name: Any)
    assert load_head("any", x=3).given == {"x": 3}


def test_parameters_in_the_name_are_keywords_in_python():
    message = r"parameters are keywords here: load_head\('tip-adapter', alpha=3,beta=1\)"
    with pytest.raises(HeadNotFound, match=message):
        load_head("tip-adapter:alpha=3,beta=1")


def test_a_name_is_a_text():
    with pytest.raises(HeadNotFound, match=r"a head's name is <class .*: give a text"):
        load_head(PrototypeHead)


def test_a_parameter_without_a_default_is_asked_for(monkeypatch):
    monkeypatch.setattr(registry, "find_head", lambda name: fewshot.TunedHead)
    with pytest.raises(HeadParameterError, match="x needs the parameter 'candidates': it has cand"):
        load_head("x")


def test_a_head_s_own_parameters_are_listed():
    found = registry.head_parameters("prototype")
    assert {k: p.default for k, p in found.items()} == {"distance": "euclidean", "scale": None}
    assert registry.head_parameters("zero-shot") == {}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "no_such_package.heads:Head",
            r"ModuleNotFoundError \(No module named 'no_such_package'\)",
        ),
        ("fewshot.heads.ridge:NoHead", r"AttributeError \(.*NoHead"),
    ],
)
def test_another_package_s_head_that_cannot_be_loaded_is_told_with_its_package(
    monkeypatch, target, message
):
    class Package:
        name = "some-package"

    point = importlib.metadata.EntryPoint("zebra", target, "fewshot.heads")
    vars(point)["dist"] = Package
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point])
    with pytest.raises(HeadNotFound, match=rf"head 'zebra' of some-package .*{message}"):
        load_head("zebra")
