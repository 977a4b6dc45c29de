"""Run heads through episodes: the function `evaluate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal, overload

import torch

from fewshot.comparison import Comparison
from fewshot.episodes import Episodes, EpisodeSampler
from fewshot.errors import EvaluationError, SupportError
from fewshot.evaluation import Evaluation
from fewshot.pools import FeaturePool
from fewshot.progress import track
from fewshot.tally import Tally

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background
    from fewshot.head import Head
    from fewshot.support import Words

__all__ = ["evaluate"]

_BLOCK = 4096  # episodes drawn at once: drawing has a fixed cost of a few milliseconds


@overload
def evaluate(
    head: Head,
    features: Tensor,
    labels: Sequence[Any],
    *,
    n_way: int | tuple[int, int] = ...,
    n_shot: int | tuple[int, int] = ...,
    n_query: int = ...,
    n_episodes: int = ...,
    seed: int = ...,
    words: Words | None = ...,
    background: Background | None = ...,
    query_features: Tensor | None = ...,
    query_labels: Sequence[Any] | None = ...,
    small_classes: Literal["error", "skip"] = ...,
    protocol: str = ...,
    space: str | None = ...,
    progress: bool = ...,
) -> Evaluation: ...
@overload
def evaluate(
    head: Mapping[str, Head],
    features: Tensor,
    labels: Sequence[Any],
    *,
    n_way: int | tuple[int, int] = ...,
    n_shot: int | tuple[int, int] = ...,
    n_query: int = ...,
    n_episodes: int = ...,
    seed: int = ...,
    words: Words | None = ...,
    background: Background | None = ...,
    query_features: Tensor | None = ...,
    query_labels: Sequence[Any] | None = ...,
    small_classes: Literal["error", "skip"] = ...,
    protocol: str = ...,
    space: str | None = ...,
    progress: bool = ...,
) -> Comparison: ...


def evaluate(
    head: Head | Mapping[str, Head],
    features: Tensor,
    labels: Sequence[Any],
    *,
    n_way: int | tuple[int, int] = 5,
    n_shot: int | tuple[int, int] = 5,
    n_query: int = 15,
    n_episodes: int = 2000,
    seed: int = 0,
    words: Words | None = None,
    background: Background | None = None,
    query_features: Tensor | None = None,
    query_labels: Sequence[Any] | None = None,
    small_classes: Literal["error", "skip"] = "error",
    protocol: str = "no-val",
    space: str | None = None,
    progress: bool = True,
) -> Evaluation | Comparison:
    """Measure one head or several on the same episodes.

    Parameters
    ----------
    head : Head, or mapping of str to Head
        What is measured. Heads are put into ``eval`` mode.
    features : Tensor of shape (n, d)
        One row a picture; of any floating type, finite. They are used as they come: unit rows
        or not. Everything is computed on their device, and the rest is brought there.
    labels : sequence of n labels
        Any strings or numbers, all of one kind.
    n_way, n_shot : int or (int, int), default=5
        As in `EpisodeSampler`. Zero shots are for heads that read words.
    n_query : int, default=15
        Queries of each class.
    n_episodes : int, default=2000
        Peers commonly take 600 to 10,000.
    seed : int, default=0
        Of the episodes. Heads draw no random numbers.
    words : Words, optional
        Their ``classes`` tell which row is whose. Without them row ``j`` belongs to the ``j``-th
        of the sorted labels, which is not the order of `label_support`.
    background : Background, optional
        What pictures of this encoder look like in general.
    query_features, query_labels : optional
        Another pool that queries come from (other shops, other years).
    small_classes : {"error", "skip"}, default="error"
        What to do with classes that have too few pictures.
    protocol : str, default="no-val"
        Kept with the result: how the heads' strengths were chosen.
    space : str, optional
        Kept with the result: fingerprint of the encoder.
    progress : bool, default=True
        Show a bar on a terminal when it takes more than two seconds.

    Returns
    -------
    Evaluation, or Comparison where ``head`` is a mapping

    Raises
    ------
    EvaluationError
        If features are no floating numbers or hold NaN, sizes disagree, a class has no words,
        or a head lacks what it needs.
    EpisodeError
        If labels are of two kinds, or a class has too few pictures.

    Notes
    -----
    Heads that see features through inner products only (`InnerProductHead`) run on blocks
    of one Gram matrix of the pool, unless that would cost more than the episodes.

    A query whose own class shares the highest logit with others counts as one over their
    number. So it is for heads of words alone where classes have the same words.

    Examples
    --------
    >>> import fewshot, torch
    >>> x = torch.eye(6).repeat_interleave(20, 0)
    >>> y = [i // 20 for i in range(120)]
    >>> fewshot.evaluate(fewshot.PrototypeHead(), x, y, n_shot=1, n_episodes=100).mean
    1.0
    """
    heads = dict(head) if isinstance(head, Mapping) else {type(head).__name__: head}
    if not heads:
        raise EvaluationError("no head was given: give one, or a mapping of names to heads")
    if n_episodes < 1:
        raise EvaluationError(f"n_episodes is {n_episodes}: give 1 or more")
    _check(features, labels, query_features, query_labels)
    sampler = EpisodeSampler(
        labels,
        n_way,
        n_shot,
        n_query,
        seed,
        query_labels=query_labels,
        small_classes=small_classes,
        device=features.device,
    )
    words = _rows_of(words, sampler, features.device)
    background = _moved(background, features.device)
    for name, one in heads.items():
        _check_needs(name, one.eval(), sampler, words)
    if query_features is not None:
        query_features = query_features.to(features.device)
    pool = FeaturePool(features, query_features, words, background, n_episodes=n_episodes)
    tallies = {name: Tally(len(sampler.classes), features.device) for name in heads}
    with torch.inference_mode(), track(n_episodes * len(heads), show=progress) as advance:
        for name, one in heads.items():
            answer = pool.prepare(one, sampler)
            for episodes in _tiles(sampler, n_episodes, answer.tile):
                tallies[name].add(answer(episodes), episodes)
                advance(len(episodes))
    setting = {
        "n_way": n_way,
        "n_shot": n_shot,
        "n_query": n_query,
        "n_episodes": n_episodes,
        "seed": seed,
        "split_id": sampler.id,
        "space": space,
        "background": background is not None,
        "versions": {"fgmm": _version("fgmm"), "torch": str(torch.__version__)},
    }
    found = {
        name: Evaluation(name, protocol, setting, sampler.classes, *tallies[name].result())
        for name in heads
    }
    return Comparison(found) if isinstance(head, Mapping) else next(iter(found.values()))


def _tiles(sampler: EpisodeSampler, n: int, tile: int) -> Iterator[Episodes]:
    for start in range(0, n, _BLOCK):
        block = sampler.sample(start, min(start + _BLOCK, n))
        for first in range(0, len(block), tile):
            yield Episodes(
                *(getattr(block, f)[first : first + tile] for f in Episodes.__dataclass_fields__)
            )


def _check(
    features: Tensor,
    labels: Sequence[Any],
    query_features: Tensor | None,
    query_labels: Sequence[Any] | None,
) -> None:
    if (query_features is None) != (query_labels is None):
        raise EvaluationError("give query_features and query_labels together, or neither")
    pools = (("features", features, labels), ("query_features", query_features, query_labels))
    for what, x, y in pools:
        if x is None or y is None:
            continue
        if not isinstance(x, torch.Tensor):
            raise EvaluationError(f"{what} are a {type(x).__name__}: give a torch tensor")
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


def _rows_of(words: Words | None, sampler: EpisodeSampler, device: torch.device) -> Words | None:
    """Give the words of the classes that may be drawn, on the device of the features."""
    if words is None:
        return None
    every = sampler.labels
    if words.classes is not None:
        try:
            words = words.rows_of(sampler.classes)
        except SupportError as error:
            raise EvaluationError(str(error)) from None
        return replace(words, embeddings=words.embeddings.to(device))
    if words.embeddings.shape[0] != len(every) or words.embeddings.ndim != 2:
        raise EvaluationError(
            f"words have shape {tuple(words.embeddings.shape)} for {len(every)} labels: give one "
            "row a label in sorted order, or Words(..., classes=labels)"
        )
    place = {label: i for i, label in enumerate(every)}
    rows = torch.tensor([place[c] for c in sampler.classes], device=words.embeddings.device)
    return replace(words, embeddings=words.embeddings[rows].to(device))


def _moved(background: Background | None, device: torch.device) -> Background | None:
    if background is None:
        return None
    parts = (background.mean, background.within, background.total)
    mean, within, total = (part.to(device) for part in parts)
    return replace(background, mean=mean, within=within, total=total)


def _check_needs(name: str, head: Head, sampler: EpisodeSampler, words: Words | None) -> None:
    if "photos" in head.needs and sampler.shots[0] == 0:
        raise EvaluationError(
            f"{name} needs photos and n_shot is {sampler.shots}: give 1 shot or more, or leave it "
            "out"
        )
    if "words" in head.needs and words is None:
        raise EvaluationError(f"{name} needs words: give words=Words(...), or leave it out")


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
