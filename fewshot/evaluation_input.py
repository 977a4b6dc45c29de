"""What `fewshot.evaluate` is given: read, checked, and brought to one device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from fewshot.background import Background
from fewshot.duplicates import find_duplicates
from fewshot.errors import EvaluationError, SupportError
from fewshot.registry import load_head
from fewshot.support import Words
from fewshot.tensor_checks import check_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.episodes import EpisodeSampler
    from fewshot.head import Head

__all__ = [
    "background_on",
    "check_needs",
    "check_origin",
    "check_pools",
    "drawn_words",
    "named_heads",
]

_PARTS = ("fit", "eval", "needs", "batched", "transductive")


def named_heads(head: Any) -> dict[str, Head]:
    """Give heads by name, whatever way they were given.

    Parameters
    ----------
    head : Head or str, or a mapping or sequence of them
        A name is one for `fewshot.load_head`. Without a mapping a head is called by its name,
        or by its class.

    Returns
    -------
    dict of str to Head

    Raises
    ------
    EvaluationError
        If there is none, something is no head, or two have one name.
    HeadNotFound
        If no head has that name.

    Examples
    --------
    >>> list(named_heads(["prototype", "ridge"]))
    ['prototype', 'ridge']
    """
    if isinstance(head, Mapping):
        found = {name: _read(one, repr(name)) for name, one in head.items()}
    elif isinstance(head, Sequence) and not isinstance(head, str):
        found = {}
        for i, one in enumerate(head):
            name, read = _name(one), _read(one, f"head {i} of the list")
            if name in found:
                raise EvaluationError(
                    f"two heads are called {name!r}: give a mapping of names to heads"
                )
            found[name] = read
    else:
        found = {_name(head): _read(head, "head")}
    if not found:
        raise EvaluationError(
            "no head was given: give one, a list of them, or a mapping of names to heads"
        )
    return found


def _name(one: Any) -> str:
    return one if isinstance(one, str) else type(one).__name__


def _read(one: Any, what: str) -> Head:
    if isinstance(one, type):
        raise EvaluationError(
            f"{what} is the class {one.__name__}: give an instance, {one.__name__}()"
        )
    read: Head = load_head(one) if isinstance(one, str) else one
    if not all(hasattr(read, part) for part in _PARTS):
        raise EvaluationError(
            f"{what} is {one!r}: give a fewshot.Head, a name (fewshot.head_names()), a list of "
            "these, or a mapping of names to them"
        )
    return read


def check_pools(
    features: Tensor,
    labels: Sequence[Any],
    query_features: Tensor | None,
    query_labels: Sequence[Any] | None,
) -> None:
    """Refuse features that are no finite floating tensor, or do not fit their labels or pools.

    Parameters
    ----------
    features : Tensor of shape (n, d)
        Of the pool.
    labels : sequence of n labels
        Theirs.
    query_features, query_labels : optional
        Likewise of the queries' own pool; both or neither.

    Raises
    ------
    EvaluationError
        With what is wrong and its cure.
    """
    if (query_features is None) != (query_labels is None):
        raise EvaluationError("give query_features and query_labels together, or neither")
    pools = (("features", features, labels), ("query_features", query_features, query_labels))
    for what, x, y in pools:
        if x is None or y is None:
            continue
        check_tensor(x, what, EvaluationError)
        if not x.is_floating_point():
            raise EvaluationError(
                f"{what} are {x.dtype}: give floating numbers, such as {what}.float()"
            )
        if x.ndim != 2 or len(x) != len(y):
            raise EvaluationError(
                f"{what} have shape {tuple(x.shape)} with {len(y)} labels: give (n, d) and n"
            )
        if x.shape[1] != features.shape[1]:
            raise EvaluationError(
                f"queries have width {x.shape[1]}, features {features.shape[1]}: embed both with "
                "one encoder and layer"
            )
        bad = ~torch.isfinite(x).all(1)
        if bad.any():
            raise EvaluationError(
                f"{int(bad.sum())} of {len(x)} {what} rows hold NaN or infinity, the first is row "
                f"{int(bad.nonzero()[0])}: embed those pictures again, or leave them out"
            )
    shared = [] if query_features is None else find_duplicates(features, query_features)
    if shared:
        query, support = shared[0]
        more = f" ({len(shared) - 1} more rows like it)" if len(shared) > 1 else ""
        raise EvaluationError(
            f"row {query} of query_features is row {support} of features{more}, and a head must "
            "not be asked what it was shown: leave such rows out of one pool, or give one pool "
            "alone, whose support and queries are kept apart"
        )


def drawn_words(words: Words | None, sampler: EpisodeSampler, features: Tensor) -> Words | None:
    """Give the words of the classes that may be drawn, on the device of the features.

    Parameters
    ----------
    words : Words, optional
        With ``classes``, or a row for each label of the sampler.
    sampler : EpisodeSampler
        Whose ``classes`` are asked for.
    features : Tensor of shape (n, d)
        Tells width and device.

    Returns
    -------
    Words or None
        Row ``j`` is of ``sampler.classes[j]``.

    Raises
    ------
    EvaluationError
        If they are no words, of another width, or a class has none.
    """
    if words is None:
        return None
    if not isinstance(words, Words):
        raise EvaluationError(
            f"words are a {type(words).__name__}: give Words(embeddings, logit_scale=...)"
        )
    shape, width = tuple(words.embeddings.shape), features.shape[1]
    if shape[-1] != width:
        raise EvaluationError(
            f"words have width {shape[-1]} and features {width}: embed both with one encoder"
        )
    if words.classes is None:
        if shape[:-1] != (len(sampler.labels),):
            raise EvaluationError(
                f"words have shape {shape} for {len(sampler.labels)} labels: give one row a label "
                "in sorted order, or Words(..., classes=labels)"
            )
        words = replace(words, classes=sampler.labels)
    try:
        words = words.rows_of(sampler.classes)
    except SupportError as error:
        raise EvaluationError(str(error)) from None
    return replace(words, embeddings=words.embeddings.to(features.device))


def background_on(background: Background | None, features: Tensor) -> Background | None:
    """Give the background on the device of the features.

    Parameters
    ----------
    background : Background, optional
        What pictures look like in general.
    features : Tensor of shape (n, d)
        Tells width and device.

    Returns
    -------
    Background or None

    Raises
    ------
    EvaluationError
        If it is none, or of another width.
    """
    if background is None:
        return None
    if not isinstance(background, Background):
        raise EvaluationError(
            f"background is a {type(background).__name__}: give a fewshot.Background"
        )
    if background.mean.shape[-1] != features.shape[1]:
        raise EvaluationError(
            f"the background has width {background.mean.shape[-1]} and features "
            f"{features.shape[1]}: both must come from one encoder and layer"
        )
    parts = (background.mean, background.within, background.total)
    mean, within, total = (part.to(features.device) for part in parts)
    return replace(background, mean=mean, within=within, total=total)


def check_needs(name: str, head: Head, sampler: EpisodeSampler, words: Words | None) -> None:
    """Refuse a head that lacks what it needs.

    Parameters
    ----------
    name : str
        What the head is called.
    head : Head
        Whose ``needs`` are read.
    sampler : EpisodeSampler
        Tells whether every class has photos.
    words : Words, optional
        What the head will be given.

    Raises
    ------
    EvaluationError
        With what it lacks.
    """
    if "photos" in head.needs and sampler.shots[0] == 0:
        raise EvaluationError(
            f"{name} needs photos and n_shot is {sampler.shots}: give 1 shot or more, or leave it "
            "out"
        )
    if "words" in head.needs and words is None:
        raise EvaluationError(f"{name} needs words: give words=Words(...), or leave it out")


def check_origin(name: str, head: Head, features: Tensor, space: str | None) -> None:
    """Refuse a head that was trained on other features than these.

    Parameters
    ----------
    name : str
        What the head is called.
    head : Head
        Its ``space`` and ``width`` are read, where it has them.
    features : Tensor of shape (n, d)
        What it will be given.
    space : str, optional
        Their fingerprint.

    Raises
    ------
    EvaluationError
        If they are of another width, or of another space, or of one that was not told.
    """
    width, own = getattr(head, "width", None), getattr(head, "space", None)
    if width is not None and width != features.shape[1]:
        raise EvaluationError(
            f"{name} was made for features of width {width} and these have {features.shape[1]}: "
            "give those of the encoder and layer it was trained on"
        )
    if own is not None and own != space:
        told = "no space was told" if space is None else f"these are of {space!r}"
        raise EvaluationError(
            f"{name} was trained on features of the space {own!r} and {told}: give features of the "
            "same encoder and layer, with space=..., or train a head on these"
        )
