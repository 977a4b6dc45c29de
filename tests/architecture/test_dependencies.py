"""What the packages import is what pyproject.toml declares, and the other way round."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# What the empty rooms will need: take a name out when its package comes to use it.
AWAITED: set[str] = set()


def plain_name(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement).group()
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def distributions() -> dict[str, set[str]]:
    """Import name -> names of the distributions that install it."""
    found = importlib.metadata.packages_distributions()
    return {name: {plain_name(d) for d in owners} for name, owners in found.items()}


def imported(sources) -> dict[str, set[str]]:
    """Third-party import names, lazy ones too, each with the modules that import it."""
    found: dict[str, set[str]] = {}
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            else:
                continue
            for name in names:
                found.setdefault(name.split(".")[0], set()).add(source.module)
    ours = {source.module.split(".")[0] for source in sources}
    return {k: v for k, v in found.items() if k not in sys.stdlib_module_names | ours}


def typing_only(source) -> set[str]:
    """Import names used by nobody but the type checker."""
    found = set()
    for block in ast.walk(source.tree):
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING":
            for node in block.body:
                if isinstance(node, ast.ImportFrom):
                    found.add(node.module.split(".")[0])
    return found


def test_everything_imported_is_declared(sources, project, distributions):
    extras = project["project"]["optional-dependencies"].values()
    declared = {plain_name(r) for r in project["project"]["dependencies"]}
    declared |= {plain_name(r) for extra in extras for r in extra}
    undeclared = {}
    for name, users in imported(sources).items():
        if all(name in typing_only(s) for s in sources if s.module in users):
            continue
        owners = distributions.get(name, {plain_name(name)})
        if owners.isdisjoint(declared):
            undeclared[name] = sorted(users)
    assert undeclared == {}, "add it to [project] dependencies in pyproject.toml"


def test_everything_declared_is_imported(sources, project, distributions):
    used = {owner for name in imported(sources) for owner in distributions.get(name, ())}
    declared = {plain_name(r) for r in project["project"]["dependencies"]}
    assert declared - used == AWAITED


def test_every_declaration_has_a_lower_bound_and_no_upper(project):
    for requirement in project["project"]["dependencies"]:
        assert ">=" in requirement, requirement
        assert "<" not in requirement, requirement
        assert "==" not in requirement, requirement
