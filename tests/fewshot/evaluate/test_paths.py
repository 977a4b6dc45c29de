"""evaluate: against a slow loop over episodes, on both its paths, in blocks of any length."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import fewshot
from fewshot import (
    EpisodeSampler,
    InnerProductHead,
    PrototypeHead,
    SimpleShotHead,
    Support,
    Words,
    ZeroShotHead,
    load_head,
    running,
)
from fewshot.pools import FeaturePool
from fewshot.registry import HEADS
from tests.fewshot.evaluate.conftest import FIELDS, SIZES, background, logits_of, made, texts

INNER = [name for name in HEADS if isinstance(load_head(name), InnerProductHead)]


def slow_prototypes(sampler, n: int, x, z):
    """Accuracy of each episode, and right and tried by class, one query at a time."""
    x, z = x.numpy(), z.numpy()
    accuracies, right, tried = [], dict.fromkeys(sampler.classes, 0), {}
    for i in range(n):
        e = sampler.sample(i, i + 1)
        ways = e.classes[0][e.class_mask[0]].tolist()
        support = list(zip(e.support[0].tolist(), e.support_labels[0].tolist(), strict=True))
        means = [np.mean([x[r] for r, y in support if y == w], axis=0) for w in range(len(ways))]
        hits = []
        for r, y in zip(e.query[0].tolist(), e.query_labels[0].tolist(), strict=True):
            if y < 0:
                continue
            far = [float(np.sum((z[r] - m) ** 2)) for m in means]
            name = sampler.classes[ways[y]]
            hits.append(far.index(min(far)) == y)
            right[name] += hits[-1]
            tried[name] = tried.get(name, 0) + 1
        accuracies.append(sum(hits) / len(hits))
    return accuracies, right, tried


@pytest.mark.parametrize("gram", [True, False])
@pytest.mark.parametrize("pools", [1, 2])
@pytest.mark.parametrize(
    ("n_way", "n_shot"), [(3, 2), (5, 1), ((2, 5), (1, 4))], ids=["3-2", "5-1", "ranges"]
)
def test_accuracies_are_those_of_a_slow_loop(n_way, n_shot, pools, gram, monkeypatch):
    monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_: gram)
    x, y = made(2)
    z, v = made(3) if pools == 2 else (None, None)
    numbers = {"n_way": n_way, "n_shot": n_shot, "n_query": 4, "seed": 5}
    found = fewshot.evaluate(
        PrototypeHead(), x, y, n_episodes=60, query_features=z, query_labels=v, **numbers
    )
    sampler = EpisodeSampler(y, query_labels=v, **numbers)
    accuracies, right, tried = slow_prototypes(sampler, 60, x, x if z is None else z)
    assert found.accuracies.tolist() == pytest.approx(accuracies, abs=1e-12)
    assert 0.3 < found.mean < 0.95  # hard enough to tell
    assert found.classes == tuple(sorted(SIZES))
    assert dict(zip(found.classes, found.class_right.tolist(), strict=True)) == right
    assert dict(zip(found.classes, found.class_tried.tolist(), strict=True)) == tried
    rates = {name: right[name] / tried[name] for name in tried}
    assert found.per_class == pytest.approx(rates)
    assert found.macro == pytest.approx(sum(rates.values()) / len(rates))
    assert found.setting["split_id"] == sampler.id


@pytest.mark.parametrize("pools", [1, 2])
@pytest.mark.parametrize("name", INNER)
def test_both_paths_give_the_same_logits(name, pools, monkeypatch, logits_seen):
    head = load_head(name)
    x, y = made(2)
    z, v = made(3) if pools == 2 else (None, None)
    paths = []
    for gram in (True, False):
        monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_, gram=gram: gram)
        fewshot.evaluate(
            head,
            x,
            y,
            n_way=(2, 4),
            n_shot=(1, 3),
            n_query=3,
            n_episodes=12,
            words=texts(),
            background=background(),
            query_features=z,
            query_labels=v,
        )
        paths.append(logits_of(logits_seen))
    assert paths[0].shape == (12, 12, 4)
    assert torch.isfinite(paths[0]).all()
    largest = float(paths[0].abs().max())
    torch.testing.assert_close(paths[0], paths[1], rtol=0, atol=1e-5 * max(1, largest))


def test_a_gram_matrix_is_made_where_it_costs_less_than_the_episodes():
    small, large = torch.ones(20, 4), torch.ones(2000, 4)

    def pays(head, support, queries=None, n_episodes=10):
        pool = FeaturePool(support, queries, None, None, n_episodes=n_episodes)
        return pool.gram_pays(load_head(head), 10, 20)

    assert pays("prototype", small)
    assert not pays("prototype", large)  # 4 million products for 300 rows
    assert pays("prototype", large, n_episodes=10_000)
    # products between queries are a matter for those heads alone that ask for them
    assert pays("prototype", small, large)
    assert not pays("laplacian-shot", small, large)
    assert pays("laplacian-shot", small, small)
    assert pays("laplacian-shot", small, large, n_episodes=10_000)
    # 400 + 40,000 products for 180 rows, and for 210
    assert not pays("prototype", small, large, n_episodes=6)
    assert pays("prototype", small, large, n_episodes=7)
    # 10 episodes ask for 30 x 10 products each, or for 30 x 30: that tips it at 250 pictures
    middle = torch.ones(250, 4)
    assert not pays("prototype", middle)
    assert pays("laplacian-shot", middle)


def test_a_gram_matrix_that_memory_may_not_hold_is_not_made():
    def pays(n, m, dtype, head="prototype"):
        features = torch.ones(1, 1, dtype=dtype)
        queries = features.expand(m, 1) if m else None
        pool = FeaturePool(features.expand(n, 1), queries, None, None, n_episodes=10**9)
        return pool.gram_pays(load_head(head), 10, 20)

    # 2 GiB are 23,170 x 23,170 numbers of 4 bytes, 16,384 x 16,384 of 8
    for dtype, n in ((torch.float32, 23_170), (torch.bfloat16, 23_170), (torch.float64, 16_384)):
        assert pays(n, 0, dtype)
        assert not pays(n + 1, 0, dtype)
    # and with queries of their own n (n + m), with products between them n (n + m) + m m
    assert pays(10, 23_160, torch.float32)
    assert not pays(10, 24_000, torch.float32, "laplacian-shot")


def test_heads_of_one_transform_share_a_gram_matrix_and_only_some_the_queries_part(monkeypatch):
    monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_: True)
    (x, y), (z, v) = made(2), made(3)
    sampler = EpisodeSampler(y, 3, 2, 4, query_labels=v)
    pool = FeaturePool(x, z, None, None, n_episodes=5)
    unit, plain, joint = (
        pool.prepare(load_head(n), sampler) for n in ("ridge", "prototype", "tim")
    )
    assert unit.gram is joint.gram
    assert unit.gram is not plain.gram
    assert joint.gram.queries.shape == (len(z), len(z))
    assert plain.gram.queries is None


@pytest.mark.parametrize("name", ["simple-shot", "zero-shot"])
def test_an_episode_s_logits_are_those_of_its_own_support(name, logits_seen):
    """Row by row: the right words, background, support and queries reach the head."""
    x, y = made(2)
    told = {"n_way": 3, "n_shot": 2, "n_query": 3}
    fewshot.evaluate(
        load_head(name), x, y, n_episodes=9, words=texts(), background=background(), **told
    )
    found, sampler = logits_of(logits_seen), EpisodeSampler(y, **told)
    names = sorted(SIZES)
    for i in range(9):
        e = sampler.sample(i, i + 1)
        rows = [names.index(sampler.classes[c]) for c in e.classes[0].tolist()]
        words = Words(texts().embeddings[rows], 15.0, -3.0)
        support = Support(
            x[e.support[0]], e.support_labels[0], e.class_mask[0], words, background()
        )
        own = load_head(name).fit(support).logits(x[e.query[0]])
        torch.testing.assert_close(found[i], own)


def test_several_heads_see_the_same_episodes_in_any_company():
    x, y = made(2)
    told = {"n_way": 3, "n_shot": 2, "n_query": 4, "n_episodes": 30}
    heads = {"mean": PrototypeHead(), "centred": SimpleShotHead(), "words": ZeroShotHead()}
    both = fewshot.evaluate(heads, x, y, words=texts(), **told)
    assert list(both) == list(heads)
    for name, head in heads.items():
        alone = fewshot.evaluate(head, x, y, words=texts(), **told)
        assert torch.equal(alone.accuracies, both[name].accuracies)
        assert alone.head == type(head).__name__
        assert both[name].head == name
    gap = both["mean"].accuracies - both["words"].accuracies
    assert both.difference("mean", "words").mean == pytest.approx(float(gap.mean()))


def test_thousands_of_episodes_are_the_sum_of_their_blocks(monkeypatch):
    x, y = made(2)
    whole = fewshot.evaluate(PrototypeHead(), x, y, n_way=3, n_query=2, n_episodes=50)
    monkeypatch.setattr(running, "_BLOCK", 7)
    parts = fewshot.evaluate(PrototypeHead(), x, y, n_way=3, n_query=2, n_episodes=50)
    assert torch.equal(whole.accuracies, parts.accuracies)
    assert torch.equal(whole.bins, parts.bins)


@pytest.mark.parametrize(
    ("n_way", "n_shot", "n_query"), [(5, 1, 7), ((2, 5), (1, 20), 7), (2, 0, 1)]
)
def test_blocks_of_large_episodes_are_short(n_way, n_shot, n_query, monkeypatch):
    monkeypatch.setattr(running, "_BLOCK_BYTES", 40_000)
    drawn, original = [], EpisodeSampler.sample

    def sample(self, start, stop):
        found = original(self, start, stop)
        drawn.append((stop - start, sum(getattr(found, f).nbytes for f in FIELDS)))
        return found

    monkeypatch.setattr(EpisodeSampler, "sample", sample)
    sampler = EpisodeSampler(made(2)[1], n_way, n_shot, n_query)
    assert sum(len(tile) for tile in running._tiles(sampler, 500, 3)) == 500
    assert sum(n for n, _ in drawn) == 500
    # the last is what is left over
    assert all(20_000 < size <= 40_000 for _, size in drawn[:-1])
    drawn.clear()
    monkeypatch.setattr(running, "_BLOCK_BYTES", 1)  # one episode at least
    assert len(next(running._tiles(sampler, 500, 3))) == 1


def test_evaluating_changes_nothing_but_the_mode():
    x, y = made(2)
    head, before, random = PrototypeHead().train(), x.clone(), torch.get_rng_state()
    fewshot.evaluate(head, x, y, n_way=3, n_query=2, n_episodes=5)
    assert not head.training
    assert torch.equal(x, before)
    assert torch.equal(torch.get_rng_state(), random)


def test_half_precision_features_and_labels_as_a_tensor_will_do():
    x, y = made(2)
    numbers = torch.tensor([sorted(SIZES).index(name) for name in y])
    told = {"n_way": 3, "n_shot": 2, "n_query": 4, "n_episodes": 50}
    exact = fewshot.evaluate(PrototypeHead(), x.bfloat16().double(), numbers, **told)
    half = fewshot.evaluate(PrototypeHead(), x.bfloat16(), numbers, **told)
    assert half.classes == (0, 1, 2, 3, 4)
    torch.testing.assert_close(half.accuracies, exact.accuracies)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no cuda device")
@pytest.mark.parametrize("gram", [True, False])
@pytest.mark.parametrize("name", ["prototype", "simple-shot", "tim", "fused", "clip-adapter"])
def test_on_a_card_words_and_background_follow_the_features(name, gram, monkeypatch):
    monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_: gram)
    (x, y), (z, v) = made(2), made(3)
    told = {"n_way": (2, 4), "n_shot": 2, "n_query": 4, "n_episodes": 50}
    told |= {"words": texts(), "background": background(), "query_labels": v}
    here = fewshot.evaluate(load_head(name), x, y, query_features=z, **told)
    there = fewshot.evaluate(load_head(name), x.cuda(), y, query_features=z, **told)
    assert there.accuracies.device.type == "cpu"
    assert there.setting["split_id"] == here.setting["split_id"]
    torch.testing.assert_close(there.accuracies, here.accuracies)


def test_nothing_is_made_on_another_device_than_the_features(monkeypatch):
    """What is made without a device lands on one that computes nothing: it would fail."""

    class Sampler(EpisodeSampler):  # makes its tables on the processor, then moves them
        def __init__(self, *args, **options):
            with torch.device("cpu"):
                super().__init__(*args, **options)

    monkeypatch.setattr(running, "EpisodeSampler", Sampler)
    (x, y), (z, v) = made(2), made(3)
    told = {"n_way": (2, 4), "n_shot": (1, 3), "n_query": 3, "n_episodes": 5, "query_labels": v}
    told |= {"query_features": z, "words": texts(), "background": background()}
    heads = {name: load_head(name) for name in HEADS}
    plain = fewshot.evaluate(heads, x, y, **told)
    for gram in (True, False):
        monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_, gram=gram: gram)
        with torch.device("meta"):
            found = fewshot.evaluate({n: load_head(n) for n in HEADS}, x, y, **told)
        for name, one in found.items():
            assert torch.equal(one.accuracies, plain[name].accuracies)
