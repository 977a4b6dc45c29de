"""Is what is public explained? numpydoc's own checks, those that matter here.

What a package exports is explained in full. What is public within a package only need not list
its parameters, but what it says must be true.
"""

from __future__ import annotations

import importlib
import inspect

from numpydoc.validate import validate

CHECKS = {
    "GL03": "blank lines",
    "GL06": "an unknown section",
    "GL07": "sections out of order",
    "GL08": "no docstring",
    "PR01": "a parameter that is not explained",
    "PR02": "a parameter that does not exist",
    "PR03": "parameters out of order",
    "PR10": "no space before the colon",
    "YD01": "no word on what is yielded",
}
COMPLETE = {"PR01", "YD01"}


def resolve(name: str) -> object:
    """What a dotted name stands for."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            value = getattr(value, part)
        return value
    raise LookupError(name)


def n_parameters(value: object, owner: object) -> int:
    """How many parameters a caller gives; a property has none."""
    if not callable(value):
        return 0
    bound = inspect.isclass(owner) and not inspect.ismethod(value)
    return len(inspect.signature(value).parameters) - bound


def complaints(name: str, *, in_full: bool) -> dict[str, str]:
    """What numpydoc has to say, less what one parameter or a plain value need not have."""
    found = {code: text for code, text in validate(name)["errors"] if code in CHECKS}
    if not in_full:
        found = {code: text for code, text in found.items() if code not in COMPLETE}
    value, owner = resolve(name), resolve(name.rpartition(".")[0])
    if "Parameters\n---" not in (inspect.getdoc(value) or "") and (
        inspect.isclass(value) or n_parameters(value, owner) <= 1
    ):
        found.pop("PR01", None)
    attributes = (inspect.getdoc(owner) or "").partition("Attributes\n---")[2]
    if isinstance(value, property) and name.rpartition(".")[2] in attributes:
        found.pop("GL08", None)
    return found


def test_what_is_public_is_explained(public_object):
    assert complaints(public_object, in_full=False) == {}


def test_what_is_exported_is_explained_in_full(exported_object):
    assert complaints(exported_object, in_full=True) == {}


def planted(one, two):
    """Do something.

    Parameters
    ----------
    one : int
        The first.
    three : int
        Not there.
    """


def test_the_check_sees_parameters_that_are_missing_or_too_many():
    assert set(complaints(f"{__name__}.planted", in_full=True)) == {"PR01", "PR02"}
