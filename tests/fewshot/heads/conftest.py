"""Episodes with words, and what every head that reads words promises."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest
import torch

from fewshot import InnerProductHead, InnerProducts, Support, Words, ZeroShotHead


def word_episode(
    seed: int,
    counts=(3, 1, 2),
    *,
    d: int = 6,
    n_queries: int = 7,
    scale: float = 20.0,
    bias: float = 0.0,
    dtype: torch.dtype = torch.float64,
) -> tuple[Support, torch.Tensor]:
    """One episode: a class with as many photos as ``counts`` says, absent where it is None."""
    draw = torch.Generator().manual_seed(seed)
    k = len(counts)
    words = torch.randn(k, d, generator=draw, dtype=torch.float64)
    words = words / words.norm(dim=-1, keepdim=True)
    labels = torch.tensor([c for c, n in enumerate(counts) for _ in range(n or 0)]).long()
    noise = torch.randn(len(labels), d, generator=draw, dtype=torch.float64)
    features = 2 * (words[labels] + 0.6 * noise + 0.5)  # of any length, away from the words
    queries = 3 * torch.randn(n_queries, d, generator=draw, dtype=torch.float64)
    exist = torch.tensor([n is not None for n in counts])
    known = Words(words.to(dtype), scale, bias)
    return Support(features.to(dtype), labels, exist, known), queries.to(dtype)


def answer(head, support: Support, queries: torch.Tensor) -> torch.Tensor:
    return head.fit(support).logits(queries)


def stacked(episodes) -> tuple[Support, torch.Tensor]:
    """A batch of episodes with equal numbers of photos."""
    one = episodes[0][0]
    words = replace(one.words, embeddings=torch.stack([s.words.embeddings for s, _ in episodes]))
    parts = [
        torch.stack([getattr(s, name) for s, _ in episodes])
        for name in ("features", "labels", "class_mask")
    ]
    return Support(*parts, words), torch.stack([q for _, q in episodes])


def reordered(support: Support, order: torch.Tensor) -> Support:
    """The same episode with class ``order[j]`` in column j."""
    words = replace(support.words, embeddings=support.words.embeddings[order])
    labels = order.argsort()[support.labels]
    return Support(support.features, labels, support.class_mask[order], words)


def padded(support: Support) -> Support:
    """The same episode with rows of padding, of numbers and of none, among shuffled photos."""
    s, d = support.features.shape
    order = torch.randperm(s + 3, generator=torch.Generator().manual_seed(s))
    nothing = torch.tensor([[float("nan")], [-300.0], [7.0]]).to(support.features).expand(3, d)
    features = torch.cat([support.features, nothing])[order]
    labels = torch.cat([support.labels, torch.full((3,), -1)])[order]
    return Support(features, labels, support.class_mask, support.words)


def keeps_promises(head, seed: int, *, tolerance: float = 1e-7) -> None:
    """Invariants of a head that reads words and uses photos where there are some."""
    close = {"rtol": tolerance, "atol": tolerance}
    same = torch.testing.assert_close
    counts = [(3, 1, 2), (2, 0, 4), (1, None, 5), (6, 0, None)]
    episodes = [word_episode(seed + i, c) for i, c in enumerate(counts)]
    alone = [answer(head, *episode) for episode in episodes]
    for (support, queries), logits, shots in zip(episodes, alone, counts, strict=True):
        there = torch.tensor([n is not None for n in shots])
        assert torch.isfinite(logits[:, there]).all()
        assert (logits[:, ~there] == float("-inf")).all()
        order = torch.randperm(3, generator=torch.Generator().manual_seed(seed))
        same(answer(head, reordered(support, order), queries), logits[:, order], **close)
        same(answer(head, padded(support), queries), logits, **close)
        one = head.fit(support).logits(queries[:1], query_mask=torch.tensor([True]))
        same(one, logits[:1], **close)
        if isinstance(head, InnerProductHead):
            unit = support.with_features(head.transform(support.features))
            inner = InnerProducts.of(unit, head.transform(queries))
            found = head.logits_from_inner(inner, support.labels, support.class_mask)
            same(found, logits, **close)
    same(answer(head, *stacked(episodes)), torch.stack(alone), **close)

    support, queries = episodes[1]
    state = torch.random.get_rng_state()
    for other in (copy.deepcopy(head), pickle.loads(pickle.dumps(head))):  # noqa: S301
        assert torch.equal(answer(other, support, queries), alone[1])
    assert torch.equal(torch.random.get_rng_state(), state)

    empty, queries = word_episode(seed, (0, None, 0), bias=-1.5)
    assert torch.equal(answer(head, empty, queries), answer(ZeroShotHead(), empty, queries))
    single, queries = word_episode(seed, (2,))
    assert torch.isfinite(answer(head, single, queries)).all()
    pair = [word_episode(seed, (2, 2)), word_episode(seed + 1, (2, 2))]
    mixed, queries = stacked(pair)
    mixed = replace(mixed, labels=torch.tensor([[0, 0, 1, 1], [-1, -1, -1, -1]]))
    found, words = answer(head, mixed, queries), answer(ZeroShotHead(), mixed, queries)
    assert torch.equal(found[1], words[1])
    same(found[0], answer(head, *pair[0]), **close)


def works_in_half_precision(head, seed: int = 0) -> None:
    """bfloat16 in: near what full precision says of the same rounded numbers."""
    support, queries = word_episode(seed, (3, 1, 2), dtype=torch.bfloat16)
    words = replace(support.words, embeddings=support.words.embeddings.double())
    exact = answer(
        head, replace(support, features=support.features.double(), words=words), queries.double()
    )
    found = answer(head, support, queries).double()
    assert torch.isfinite(found).all()
    assert (found - exact).abs().max() < 0.1 * (exact.max() - exact.min())


@pytest.fixture(scope="session", name="word_episode")
def word_episode_fixture():
    return word_episode


@pytest.fixture(scope="session", name="keeps_promises")
def keeps_promises_fixture():
    return keeps_promises


@pytest.fixture(scope="session", name="works_in_half_precision")
def works_in_half_precision_fixture():
    return works_in_half_precision
