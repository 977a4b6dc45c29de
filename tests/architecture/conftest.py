"""The source files of the three packages, read and not imported.

A test that takes ``source`` runs once for every module; one that takes ``public_object`` once for
every public function, class and method; ``exported_object`` are those a package exports.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("fgmm", "knowledge", "fewshot")


@dataclass(frozen=True)
class Source:
    """One module's file."""

    path: Path

    @cached_property
    def module(self) -> str:
        """Its dotted name."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text("utf-8"))

    @cached_property
    def public(self) -> list[str] | None:
        """What stands in ``__all__ = [...]``; None without one. An error if it is not a literal."""
        for node in self.tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                    return ast.literal_eval(node.value)
        return None

    @cached_property
    def public_objects(self) -> list[str]:
        """Public functions, classes and their own methods that are defined here, dotted."""
        found = []
        for node in self.tree.body:
            if getattr(node, "name", None) not in (self.public or ()):
                continue
            found.append(f"{self.module}.{node.name}")
            if isinstance(node, ast.ClassDef):
                methods = (n.name for n in node.body if isinstance(n, ast.FunctionDef))
                home = found[-1]
                found += [f"{home}.{name}" for name in methods if not name.startswith("_")]
        return list(dict.fromkeys(found))  # an overloaded function is defined several times


SOURCES = [Source(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "source" in metafunc.fixturenames:
        metafunc.parametrize("source", SOURCES, ids=lambda source: source.module)
    if "public_object" in metafunc.fixturenames:
        names = [name for source in SOURCES for name in source.public_objects]
        metafunc.parametrize("public_object", names)
    if "exported_object" in metafunc.fixturenames:
        packages = [source for source in SOURCES if source.path.name == "__init__.py"]
        exported = {name for source in packages for name in source.public or ()}
        homes = [source for source in SOURCES if set(source.public or ()) & exported]
        names = [
            name
            for source in homes
            for name in source.public_objects
            if name.removeprefix(f"{source.module}.").split(".")[0] in exported
        ]
        metafunc.parametrize("exported_object", names)


@pytest.fixture
def packages() -> tuple[str, ...]:
    return PACKAGES


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def sources() -> list[Source]:
    return SOURCES
