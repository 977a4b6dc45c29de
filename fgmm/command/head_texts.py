"""Heads as they are written on the command line: ``tip-adapter:alpha=3,beta=1``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import inspect
    from collections.abc import Iterable, Mapping

    from fewshot import Head

__all__ = ["load_heads", "read_head"]

_WORDS = {"true": True, "false": False, "none": None}
_KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "a text"),
}


def read_head(text: str) -> tuple[str, dict[str, Any]]:
    """Read a head's name and parameters.

    Parameters
    ----------
    text : str
        ``NAME`` or ``NAME:PARAMETER=VALUE,...``. Values are numbers, true, false, none or
        texts, which need quotes only where they hold more than letters.

    Returns
    -------
    name : str
    parameters : dict of str to (int, float, bool, str or None)

    Raises
    ------
    typer.BadParameter
        If the text has another form.

    Examples
    --------
    >>> read_head("tip-adapter:alpha=3,values=sum")
    ('tip-adapter', {'alpha': 3, 'values': 'sum'})
    """
    name, _, told = text.partition(":")
    try:
        call = ast.parse(f"_({told})", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            raise ValueError
        parameters = dict(map(_value, call.keywords))
        if len(parameters) < len(call.keywords):
            raise ValueError
        return name.strip(), parameters
    except (SyntaxError, ValueError):
        raise typer.BadParameter(
            f"{text!r} is not of the form NAME:PARAMETER=VALUE,PARAMETER=VALUE with numbers, true, "
            "false, none or texts as values",
            param_hint="--head",
        ) from None


def load_heads(texts: Iterable[str]) -> dict[str, Head]:
    """Make heads of what was written, each under its own text.

    Parameters
    ----------
    texts : iterable of str
        As `read_head` reads them.

    Returns
    -------
    dict of str to Head

    Raises
    ------
    typer.BadParameter
        If there is no such head, it has no such parameter, or refuses its value.
    """
    return {text: _load_head(text) for text in texts}


def _load_head(text: str) -> Head:
    from fewshot import load_head
    from fewshot.errors import HeadNotFound
    from fewshot.registry import check_parameters, head_parameters

    name, given = read_head(text)
    try:
        check_parameters(name, given)
        _check_kinds(given, head_parameters(name))
        return load_head(name, **given)
    except HeadNotFound as error:
        said = str(error).replace("fewshot.head_names()", "fgmm evaluate --heads")
        raise typer.BadParameter(said, param_hint="--head") from None
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(f"{text}: {error}", param_hint="--head") from None


def _check_kinds(given: Mapping[str, Any], own: Mapping[str, inspect.Parameter]) -> None:
    """Refuse a value of another kind than the default's: a head may fail on it much later."""
    for parameter, value in given.items():
        default = own[parameter].default if parameter in own else None
        types, what = _KINDS.get(type(default), ((), ""))
        if types and not (isinstance(value, types) and (bool in types or type(value) is not bool)):
            raise TypeError(f"{parameter} is {value!r}: give {what}")


def _value(keyword: ast.keyword) -> tuple[str, Any]:
    """Give a parameter's name and value; ValueError for all but plain ones."""
    if keyword.arg is None:
        raise ValueError
    if isinstance(keyword.value, ast.Name):
        word = keyword.value.id
        return keyword.arg, _WORDS.get(word.lower(), word)
    value = ast.literal_eval(keyword.value)
    if not isinstance(value, (bool, int, float, str, type(None))):
        raise ValueError
    return keyword.arg, value
