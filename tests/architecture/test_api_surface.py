"""The public names and their signatures, as written down in api_surface.json.

A change here is a change for every user, so it is made twice: once in the code, once in the
inventory. Renew the inventory with

    make api          (or: python tests/architecture/test_api_surface.py)

and read the difference: what vanished or changed belongs in CHANGELOG.md.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from pathlib import Path

PACKAGES = ("fgmm", "knowledge", "fewshot")
ROOT = Path(__file__).resolve().parents[2]
NAMED = ["fgmm.encoders.base", "fgmm.errors"]
INVENTORY = Path(__file__).with_name("api_surface.json")


def public_modules() -> list[str]:
    """What users import from: the packages, and the modules that are named in the documents."""
    folders = [
        path.parent for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")
    ]
    return sorted([".".join(folder.relative_to(ROOT).parts) for folder in folders] + NAMED)


def signature(value: object) -> str:
    try:  # some Pythons quote annotations, some do not
        return re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(value)))
    except (TypeError, ValueError):
        return "(...)"


def describe(value: object) -> object:
    """What a user relies on: the kind, the parameters, a class's own public members."""
    if inspect.isclass(value) and value.__module__.split(".")[0] in PACKAGES:
        members = {}
        for owner in reversed(value.__mro__):
            if owner.__module__.split(".")[0] not in PACKAGES:
                continue
            for name, member in vars(owner).items():
                if not name.startswith("_"):
                    members[name] = describe_member(member)
        parents = [b.__name__ for b in value.__bases__ if b is not object]
        built = {} if issubclass(value, BaseException) else {"call": signature(value)}
        return {"class": parents, **built, **dict(sorted(members.items()))}
    return f"def {signature(value)}" if inspect.isroutine(value) else "value"


def describe_member(member: object) -> str:
    if isinstance(member, (classmethod, staticmethod)):
        return f"{type(member).__name__} {signature(member.__func__)}"
    if isinstance(member, property) or inspect.isdatadescriptor(member):
        return "attribute"
    return f"def {signature(member)}" if inspect.isroutine(member) else "value"


def inventory() -> dict[str, dict[str, object]]:
    """Public names by module; a name is described where it is defined, and pointed to elsewhere."""
    surface: dict[str, dict[str, object]] = {}
    for name in public_modules():
        module = importlib.import_module(name)
        surface[name] = {}
        for public in getattr(module, "__all__", ()):
            value = getattr(module, public)
            home = getattr(value, "__module__", None)
            elsewhere = home in public_modules() and home != name
            surface[name][public] = f"from {home}" if elsewhere else describe(value)
    return {name: names for name, names in surface.items() if names}


def test_the_public_names_are_those_written_down():
    written = json.loads(INVENTORY.read_text("utf-8"))
    found = inventory()
    changes = [
        f"{module}.{name}: written down {then!r}, found {now!r}"
        for module in sorted({*written, *found})
        for name in sorted({*written.get(module, {}), *found.get(module, {})})
        if (then := written.get(module, {}).get(name)) != (now := found.get(module, {}).get(name))
    ]
    assert changes == [], "if this is meant, renew the inventory with `make api`:\n" + "\n".join(
        changes
    )


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    INVENTORY.write_text(json.dumps(inventory(), indent=1, sort_keys=True) + "\n", "utf-8")
