"""Heads in files: what they learned as safetensors, everything else as JSON in its header."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewshot.errors import FewshotError, SavedHeadError
from fewshot.head import Head
from fewshot.registry import check_parameters, find_head, head_names, head_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENDING", "read_card", "read_head", "save_head"]

ENDING = ".safetensors"
_FORMAT = "fewshot-head-1"


def save_head(head: Head, path: str | Path, *, notes: Mapping[str, Any] | None = None) -> None:
    """Write a head into one file, to be read back by `load_head`.

    Parameters
    ----------
    head : Head
        One that `head_names` lists; its constructor's parameters must be kept under their own
        names, as those of all heads of this package are.
    path : str or Path
        Ends in ".safetensors".
    notes : mapping, optional
        Anything JSON can hold: how it was trained.

    Raises
    ------
    SavedHeadError
        If the head has no name, a parameter is nothing JSON can hold, or the ending is wrong.

    Examples
    --------
    >>> import tempfile
    >>> from fewshot import RidgeHead, load_head
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_head(RidgeHead(penalty=0.5), f"{folder}/mine.safetensors")
    ...     load_head(f"{folder}/mine.safetensors")
    RidgeHead(penalty=0.5, scale=1.0, bias=0.0, normalise=True)
    """
    from safetensors.torch import save_file

    place = Path(path)
    if place.suffix != ENDING:
        raise SavedHeadError(f"a head is saved as {place.name!r}: let the name end in {ENDING!r}")
    card = {
        "format": _FORMAT,
        **_described(head),
        "protocol": head.protocol,
        "space": head.space,
        "notes": dict(notes or {}),
    }
    try:
        told = json.dumps(card, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SavedHeadError(f"{head!r} cannot be told in JSON ({error})") from None
    tensors = {k: v.detach().cpu().contiguous() for k, v in head.state_dict().items()}
    draft = place.with_name(place.name + ".part")
    try:
        save_file(tensors, draft, {"card": told})
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def read_card(path: str | Path) -> dict[str, Any]:
    """Read what a head's file says about it, without its tensors.

    Parameters
    ----------
    path : str or Path
        What `save_head` wrote.

    Returns
    -------
    dict
        ``head`` (its name), ``parameters``, ``protocol``, ``space`` and ``notes``.

    Raises
    ------
    SavedHeadError
        If it is no such file.
    """
    return _read(Path(path))[0]


def read_head(path: str | Path) -> Head:
    """Read a head that `save_head` wrote.

    Parameters
    ----------
    path : str or Path
        Of the file.

    Returns
    -------
    Head
        In ``eval`` mode; nothing in it needs gradients.

    Raises
    ------
    SavedHeadError
        If it is no such file, or its tensors are not those of the head it names.
    """
    card, tensors = _read(Path(path))
    try:
        head = _made(card)
        head.load_state_dict(tensors)
    except (FewshotError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise SavedHeadError(
            f"{path} names a head that cannot be made of it ({error}): it was changed, or written "
            "by another version of fewshot"
        ) from error
    broken = [k for k, v in tensors.items() if v.is_floating_point() and not v.isfinite().all()]
    if broken:
        raise SavedHeadError(f"{broken[0]} in {path} holds NaN or infinity: train it again")
    head.protocol, head.space = card["protocol"], card["space"]
    return head.requires_grad_(False).eval()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise SavedHeadError(f"there is no file {path}: give one that fewshot.save_head wrote")
    try:
        with safe_open(path, "pt") as stored:
            told = (stored.metadata() or {}).get("card", "null")
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        card = json.loads(told)
    except (SafetensorError, ValueError) as error:
        raise SavedHeadError(
            f"{path} cannot be read ({error}): give a file that fewshot.save_head wrote"
        ) from None
    if not isinstance(card, dict) or card.get("format") != _FORMAT:
        said = card.get("format") if isinstance(card, dict) else None
        raise SavedHeadError(
            f"{path} says format {said!r}, not {_FORMAT!r}: give a file that fewshot.save_head "
            "wrote"
        )
    return card, tensors


def _described(head: Head) -> dict[str, Any]:
    """Name and constructor's parameters; a head among them likewise."""
    name = _name(head)
    found = {}
    for key in head_parameters(name):
        if not hasattr(head, key):
            raise SavedHeadError(
                f"{type(head).__name__} does not keep its parameter {key!r}: it cannot be saved "
                f"(let it set self.{key})"
            )
        value = getattr(head, key)
        found[key] = _described(value) if isinstance(value, Head) else value
        if isinstance(value, float) and not math.isfinite(value):
            raise SavedHeadError(f"{key} of {type(head).__name__} is {value}: no file keeps that")
    return {"head": name, "parameters": found}


def _name(head: Head) -> str:
    for name in head_names():
        if type(head) is find_head(name):
            return name
    raise SavedHeadError(
        f"{type(head).__name__} has no name: only heads of fewshot.head_names() can be saved, "
        "others' through an entry point in the group 'fewshot.heads'"
    )


def _made(card: Mapping[str, Any]) -> Head:
    given = {
        key: _made(value) if isinstance(value, dict) and "head" in value else value
        for key, value in card["parameters"].items()
    }
    check_parameters(card["head"], given)
    return find_head(card["head"])(**given)
