"""evaluate: against a slow loop over episodes, on both its paths, and what it refuses."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import fewshot
from fewshot import (
    Background,
    Episodes,
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
from fewshot.duplicates import find_duplicates
from fewshot.errors import EpisodeError, EvaluationError
from fewshot.pools import FeaturePool
from fewshot.registry import HEADS
from fewshot.tally import Tally

FIELDS = [field.name for field in dataclasses.fields(Episodes)]
INNER = [name for name in HEADS if isinstance(load_head(name), InnerProductHead)]
SIZES = {"wren": 9, "tit": 14, "owl": 30, "kite": 11, "crow": 8}  # not in sorted order


def made(seed: int, sizes=SIZES, d: int = 10):
    """Features hard enough that answers are often wrong, of classes of unequal size, shuffled."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).normal(size=(len(sizes), d))
    labels = [name for name, n in sizes.items() for _ in range(n)]
    rows = np.concatenate(
        [c + 1.4 * rng.normal(size=(n, d)) for c, n in zip(centres, sizes.values(), strict=True)]
    )
    order = rng.permutation(len(labels))
    return torch.tensor(rows[order]), [labels[i] for i in order]


def texts(n: int = 5, d: int = 10) -> Words:
    rng = np.random.default_rng(1)
    centres = dict(zip(SIZES, rng.normal(size=(n, d)), strict=True))
    rows = torch.tensor(np.stack([centres[name] for name in sorted(centres)]))
    rows = rows + 0.8 * torch.tensor(np.random.default_rng(7).normal(size=(n, d)))
    return Words(torch.nn.functional.normalize(rows, dim=-1), 15.0, -3.0)


def background(d: int = 10) -> Background:
    within = 2 * torch.eye(d, dtype=torch.float64)
    mean = torch.linspace(-0.5, 0.5, d, dtype=torch.float64)
    return Background(mean, within, within + torch.eye(d), 500, "made up", "test")


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


@pytest.fixture
def logits_seen(monkeypatch):
    """Logits and queries' labels of every tile that is counted."""
    seen = []

    class Spy(Tally):
        def add(self, logits, episodes):
            seen.append((logits.clone(), episodes))
            super().add(logits, episodes)

    monkeypatch.setattr(running, "Tally", Spy)
    return seen


def logits_of(seen) -> torch.Tensor:
    """All of them, with zeros where a query or a class is padding."""
    rows = []
    for logits, episodes in seen:
        real = (episodes.query_labels >= 0).unsqueeze(-1) & episodes.class_mask.unsqueeze(-2)
        rows.append(logits.masked_fill(~real, 0))
    seen.clear()
    return torch.cat(rows)


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


def test_words_of_classes_that_are_left_out_are_left_out():
    x, y = made(2, {**SIZES, "crow": 2})
    found = fewshot.evaluate(
        ZeroShotHead(), x, y, n_way=4, n_shot=0, n_query=5, words=texts(), small_classes="skip",
        n_episodes=40,
    )  # fmt: skip
    assert found.classes == ("kite", "owl", "tit", "wren")
    z = torch.nn.functional.normalize(x, dim=-1).numpy()
    t = {name: row.numpy() for name, row in zip(sorted(SIZES), texts().embeddings, strict=True)}
    sampler = EpisodeSampler(y, 4, 0, 5, small_classes="skip")
    for i, accuracy in enumerate(found.accuracies.tolist()):
        e = sampler.sample(i, i + 1)
        classes = [sampler.classes[c] for c in e.classes[0].tolist()]
        hits = 0
        for r, own in zip(e.query[0].tolist(), e.query_labels[0].tolist(), strict=True):
            cosines = [sum(z[r] * t[name]) for name in classes]
            hits += cosines.index(max(cosines)) == own
        assert accuracy == pytest.approx(hits / 20)


def test_words_that_know_their_classes_may_come_in_any_order():
    x, y = made(2)
    names, rows = sorted(SIZES), texts().embeddings
    told = {"n_way": 4, "n_shot": 1, "n_query": 4, "n_episodes": 30}
    plain = fewshot.evaluate(ZeroShotHead(), x, y, words=texts(), **told)
    for order in ([3, 0, 4, 1, 2], [4, 3, 2, 1, 0]):
        more = torch.cat([rows[order], rows[:1]])  # and of a class that is not here
        classes = (*(names[i] for i in order), "heron")
        words = Words(more, 15.0, -3.0, classes=classes)
        found = fewshot.evaluate(ZeroShotHead(), x, y, words=words, **told)
        assert torch.equal(found.accuracies, plain.accuracies)


def test_one_object_of_words_does_for_a_support_and_for_an_evaluation():
    """Labels first appear in another order than the sorted one."""
    x = torch.eye(3).repeat_interleave(6, 0)
    y = ["wren"] * 6 + ["owl"] * 6 + ["tit"] * 6
    words = Words(torch.eye(3), 10.0, classes=("wren", "owl", "tit"))
    support, classes = fewshot.label_support(x, y, words=words)
    best = ZeroShotHead()(support, x).argmax(-1).tolist()
    assert [classes[i] for i in best] == y
    found = fewshot.evaluate(ZeroShotHead(), x, y, words=words, n_way=3, n_shot=1, n_query=2)
    assert found.mean == 1


def test_words_that_lack_a_class_that_may_be_drawn_are_refused():
    x, y = made(2)
    words = Words(texts().embeddings[:4], 15.0, classes=["crow", "kite", "owl", "tit"])
    with pytest.raises(EvaluationError, match="words have no row for 'wren'"):
        fewshot.evaluate(ZeroShotHead(), x, y, n_query=2, n_shot=1, words=words)


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


def test_calibration_error_is_that_of_a_slow_loop(logits_seen):
    x, y = made(2)
    found = fewshot.evaluate(
        PrototypeHead(scale=0.2), x, y, n_way=(2, 4), n_shot=2, n_query=4, n_episodes=40
    )
    bins = [[] for _ in range(15)]
    for logits, episodes in logits_seen:
        for e, q in (episodes.query_labels >= 0).nonzero().tolist():
            row = [v for v in logits[e, q].tolist() if v > -math.inf]
            total = sum(math.exp(v - max(row)) for v in row)
            sure, own = 1 / total, int(episodes.query_labels[e, q])
            bins[min(int(sure * 15), 14)].append((sure, row[own] == max(row)))
    n = sum(map(len, bins))
    slow = sum(
        len(b) / n * abs(sum(s for s, _ in b) / len(b) - sum(r for _, r in b) / len(b))
        for b in bins
        if b
    )
    assert found.bins[2].tolist() == [len(b) for b in bins]
    assert found.ece == pytest.approx(slow, abs=1e-6)
    assert found.ece > 0.01


def test_a_query_whose_logits_are_nan_counts_as_wrong():
    class Lost(PrototypeHead):
        def logits_from_inner(self, inner, labels, class_mask, *, query_mask=None):
            return super().logits_from_inner(inner, labels, class_mask) * torch.nan

    x, y = made(2)
    assert fewshot.evaluate(Lost(), x, y, n_way=3, n_query=2, n_episodes=5).mean == 0


def tallied(logits, labels):
    """A tile of one episode of classes 0, 1, 2 ... counted."""
    logits = torch.as_tensor(logits, dtype=torch.float64)[None]
    k, n = logits.shape[-1], len(labels)
    tally = Tally(k, torch.device("cpu"))
    none = torch.zeros(1, 0, dtype=torch.int64)
    classes, there = torch.arange(k)[None], torch.ones(1, k, dtype=torch.bool)
    asked = torch.zeros(1, n, dtype=torch.int64)
    tally.add(logits, Episodes(none, none, asked, torch.tensor([labels]), classes, there))
    return [one.tolist() for one in tally.result()]


def test_a_query_with_equal_best_classes_counts_as_one_over_their_number():
    third = 1 / 3
    rows = [[2, 2, 0], [2, 2, 0], [1, 1, 1], [0, 3, 3], [5, -math.inf, 5], [0, 1, 2]]
    accuracies, right, tried, bins = tallied(rows, [0, 1, 2, 0, 2, -1])
    # by hand: 1/2, 1/2, 1/3, 0 (its class is not among the best), 1/2; the last is padding
    assert accuracies == pytest.approx([(0.5 + 0.5 + third + 0 + 0.5) / 5])
    assert right == pytest.approx([0.5, 0.5, third + 0.5])
    assert tried == [2, 1, 2]
    assert sum(bins[1]) == pytest.approx(sum(right))


def test_a_query_without_a_finite_highest_logit_counts_as_wrong():
    inf, nan = math.inf, math.nan
    rows = [[inf, 0, 0], [-inf] * 3, [1, nan, 0], [inf, inf, 0], [nan] * 3, [1, 0, -inf]]
    accuracies, right, *_ = tallied(rows, [0] * 6)
    assert accuracies == pytest.approx([1 / 6])
    assert right == [1, 0, 0]


def test_logits_that_differ_in_their_last_digit_are_no_tie():
    assert tallied([[1.0, 1.0 + 1e-12], [1e6, 1e6 + 1e-9]], [1, 1])[0] == [1]
    assert tallied([[1.0, 1.0 + 1e-12], [1e6, 1e6 + 1e-9]], [0, 0])[0] == [0]


def test_classes_of_the_same_words_share_their_queries_by_a_slow_loop(logits_seen):
    x, y = made(2)
    names, rows = sorted(SIZES), texts().embeddings.clone()
    rows[names.index("tit")] = rows[names.index("crow")]
    told = {"n_way": 4, "n_shot": 1, "n_query": 4, "n_episodes": 30, "words": Words(rows, 15.0)}
    found = fewshot.evaluate(ZeroShotHead(), x, y, **told)
    right, ties = [0.0] * 5, 0
    for logits, episodes in logits_seen:
        for e, q in (episodes.query_labels >= 0).nonzero().tolist():
            row, own = logits[e, q].tolist(), int(episodes.query_labels[e, q])
            best = [place for place, logit in enumerate(row) if logit == max(row)]
            ties += len(best) > 1
            right[int(episodes.classes[e, own])] += (own in best) / len(best)
    assert ties > 50
    assert found.class_right.tolist() == pytest.approx(right)
    assert found.mean == pytest.approx(sum(right) / 30 / 16)


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


# --- what is refused


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": ["a"] * 71}, EvaluationError, r"features have shape \(72, 10\) with 71 labels"),
        ({"n_episodes": 0}, EvaluationError, "n_episodes is 0: give 1 or more"),
        ({"head": {}}, EvaluationError, "no head was given"),
        ({"n_shot": 6}, EpisodeError, r"class 'crow' has 8 pictures, and 6 \+ 3 are needed"),
        ({"n_way": 6}, EpisodeError, "n_way is 6 and 5 classes have enough"),
        ({"n_shot": 0}, EvaluationError, "PrototypeHead needs photos and n_shot is"),
        ({"n_shot": (0, 2)}, EvaluationError, r"PrototypeHead needs photos and n_shot is \(0, 2"),
        ({"head": {"a": ZeroShotHead()}}, EvaluationError, r"a needs words: give words=Words"),
        ({"words": Words(torch.eye(4, 10), 1.0)}, EvaluationError, r"\(4, 10\) for 5 labels"),
        ({"query_features": torch.ones(9, 10)}, EvaluationError, "query_labels together"),
        ({"query_labels": ["owl"]}, EvaluationError, "query_features and query_labels together"),
        (
            {"query_features": torch.ones(9, 11), "query_labels": ["owl"] * 9},
            EvaluationError,
            "queries have width 11, features 10: embed both",
        ),
        (
            {"query_features": torch.ones(9, 10), "query_labels": ["owl"] * 8},
            EvaluationError,
            r"query_features have shape \(9, 10\) with 8 labels",
        ),
    ],
)
def test_bad_input_is_refused_with_its_cure(change, error, message):
    x, y = made(2)
    told = {"head": PrototypeHead(), "features": x, "labels": y, "n_way": 3, "n_query": 3}
    with pytest.raises(error, match=message):
        fewshot.evaluate(**{**told, "n_shot": 2, "n_episodes": 5, **change})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_features_that_are_no_numbers_are_told_by_row(value):
    x, y = made(2)
    x[[4, 20], 3] = value
    with pytest.raises(
        EvaluationError, match="2 of 72 features rows hold NaN or infinity, the first is row 4"
    ):
        fewshot.evaluate(PrototypeHead(), x, y)
    good, labels = made(2)
    with pytest.raises(EvaluationError, match="2 of 72 query_features rows"):
        fewshot.evaluate(PrototypeHead(), good, labels, query_features=x, query_labels=y)


def test_queries_that_are_in_the_support_are_refused_by_row():
    x, y = made(2)
    message = r"row 0 of query_features is row 0 of features \(71 more rows .*leave such rows out"
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(PrototypeHead(), x, y, n_query=2, query_features=x, query_labels=y)
    z, v = made(3)
    z[7] = x[30]
    told = {"n_query": 2, "query_labels": v, "n_episodes": 3}
    message = "row 7 of query_features is row 30 of features, and"
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(PrototypeHead(), x, y, query_features=z, **told)
    z[7, -1] = torch.nextafter(x[30, -1], x[30, -1] + 1)  # one bit is enough to differ
    fewshot.evaluate(PrototypeHead(), x, y, query_features=z, **told)


@settings(max_examples=40)
@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 99), st.booleans())
def test_rows_that_pools_share_are_those_of_a_loop(n, m, seed, single):
    draw = torch.Generator().manual_seed(seed)
    # few values, so that some rows are the same; transposed, so that rows are not contiguous
    x = torch.randint(3, (2, n), generator=draw).double().mT
    z = torch.randint(3, (2, m), generator=draw).double().mT
    expected = []
    for i, query in enumerate(z.tolist()):
        equal = [j for j, row in enumerate(x.tolist()) if row == query]
        expected += [(i, equal[0])] if equal else []
    assert find_duplicates(x.float() if single else x, z) == expected


@pytest.mark.parametrize("what", ["features", "query_features"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_features_that_are_no_floating_numbers_are_refused(what, dtype):
    x, y = made(2)
    told = {"query_features": x.to(dtype), "query_labels": y} if what == "query_features" else {}
    message = rf"{what} are {dtype}: .*\.float\(\)"
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(PrototypeHead(), x if told else x.to(dtype), y, n_query=2, **told)


@pytest.mark.parametrize("what", ["features", "query_features"])
def test_features_that_are_no_tensor_are_refused(what):
    x, y = made(2)
    other = {"features": x, "query_features": x, "query_labels": y}
    message = rf"{what} are a ndarray: .*torch\.from_numpy\({what}\)"
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(PrototypeHead(), labels=y, **{**other, what: x.numpy()})
    with pytest.raises(EvaluationError, match=rf"{what} are a list: give a torch tensor"):
        fewshot.evaluate(PrototypeHead(), labels=y, **{**other, what: x.tolist()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": torch.eye(5, 10)}, r"words are a Tensor: give Words\(embeddings, logit_scale"),
        ({"words": Words(torch.eye(5, 11), 9.0)}, "words have width 11 and features 10"),
        (
            {"words": Words(torch.eye(5, 11), 9.0, classes=sorted(SIZES))},
            "words have width 11 and features 10",
        ),
        ({"background": torch.eye(5)}, "background is a Tensor: give a fewshot.Background"),
        ({"background": background(9)}, "the background has width 9 and features 10"),
        ({"head": PrototypeHead}, r"head is the class PrototypeHead: .*PrototypeHead\(\)"),
        ({"head": {"a": ZeroShotHead}}, r"'a' is the class ZeroShotHead: .*ZeroShotHead\(\)"),
        ({"head": torch.nn.Identity()}, r"head is Identity\(\): give a fewshot.Head, a name"),
        ({"head": 3}, "head is 3: give a fewshot.Head, a name"),
        ({"head": ["ridge", 3]}, "head 1 of the list is 3: give a fewshot.Head, a name"),
        ({"head": []}, "no head was given"),
        ({"head": ["ridge", "ridge"]}, "two heads are called 'ridge': give a mapping"),
        (
            {"head": [PrototypeHead(), PrototypeHead("cosine")]},
            "two heads are called 'PrototypeHead': give a mapping",
        ),
    ],
)
def test_what_is_no_head_no_words_and_no_background_is_refused(change, message):
    x, y = made(2)
    told = {"head": PrototypeHead(), "features": x, "labels": y, "n_way": 3, "n_query": 3}
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(**{**told, "n_shot": 2, "n_episodes": 5, **change})


def test_a_result_tells_whether_its_head_saw_the_queries_together():
    x, y = made(2)
    told = {"n_way": 3, "n_shot": 2, "n_query": 4, "n_episodes": 5}
    both = fewshot.evaluate(["prototype", "tim"], x, y, **told)
    assert [both[name].setting["transductive"] for name in both] == [False, True]
    assert both.difference("tim", "prototype").mean == pytest.approx(
        both["tim"].mean - both["prototype"].mean
    )


def test_heads_may_be_named_and_listed():
    x, y = made(2)
    told = {"n_way": 3, "n_shot": 2, "n_query": 4, "n_episodes": 20}
    plain = fewshot.evaluate(PrototypeHead(), x, y, **told)
    named = fewshot.evaluate("prototype", x, y, **told)
    assert named.head == "prototype"
    assert torch.equal(named.accuracies, plain.accuracies)
    several = fewshot.evaluate(["prototype", SimpleShotHead()], x, y, **told)
    assert list(several) == ["prototype", "SimpleShotHead"]
    assert torch.equal(several["prototype"].accuracies, plain.accuracies)
    one = fewshot.evaluate(("prototype",), x, y, **told)
    assert isinstance(one, fewshot.Comparison)
    mapped = fewshot.evaluate({"mean": "prototype", "other": SimpleShotHead()}, x, y, **told)
    assert mapped.difference("mean", "other") == several.difference("prototype", "SimpleShotHead")
    with pytest.raises(LookupError, match=r"no head is called 'prototyp'. Did you mean"):
        fewshot.evaluate("prototyp", x, y, **told)


@pytest.mark.parametrize("name", ["prototype", "clip-adapter"])
def test_pools_and_words_may_differ_in_type_and_lie_anyhow_in_memory(name, monkeypatch):
    (x, y), (z, v) = made(2), made(3)
    told = {"n_way": 3, "n_shot": 2, "n_query": 2, "n_episodes": 20, "query_labels": v}
    told |= {"words": texts()}
    plain = fewshot.evaluate(load_head(name), x, y, query_features=z, **told)
    for gram in (True, False):
        monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_, gram=gram: gram)
        for one, other in ((x, z.float()), (x.float(), z), (x.mT.contiguous().mT, z)):
            one = one.clone(memory_format=torch.preserve_format).requires_grad_()
            found = fewshot.evaluate(load_head(name), one, y, query_features=other, **told)
            torch.testing.assert_close(found.accuracies, plain.accuracies)
            assert not found.accuracies.requires_grad


def test_a_wish_for_small_classes_that_is_not_known_is_refused():
    x, y = made(2)
    with pytest.raises(EpisodeError, match="small_classes is 'drop': use 'error' or 'skip'"):
        fewshot.evaluate(PrototypeHead(), x, y, n_query=2, small_classes="drop")
