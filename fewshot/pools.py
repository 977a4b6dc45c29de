"""Where an evaluation's features come from: a Gram matrix's blocks, or the features."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import torch

from fewshot.inner_product_head import InnerProductHead
from fewshot.inner_products import InnerProducts
from fewshot.support import Support

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background
    from fewshot.episodes import Episodes, EpisodeSampler
    from fewshot.head import Head
    from fewshot.support import Words

__all__ = ["Answer", "FeaturePool"]

_TILE_NUMBERS = 1 << 20  # floats of one tile: some 4 MB, which stays in the cache
_GRAM_BYTES = 2 << 30
# What gathering a row of features costs, in entries of a Gram matrix: both grow with the
# width. Times were equal at 220 to 260 (one core, width 192 and 512, 1 and 5 shots).
_ROW_PRICE = 192


class Answer(Protocol):
    """Logits of a tile of episodes; ``tile`` is how many episodes to give at once."""

    tile: int

    def __call__(self, episodes: Episodes) -> Tensor:
        """Score the queries of some episodes."""


class FeaturePool:
    """Features of all pictures, and the Gram matrices that heads share.

    Parameters
    ----------
    features : Tensor of shape (n, d)
        The support pool.
    query_features : Tensor of shape (m, d), optional
        The query pool, if it is another.
    words : Words, optional
        (classes, d), in the order of the sampler's classes.
    background : Background, optional
        Handed to the heads.
    n_episodes : int
        How many there will be: a Gram matrix must be cheaper than they are.
    """

    def __init__(
        self,
        features: Tensor,
        query_features: Tensor | None,
        words: Words | None,
        background: Background | None,
        *,
        n_episodes: int,
    ) -> None:
        self.features, self.query_features = features, query_features
        self.words, self.background, self.n_episodes = words, background, n_episodes
        self._grams: dict[object, _Gram] = {}

    def gram_pays(self, head: Head, s: int, q: int) -> bool:
        """Tell whether one Gram matrix is cheaper than gathering features for each episode.

        Parameters
        ----------
        head : Head
            A transductive one asks for products between queries too.
        s, q : int
            Photos and queries of an episode.

        Returns
        -------
        bool
        """
        n, entries = len(self.features), len(self.features) ** 2
        if self.query_features is not None:
            m = len(self.query_features)
            entries += n * m + (m * m if head.transductive else 0)
        products = s + q if head.transductive else s
        price = self.n_episodes * (s + q) * (products + _ROW_PRICE)
        size = max(4, self.features.element_size())  # half precision becomes float32
        return entries <= price and entries * size <= _GRAM_BYTES

    def prepare(self, head: Head, sampler: EpisodeSampler) -> Answer:
        """Choose how a head is run.

        Parameters
        ----------
        head : Head
            In ``eval`` mode.
        sampler : EpisodeSampler
            Tells how large an episode is.

        Returns
        -------
        Answer
        """
        s = max(1, sampler.ways[1] * sampler.shots[1])
        q = sampler.ways[1] * sampler.n_query
        if isinstance(head, InnerProductHead) and self.gram_pays(head, s, q):
            numbers = (s + q) * (s + q if head.transductive else s)
            tile = max(1, min(1024, _TILE_NUMBERS // numbers))
            return _FromGram(head, self._gram(head), tile)
        numbers = head.working_set(s, q, self.features.shape[1])
        tile = 1 if not head.batched else max(1, min(1024, 4 * _TILE_NUMBERS // numbers))
        return _FromFeatures(head, self, tile)

    def _gram(self, head: InnerProductHead) -> _Gram:
        # heads with the same transform share one matrix
        key = (head.transform_key(), head.shift_invariant)
        if key not in self._grams:
            x = head.transform(self.features, self.background)
            z = None
            if self.query_features is not None:
                z = head.transform(self.query_features, self.background)
            if head.shift_invariant:
                wide = torch.promote_types(x.dtype, torch.float32)
                middle = x.mean(0, dtype=wide)
                x, z = x.to(wide) - middle, None if z is None else z.to(wide) - middle
            self._grams[key] = _Gram(x, z, self.words)
        if head.transductive:
            self._grams[key].add_queries()
        return self._grams[key]


class _Gram:
    """Blocks of inner products; ``queries`` is None until `add_queries` where pools differ."""

    def __init__(self, x: Tensor, other: Tensor | None, words: Words | None) -> None:
        if x.dtype not in (torch.float32, torch.float64):
            x = x.float()
        z = x if other is None else other.to(x.dtype)
        t = None if words is None else words.embeddings.to(x)
        self._asked, self.words, self.width = z, words, x.shape[1]
        self.support = x @ x.T  # (n, n)
        self.cross = self.support if other is None else z @ x.T  # (m, n)
        self.queries = self.support if other is None else None  # (m, m)
        self.query_norms = z.square().sum(-1)  # (m,)
        self.support_words = None if t is None else x @ t.T  # (n, c)
        self.query_words = (  # (m, c)
            self.support_words if other is None or t is None else z @ t.T
        )
        self.between_words = None if t is None else t @ t.T  # (c, c)

    def add_queries(self) -> None:
        if self.queries is None:
            self.queries = self._asked @ self._asked.T


def _block(matrix: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``matrix[rows[e, i], columns[e, j]]`` for all e, i, j at once."""
    flat = (rows * matrix.shape[1]).unsqueeze(-1) + columns.unsqueeze(-2)
    # on a CPU index_select of a vector is four times as fast as take or fancy indexing
    return matrix.view(-1).index_select(0, flat.reshape(-1)).view(flat.shape)


class _FromGram:
    def __init__(self, head: InnerProductHead, gram: _Gram, tile: int) -> None:
        self.head, self.gram, self.tile = head, gram, tile

    def __call__(self, episodes: Episodes) -> Tensor:
        gram, s, q, c = self.gram, episodes.support, episodes.query, episodes.classes
        words = gram.words
        inner = InnerProducts(
            _block(gram.support, s, s),
            _block(gram.cross, q, s),
            gram.query_norms[q],
            _block(gram.queries, q, q)
            if self.head.transductive and gram.queries is not None
            else None,
            None if gram.support_words is None else _block(gram.support_words, s, c),
            None if gram.query_words is None else _block(gram.query_words, q, c),
            None if gram.between_words is None else _block(gram.between_words, c, c),
            1.0 if words is None else words.logit_scale,
            0.0 if words is None else words.logit_bias,
            gram.width,
        )
        return self.head.logits_from_inner(
            inner,
            episodes.support_labels,
            episodes.class_mask,
            query_mask=episodes.query_labels >= 0,
        )


class _FromFeatures:
    def __init__(self, head: Head, pool: FeaturePool, tile: int) -> None:
        self.head, self.pool, self.tile = head, pool, tile

    def __call__(self, episodes: Episodes) -> Tensor:
        pool = self.pool
        words = pool.words
        if words is not None:
            words = replace(words, embeddings=words.embeddings[episodes.classes], classes=None)
        support = Support(
            pool.features[episodes.support],
            episodes.support_labels,
            episodes.class_mask,
            words,
            pool.background,
            check=False,
        )
        asked = pool.features if pool.query_features is None else pool.query_features
        fitted = self.head.fit(support)
        return fitted.logits(asked[episodes.query], query_mask=episodes.query_labels >= 0)
