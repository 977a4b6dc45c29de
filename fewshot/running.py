"""Run heads through episodes: the function `evaluate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal, overload

import torch

from fewshot.comparison import Comparison
from fewshot.episodes import Episodes, EpisodeSampler
from fewshot.errors import EvaluationError
from fewshot.evaluation import Evaluation
from fewshot.evaluation_input import (
    background_on,
    check_needs,
    check_origin,
    check_pools,
    drawn_words,
    named_heads,
)
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
_BLOCK_BYTES = 64 << 20  # of their index tensors


@overload
def evaluate(  # type: ignore[overload-overlap]  # a str is a sequence of str too
    head: Head | str,
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
    head: Mapping[str, Head | str] | Sequence[Head | str],
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
    head: Head | str | Mapping[str, Head | str] | Sequence[Head | str],
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
    head : Head or str, or a mapping or sequence of them
        What is measured: heads, or names for `load_head`. Heads are put into ``eval`` mode. In
        a sequence a head that has no name is called by its class; a mapping names them.
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
        Another pool that queries come from (other shops, other years). None of its rows may be
        a row of ``features``.
    small_classes : {"error", "skip"}, default="error"
        What to do with classes that have too few pictures.
    protocol : str, default="no-val"
        Kept with the result: how the heads' strengths were chosen. A head that was trained says
        so itself: "base-trained".
    space : str, optional
        Kept with the result: fingerprint of the features. A head that was trained in a space
        wants to be told it.
    progress : bool, default=True
        Show a bar on a terminal when it takes more than two seconds.

    Returns
    -------
    Evaluation, or Comparison where ``head`` is a mapping or a sequence

    Raises
    ------
    EvaluationError
        If something is no head, no tensor, no words or no background, features are no floating
        numbers or hold NaN, sizes disagree, a query is a row of the support's pool, a class has no
        words, a head lacks what it needs, or was trained on features of another width or space.
    HeadNotFound
        If no head has the name given.
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
    heads = named_heads(head)
    if n_episodes < 1:
        raise EvaluationError(f"n_episodes is {n_episodes}: give 1 or more")
    check_pools(features, labels, query_features, query_labels)
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
    words = drawn_words(words, sampler, features)
    background = background_on(background, features)
    for name, one in heads.items():
        check_needs(name, one.eval(), sampler, words)
        check_origin(name, one, features, space)
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
        name: Evaluation(
            name,
            getattr(one, "protocol", None) or protocol,
            {**setting, "transductive": bool(one.transductive)},
            sampler.classes,
            *tallies[name].result(),
        )
        for name, one in heads.items()
    }
    several = isinstance(head, (Mapping, Sequence)) and not isinstance(head, str)
    return Comparison(found) if several else next(iter(found.values()))


def _tiles(sampler: EpisodeSampler, n: int, tile: int) -> Iterator[Episodes]:
    ways = sampler.ways[1]
    # a row and a label of every picture, a class of every place and whether there is one
    size = ways * (16 * (sampler.shots[1] + sampler.n_query) + 9)
    many = max(1, min(_BLOCK, _BLOCK_BYTES // size))
    for start in range(0, n, many):
        block = sampler.sample(start, min(start + many, n))
        for first in range(0, len(block), tile):
            yield Episodes(
                *(getattr(block, f)[first : first + tile] for f in Episodes.__dataclass_fields__)
            )


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
