"""Episodes of photos alone, and what every head that needs photos promises."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from fewshot import InnerProducts, Support
from fewshot.errors import SupportError


def photo_episode(
    seed: int, counts=(3, 1, 2), *, d: int = 6, n_queries: int = 7, dtype=torch.float64
) -> tuple[Support, torch.Tensor]:
    """One episode: a class with as many photos as ``counts`` says, absent where it is None."""
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(len(counts), d, generator=draw, dtype=torch.float64)
    labels = torch.tensor([c for c, n in enumerate(counts) for _ in range(n or 0)]).long()
    noise = torch.randn(len(labels), d, generator=draw, dtype=torch.float64)
    queries = torch.randn(n_queries, d, generator=draw, dtype=torch.float64) + 0.5
    features = centres[labels] + 0.6 * noise + 0.5  # of any length, away from the origin
    exist = torch.tensor([n is not None for n in counts])
    return Support(features.to(dtype), labels, exist), queries.to(dtype)


def answer(head, support: Support, queries: torch.Tensor) -> torch.Tensor:
    return head.fit(support).logits(queries)


def padded(support: Support) -> Support:
    """The same episode with rows of padding, of numbers and of none, among shuffled photos."""
    s, d = support.features.shape
    order = torch.randperm(s + 3, generator=torch.Generator().manual_seed(s))
    nothing = torch.tensor([[float("nan")], [-300.0], [7.0]]).to(support.features).expand(3, d)
    features = torch.cat([support.features, nothing])[order]
    labels = torch.cat([support.labels, torch.full((3,), -1)])[order]
    return Support(features, labels, support.class_mask)


def keeps_photo_promises(head, seed: int, *, tolerance: float = 1e-7) -> None:
    """Invariants of an inductive head of photos."""
    close = {"rtol": tolerance, "atol": tolerance}
    same = torch.testing.assert_close
    counts = [(3, 1, 2), (2, 2, 2), (1, None, 5), (6, None, None)]
    episodes = [photo_episode(seed + i, c) for i, c in enumerate(counts)]
    alone = [answer(head, *episode) for episode in episodes]
    for (support, queries), logits in zip(episodes, alone, strict=True):
        there = support.class_mask
        assert torch.isfinite(logits[:, there]).all()
        assert (logits[:, ~there] == float("-inf")).all()
        order = torch.randperm(3, generator=torch.Generator().manual_seed(seed))
        labels = order.argsort()[support.labels]
        permuted = Support(support.features, labels, support.class_mask[order])
        same(answer(head, permuted, queries), logits[:, order], **close)
        same(answer(head, padded(support), queries), logits, **close)
        same(answer(head, support, queries[:1]), logits[:1], **close)
        unit = support.with_features(head.transform(support.features))
        inner = InnerProducts.of(unit, head.transform(queries))
        found = head.logits_from_inner(inner, support.labels, support.class_mask)
        same(found, logits, **close)

    parts = [
        torch.stack([getattr(s, name) for s, _ in episodes])
        for name in ("features", "labels", "class_mask")
    ]
    batch, queries = Support(*parts), torch.stack([q for _, q in episodes])
    same(answer(head, batch, queries), torch.stack(alone), **close)
    queries[0, 0], mask = float("nan"), torch.ones(queries.shape[:2], dtype=torch.bool)
    mask[0, 0] = False
    same(head.fit(batch).logits(queries, query_mask=mask)[mask], torch.stack(alone)[mask], **close)

    support, queries = episodes[0]
    state = torch.random.get_rng_state()
    for other in (copy.deepcopy(head), pickle.loads(pickle.dumps(head))):  # noqa: S301
        assert torch.equal(answer(other, support, queries), alone[0])
    assert torch.equal(torch.random.get_rng_state(), state)

    empty = Support(support.features[:4], support.labels[:4], support.class_mask)
    with pytest.raises(SupportError, match="class 2 has no photo"):
        head.fit(empty)


def answers_half_precision(head, seed: int = 0) -> None:
    """bfloat16 in: near what full precision says of the same rounded numbers."""
    support, queries = photo_episode(seed, dtype=torch.bfloat16)
    exact = answer(head, support.with_features(support.features.double()), queries.double())
    found = answer(head, support, queries)
    assert found.dtype == torch.float32
    assert torch.isfinite(found).all()
    assert (found - exact).abs().max() < 0.05 * (exact.max() - exact.min())
    single = answer(head, support.with_features(support.features.float()), queries.float())
    torch.testing.assert_close(single.double(), exact, rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="session", name="photo_episode")
def photo_episode_fixture():
    return photo_episode


@pytest.fixture(scope="session", name="keeps_photo_promises")
def keeps_photo_promises_fixture():
    return keeps_photo_promises


@pytest.fixture(scope="session", name="answers_half_precision")
def answers_half_precision_fixture():
    return answers_half_precision
