"""SimpleShot: against loops and numpy, scikit-learn, by hand, and beside its relatives."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import normalize

import fewshot
from fewshot import Background, LaplacianShotHead, PrototypeHead, SimpleShotHead, Support
from fewshot.pools import FeaturePool


def around(mean: torch.Tensor) -> Background:
    spread = torch.eye(len(mean), dtype=mean.dtype)
    return Background(mean, spread, 2 * spread, 100, "here", "made up")


def slowly(support, queries, scale=1.0):
    """Section 3, a photo and a coordinate at a time: centre, then normalise, then the mean."""
    d = queries.shape[-1]
    centre = [0.0] * d if support.background is None else support.background.mean.tolist()

    def changed(row):
        row = [a - m for a, m in zip(row, centre, strict=True)]
        return [a / math.hypot(*row) for a in row]

    rows = [changed(row) for row in support.features.tolist()]
    answer = []
    for query in map(changed, queries.tolist()):
        answer.append([])
        for c in range(support.n_classes):
            own = [r for r, y in zip(rows, support.labels.tolist(), strict=True) if y == c]
            mean = [sum(r[j] for r in own) / len(own) for j in range(d)]
            far = sum((a - b) ** 2 for a, b in zip(query, mean, strict=True))
            answer[-1].append(-scale * far)
    return torch.tensor(answer, dtype=torch.float64)


def episode(photo_episode, seed, *, background, counts=(3, 1, 2)):
    support, queries = photo_episode(seed, counts, n_queries=30)
    mean = torch.linspace(-1, 2, 6, dtype=torch.float64)
    return replace(support, background=around(mean) if background else None), queries


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("counts", [(3, 1, 2), (1, 1), (4,)])
def test_it_is_the_definition(photo_episode, counts, background):
    support, queries = episode(photo_episode, 0, background=background, counts=counts)
    found = SimpleShotHead(0.6).fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, 0.6))


@pytest.mark.parametrize("background", [False, True])
def test_the_answer_is_that_of_scikit_learns_parts(photo_episode, background):
    support, queries = episode(photo_episode, 1, background=background)
    centre = support.background.mean.numpy() if background else 0.0
    x, z = (normalize(v.numpy() - centre) for v in (support.features, queries))
    model = NearestCentroid().fit(x, support.labels.numpy())
    found = SimpleShotHead().fit(support).logits(queries).argmax(-1)
    assert found.tolist() == model.predict(z).tolist()
    means = np.stack([x[support.labels.numpy() == c].mean(0) for c in range(3)])
    far = ((z[:, None] - means) ** 2).sum(-1)
    assert found.tolist() == far.argmin(1).tolist()


def test_a_case_by_hand():
    # Around (1, 1): photos (4, 5) and (1, 3) leave (3, 4) and (0, 2), unit (.6, .8) and (0, 1).
    # The query (3, 1) leaves (2, 0), unit (1, 0). Squared distances .16 + .64 = .8 and 2.
    # Normalised first, (4, 5) and (1, 3) would be other vectors: (.62, .78) and (.32, .95).
    x = torch.tensor([[4.0, 5.0], [1.0, 3.0]])
    exist = torch.ones(2, dtype=torch.bool)
    support = Support(x, torch.tensor([0, 1]), exist, background=around(torch.ones(2)))
    found = SimpleShotHead().fit(support).logits(torch.tensor([[3.0, 1.0]]))
    torch.testing.assert_close(found, torch.tensor([[-0.8, -2.0]]))


def test_on_changed_features_it_is_the_nearest_class_mean(photo_episode):
    support, queries = episode(photo_episode, 2, background=True)
    head = SimpleShotHead()
    x, z = (head.transform(v, support.background) for v in (support.features, queries))
    torch.testing.assert_close(x.norm(dim=-1), torch.ones(6, dtype=torch.float64))
    found = head.fit(support).logits(queries)
    torch.testing.assert_close(found, PrototypeHead().fit(support.with_features(x)).logits(z))


def test_lengths_around_the_background_carry_no_meaning(photo_episode):
    support, queries = episode(photo_episode, 3, background=True)
    mean = support.background.mean
    lengths = torch.arange(1, 7).double().unsqueeze(1)
    longer = support.with_features(mean + lengths * (support.features - mean))
    found = SimpleShotHead().fit(longer).logits(mean + 5 * (queries - mean))
    torch.testing.assert_close(found, SimpleShotHead().fit(support).logits(queries))


def test_where_all_have_a_large_part_in_common_the_background_takes_it_away():
    draw = torch.Generator().manual_seed(4)
    x = torch.randn(40, 8, generator=draw) + torch.tensor([3.0, -3.0]).repeat(20).unsqueeze(1) / 4
    y, common = torch.arange(40) % 2, torch.full((8,), 50.0)
    exist = torch.ones(2, dtype=torch.bool)
    told = Support(x[:4] + common, y[:4], exist, background=around(common))
    found = SimpleShotHead().fit(told).logits(x[4:] + common)
    plain = SimpleShotHead().fit(Support(x[:4], y[:4], exist)).logits(x[4:])
    torch.testing.assert_close(found, plain, rtol=1e-3, atol=1e-3)


def test_it_shares_its_gram_matrix_with_laplacian_shot(monkeypatch):
    assert SimpleShotHead().transform_key() == LaplacianShotHead().transform_key()
    assert SimpleShotHead().transform_key() != PrototypeHead().transform_key()
    pools = []

    class Spy(FeaturePool):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            pools.append(self)

    monkeypatch.setattr("fewshot.running.FeaturePool", Spy)
    monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_: True)
    x = torch.randn(40, 5, generator=torch.Generator().manual_seed(5))
    heads = {"alone": SimpleShotHead(), "together": LaplacianShotHead()}
    y = [i % 4 for i in range(40)]
    fewshot.evaluate(heads, x, y, n_way=3, n_shot=2, n_query=2, n_episodes=5)
    assert len(pools) == 1
    assert len(pools[0]._grams) == 1


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_promises(keeps_photo_promises, seed):
    keeps_photo_promises(SimpleShotHead(2.0), seed)


def test_half_precision(answers_half_precision):
    answers_half_precision(SimpleShotHead())


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_wrong_scales_are_refused(scale):
    with pytest.raises(ValueError, match=f"scale is {scale}: it must be positive and finite"):
        SimpleShotHead(scale)
