"""What the packages say is public, and whether it is so."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from pathlib import Path

import pytest

FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}


def sort_key(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then the rest, as ruff (RUF022) sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def test_all_is_literal_sorted_and_true(source):
    names = source.public
    if names is None:
        assert source.path.name == "__init__.py" or source.module == "fgmm._version", (
            "a module says what is public of it: __all__ = [...]"
        )
        return
    assert names == sorted(set(names), key=sort_key)
    module = importlib.import_module(source.module)
    assert [name for name in names if not hasattr(module, name)] == []


def test_no_public_name_is_also_a_module(source):
    # A function `evaluate` in `evaluate.py` turns into the module as soon as anyone imports it.
    names = set(source.public or ())
    assert source.path.stem not in names
    if source.path.name == "__init__.py":
        beside = {path.stem for path in source.path.parent.glob("*.py")}
        beside |= {path.parent.name for path in source.path.parent.glob("*/__init__.py")}
        assert beside.isdisjoint(names)


def test_modules_have_names_that_say_something(source):
    assert FORBIDDEN.isdisjoint(source.module.split("."))


@pytest.mark.parametrize("package", ["fgmm", "fewshot", "knowledge"])
def test_what_is_imported_on_first_use_is_what_editors_see(package, sources):
    (source,) = (s for s in sources if s.module == package)
    seen_by_editors = {
        alias.name: node.module
        for block in source.tree.body
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(seen_by_editors) == set(source.public) - {"__version__"}
    module = importlib.import_module(package)
    for name, home in seen_by_editors.items():
        value = getattr(module, name)
        assert value is getattr(importlib.import_module(home), name)
        assert not inspect.ismodule(value)


def test_the_packages_under_test_are_those_of_this_checkout(packages, root):
    for package in packages:
        assert Path(importlib.util.find_spec(package).origin).parent == root / package
