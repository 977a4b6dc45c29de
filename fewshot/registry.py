"""Heads by name: the library's own, and those of other packages."""

from __future__ import annotations

import difflib
import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from fewshot.errors import HeadNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from fewshot.head import Head

__all__ = ["find_head", "head_names", "load_head"]

# name -> (module under fewshot.heads, class)
HEADS = {
    "prototype": ("prototype", "PrototypeHead"),
    "simple-shot": ("simple_shot", "SimpleShotHead"),
    "nearest-neighbour": ("nearest_neighbour", "NearestNeighbourHead"),
    "matching": ("matching", "MatchingHead"),
    "ridge": ("ridge", "RidgeHead"),
    "logistic": ("logistic", "LogisticHead"),
    "svm": ("svm", "SVMHead"),
    "gda": ("gda", "GDAHead"),
    "zero-shot": ("zero_shot", "ZeroShotHead"),
    "tip-adapter": ("tip_adapter", "TipAdapterHead"),
    "tip-adapter-f": ("tip_adapter_f", "TipAdapterFHead"),
    "cross-modal": ("cross_modal", "CrossModalHead"),
    "lp++": ("lp_plus_plus", "LPPlusPlusHead"),
    "clap": ("clap", "CLAPHead"),
    "task-res": ("task_res", "TaskResHead"),
    "clip-adapter": ("clip_adapter", "CLIPAdapterHead"),
    "ape": ("ape", "APEHead"),
    "laplacian-shot": ("laplacian_shot", "LaplacianShotHead"),
    "tim": ("tim", "TIMHead"),
    "pt-map": ("pt_map", "PTMAPHead"),
    "bd-cspn": ("bd_cspn", "BDCSPNHead"),
    "trans-clip": ("trans_clip", "TransCLIPHead"),
    "fused": ("fused", "FusedHead"),
}


def head_names() -> tuple[str, ...]:
    """Names that `load_head` knows: the library's own, then other packages'.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> head_names()[:2]
    ('prototype', 'simple-shot')
    """
    others = sorted(e.name for e in entry_points(group="fewshot.heads") if e.name not in HEADS)
    return (*HEADS, *others)


def find_head(name: str) -> Callable[..., Head]:
    """Find what makes a head, so that its parameters can be looked at.

    Parameters
    ----------
    name : str
        One of `head_names`.

    Returns
    -------
    callable
        The head's class.

    Raises
    ------
    HeadNotFound
        If no head has that name; the message gives the nearest.

    Examples
    --------
    >>> find_head("prototype").__name__
    'PrototypeHead'
    """
    made: Callable[..., Head]
    if name in HEADS:
        module, kind = HEADS[name]
        made = getattr(importlib.import_module(f"fewshot.heads.{module}"), kind)
        return made
    found = [e for e in entry_points(group="fewshot.heads") if e.name == name]
    if not found:
        near = difflib.get_close_matches(name.lower(), head_names(), n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise HeadNotFound(
            f"no head is called {name!r}.{hint} `fewshot.head_names()` lists them all"
        )
    made = found[0].load()
    return made


def load_head(name: str, **parameters: Any) -> Head:
    """Make a head by its name.

    Parameters
    ----------
    name : str
        One of `head_names`.
    **parameters
        Handed to the head's class.

    Returns
    -------
    Head
        In ``eval`` mode.

    Raises
    ------
    HeadNotFound
        If no head has that name; the message gives the nearest.

    Examples
    --------
    >>> load_head("prototype", distance="cosine").distance
    'cosine'
    """
    return find_head(name)(**parameters).eval()
