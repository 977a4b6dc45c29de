"""Heads by name: the library's own, and those of other packages."""

from __future__ import annotations

import difflib
import importlib
import inspect
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewshot.errors import HeadNotFound, HeadParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fewshot.head import Head

__all__ = ["check_parameters", "find_head", "head_names", "head_parameters", "load_head"]

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
    "meta-baseline": ("meta_baseline", "MetaBaselineHead"),
    "feat": ("feat", "FEATHead"),
    "relation": ("relation", "RelationHead"),
    "anil": ("anil", "ANILHead"),
    "fused-learned": ("fused_learned", "LearnedFusedHead"),
    "projected": ("projected", "ProjectedHead"),
}


def head_names(*, inductive: bool | None = None, words: bool | None = None) -> tuple[str, ...]:
    """Names that `load_head` knows: the library's own, then other packages'.

    Parameters
    ----------
    inductive : bool, optional
        True for heads that answer each query by itself alone, False for the transductive ones.
    words : bool, optional
        True for heads that need words, False for those that do without.

    Returns
    -------
    tuple of str
        With a condition heads that cannot be loaded are left out.

    Examples
    --------
    >>> head_names()[:2]
    ('prototype', 'simple-shot')
    >>> head_names(inductive=False, words=True)
    ('trans-clip',)
    """
    others = sorted(e.name for e in entry_points(group="fewshot.heads") if e.name not in HEADS)
    names = (*HEADS, *others)
    if inductive is None and words is None:
        return names
    return tuple(name for name in names if _is(name, inductive, words))


def _is(name: str, inductive: bool | None, words: bool | None) -> bool:
    try:
        made = find_head(name)
    except HeadNotFound:
        return False
    alone = not getattr(made, "transductive", False)
    asks = "words" in getattr(made, "needs", ())
    return inductive in (None, alone) and words in (None, asks)


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
        If no head has that name, or another package's cannot be loaded.

    Examples
    --------
    >>> find_head("prototype").__name__
    'PrototypeHead'
    """
    made: Callable[..., Head]
    if not isinstance(name, str):
        raise HeadNotFound(f"a head's name is {name!r}: give a text, one of fewshot.head_names()")
    if name in HEADS:
        module, kind = HEADS[name]
        made = getattr(importlib.import_module(f"fewshot.heads.{module}"), kind)
        return made
    found = [e for e in entry_points(group="fewshot.heads") if e.name == name]
    if not found:
        plain, colon, told = name.partition(":")
        if colon:
            raise HeadNotFound(
                f"no head is called {name!r}: parameters are keywords here: "
                f"load_head({plain!r}, {told or 'parameter=value'})"
            )
        near = difflib.get_close_matches(name.lower(), head_names(), n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise HeadNotFound(
            f"no head is called {name!r}.{hint} `fewshot.head_names()` lists them all"
        )
    try:
        made = found[0].load()
    except Exception as error:
        package = found[0].dist.name if found[0].dist else "a package without a name"
        raise HeadNotFound(
            f"head {name!r} of {package} cannot be loaded from {found[0].value}: it raised "
            f"{type(error).__name__} ({error}): mend or uninstall {package}"
        ) from error
    return made


def head_parameters(name: str) -> dict[str, inspect.Parameter]:
    """Give a head's own parameters, with their defaults.

    Parameters
    ----------
    name : str
        One of `head_names`.

    Returns
    -------
    dict of str to inspect.Parameter
        Those that may be given by name.

    Raises
    ------
    HeadNotFound
        If no head has that name.

    Examples
    --------
    >>> {name: p.default for name, p in head_parameters("matching").items()}
    {'scale': 100.0}
    """
    known = inspect.signature(find_head(name)).parameters
    return {k: p for k, p in known.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def check_parameters(name: str, given: Iterable[str]) -> None:
    """Refuse parameters that a head does not have.

    Parameters
    ----------
    name : str
        One of `head_names`.
    given : iterable of str
        Names of the parameters given.

    Raises
    ------
    HeadParameterError
        If it has no such parameter, or needs one that was not given; all it has are listed.

    Examples
    --------
    >>> check_parameters("matching", ["scale"])
    """
    made = find_head(name)
    signature = inspect.signature(made).parameters.values()
    own, given = head_parameters(name), list(given)
    told = ", ".join(k if p.default is p.empty else f"{k}={p.default!r}" for k, p in own.items())
    # torch.nn.Module's own initialiser has **kwargs, and refuses all of them
    inherited = str(getattr(made.__init__, "__module__", "")).startswith("torch.")
    takes_any = any(p.kind is p.VAR_KEYWORD for p in signature) and not inherited
    for parameter in given:
        if parameter not in own and not takes_any:
            near = difflib.get_close_matches(parameter, own, n=1)
            hint = f". Did you mean {near[0]!r}?" if near else ""
            raise HeadParameterError(
                f"{name} has no parameter {parameter!r}: it has {told or 'none'}{hint}"
            )
    for k, p in own.items():
        if p.default is p.empty and k not in given:
            raise HeadParameterError(f"{name} needs the parameter {k!r}: it has {told}")


def load_head(name: str | Path, **parameters: Any) -> Head:
    """Make a head by its name, or read one from its file.

    Parameters
    ----------
    name : str or Path
        One of `head_names`, or the file of a saved head, which ends in ".safetensors".
    **parameters
        The head's own, as its class explains them; `repr` of a head shows them. A saved head
        has its own already.

    Returns
    -------
    Head
        In ``eval`` mode.

    Raises
    ------
    HeadNotFound
        If no head has that name, or another package's cannot be loaded.
    HeadParameterError
        If the head has no such parameter; the message lists those it has.
    SavedHeadError
        If the file holds no head.

    Examples
    --------
    >>> load_head("prototype", distance="cosine").distance
    'cosine'
    """
    if isinstance(name, Path) or (isinstance(name, str) and name.endswith(".safetensors")):
        from fewshot.saved_heads import read_head

        if parameters:
            raise HeadParameterError(
                f"{name} is a saved head, whose parameters are in the file: leave out "
                f"{', '.join(parameters)}, or make a head by its name"
            )
        return read_head(name)
    check_parameters(name, parameters)
    return find_head(name)(**parameters).eval()
